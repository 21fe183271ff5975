using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>
/// The training loss in binary64, written from the equations and sharing no arithmetic with the library but its tables: RoPE frequencies, the softmax scale, and the first
/// choice of experts, which then stands, as it does in the gradient.
/// </summary>
internal sealed class DoubleModel
{
    private readonly DeepSeekConfig config;
    private readonly ModelNumerics n;
    private readonly LossOptions options;
    private readonly List<int[]> choices = [];
    private int nextChoice;
    private double balance;

    public DoubleModel(DeepSeekConfig config, Func<string, Tensor?> find, LossOptions options)
    {
        this.config = config;
        this.options = options;
        n = new ModelNumerics(config, NumericContract.Canonical, new ScalarBackend());
        foreach (Parameter p in new ParameterTable(config).Parameters)
        {
            if (find(p.Name) is { DType: DType.F32 or DType.BF16 } t)
                Weights[p.Name] = [.. Operands.Widen(t).ToArray().Select(x => (double)x)];
        }
    }

    /// <summary>Every parameter, by name; changed by whoever takes differences.</summary>
    public Dictionary<string, double[]> Weights { get; } = [];

    public double Loss(IReadOnlyList<int[]> rows)
    {
        nextChoice = 0;
        balance = 0;
        double main = 0, mtp = 0;
        long targets = BatchTotals.Of(rows).Targets;
        foreach (int[] ids in rows)
        {
            int T = ids.Length - 1;
            double[] x = Rows("model.embed_tokens.weight", ids.AsSpan(0, T));
            for (int i = 0; i < config.NumHiddenLayers; i++)
                x = Block(x, T, i);
            double[] state = Norm(x, "model.norm.weight");
            string head = config.TieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
            main += CrossEntropy(state, head, ids.AsSpan(1));
            for (int k = 1; options.MtpWeight > 0 && k <= config.NumNextnPredictLayers && T - k > 0; k++)
            {
                (state, double loss) = Module(state, ids, k, head);
                mtp += loss;
            }
        }

        return main / targets + options.MtpWeight / Math.Max(1, config.NumNextnPredictLayers) * mtp / targets + balance / BatchTotals.Of(rows).Sequences;
    }

    private (double[] State, double Loss) Module(double[] h, int[] ids, int k, string mainHead)
    {
        int d = config.HiddenSize, rows = ids.Length - 1 - k, layer = config.NumHiddenLayers + k - 1;
        string name = $"model.layers.{layer}.";
        string embedding = Weights.ContainsKey(name + "embed_tokens.weight") ? name + "embed_tokens.weight" : "model.embed_tokens.weight";
        double[] e = Norm(Rows(embedding, ids.AsSpan(k, rows)), name + "enorm.weight");
        double[] s = Norm(h[..(rows * d)], name + "hnorm.weight");
        double[] joined = new double[rows * 2 * d];
        for (int t = 0; t < rows; t++)
        {
            e.AsSpan(t * d, d).CopyTo(joined.AsSpan(t * 2 * d));
            s.AsSpan(t * d, d).CopyTo(joined.AsSpan(t * 2 * d + d));
        }

        double[] y = Norm(Block(Linear(joined, name + "eh_proj.weight", 2 * d), rows, layer), name + "shared_head.norm.weight");
        string head = Weights.ContainsKey(name + "shared_head.head.weight") ? name + "shared_head.head.weight" : mainHead;
        return (y, CrossEntropy(y, head, ids.AsSpan(k + 1, rows)));
    }

    private double[] Block(double[] x, int T, int layer)
    {
        string name = $"model.layers.{layer}.";
        x = Sum(x, Attention(Norm(x, name + "input_layernorm.weight"), T, name + "self_attn."));
        double[] u = Norm(x, name + "post_attention_layernorm.weight");
        return Sum(x, config.IsMoeLayer(layer) ? Experts(u, T, name + "mlp.") : Mlp(u, name + "mlp."));
    }

    private double[] Attention(double[] x, int T, string name)
    {
        int d = config.HiddenSize, H = config.NumAttentionHeads, dn = config.QkNopeHeadDim, dr = config.QkRopeHeadDim, dv = config.VHeadDim, c = config.KvLoraRank, D = dn + dr;
        double[] q = config.QLoraRank is { } rank
            ? Linear(Norm(Linear(x, name + "q_a_proj.weight", d), name + "q_a_layernorm.weight"), name + "q_b_proj.weight", rank)
            : Linear(x, name + "q_proj.weight", d);
        double[] u = Linear(x, name + "kv_a_proj_with_mqa.weight", d);
        double[] latent = [.. Enumerable.Range(0, T * c).Select(i => u[i / c * (c + dr) + i % c])];
        double[] kv = Linear(Norm(latent, name + "kv_a_layernorm.weight"), name + "kv_b_proj.weight", c);
        for (int t = 0; t < T; t++)
        {
            Rotate(u.AsSpan(t * (c + dr) + c, dr), t);
            for (int h = 0; h < H; h++)
                Rotate(q.AsSpan((t * H + h) * D + dn, dr), t);
        }

        double[] y = new double[T * H * dv];
        for (int h = 0; h < H; h++)
        {
            for (int i = 0; i < T; i++)
            {
                double[] e = new double[i + 1];
                for (int j = 0; j <= i; j++)
                {
                    double dot = 0;
                    for (int k = 0; k < dn; k++)
                        dot += q[(i * H + h) * D + k] * kv[(j * H + h) * (dn + dv) + k];
                    for (int k = 0; k < dr; k++)
                        dot += q[(i * H + h) * D + dn + k] * u[j * (c + dr) + c + k];
                    e[j] = dot * n.SoftmaxScale;
                }

                double m = e.Max(), s = e.Sum(v => Math.Exp(v - m));
                for (int j = 0; j <= i; j++)
                {
                    double p = Math.Exp(e[j] - m) / s;
                    for (int k = 0; k < dv; k++)
                        y[(i * H + h) * dv + k] += p * kv[(j * H + h) * (dn + dv) + dn + k];
                }
            }
        }

        return Linear(y, name + "o_proj.weight", H * dv);
    }

    private void Rotate(Span<double> z, int t)
    {
        ReadOnlySpan<float> f = n.Frequencies.AsReadOnlySpan<float>();
        for (int i = 0; i < f.Length; i++)
        {
            double phi = t * f[i];
            (double c, double s) = (Math.Cos(phi) * n.Rope.Magnitude, Math.Sin(phi) * n.Rope.Magnitude);
            (z[2 * i], z[2 * i + 1]) = (z[2 * i] * c - z[2 * i + 1] * s, z[2 * i] * s + z[2 * i + 1] * c);
        }
    }

    private double[] Experts(double[] x, int T, string name)
    {
        int d = config.HiddenSize, E = config.NRoutedExperts!.Value, K = config.NumExpertsPerTok;
        double[] l = Linear(x, name + "gate.weight", d);
        int[] chosen = Chosen(l, name, T, E, K);
        double[] y = config.NSharedExperts > 0 ? Mlp(x, name + "shared_experts.") : new double[x.Length];
        double[] share = new double[T * E];
        for (int t = 0; t < T; t++)
        {
            double m = l.AsSpan(t * E, E).ToArray().Max();
            double Score(int i) => config.ScoringFunc == ScoringFunc.Sigmoid ? 1 / (1 + Math.Exp(-l[t * E + i])) : Math.Exp(l[t * E + i] - m);
            double all = Enumerable.Range(0, E).Sum(Score);
            double unit = config.ScoringFunc == ScoringFunc.Sigmoid ? 1 : all;
            double sum = config.NormTopkProb ? Enumerable.Range(0, K).Sum(k => Score(chosen[t * K + k]) / unit) : 1;
            for (int i = 0; i < E; i++)
                share[t * E + i] = Score(i) / all;
            for (int k = 0; k < K; k++)
            {
                int e = chosen[t * K + k];
                double[] o = Mlp(x[(t * d)..((t + 1) * d)], $"{name}experts.{e}.");
                for (int i = 0; i < d; i++)
                    y[t * d + i] += Score(e) / unit / sum * config.RoutedScalingFactor * o[i];
            }
        }

        for (int i = 0; options.BalanceWeight > 0 && i < E; i++)
            balance += options.BalanceWeight * E * chosen.Count(e => e == i) / ((double)K * T) * Enumerable.Range(0, T).Sum(t => share[t * E + i]) / T;
        return y;
    }

    /// <summary>The choice of the first evaluation, made by the library's gate from the logits here.</summary>
    private int[] Chosen(double[] l, string name, int T, int E, int K)
    {
        if (nextChoice == choices.Count)
        {
            float[] bias = Weights.TryGetValue(name + "gate.e_score_correction_bias", out double[]? b) ? [.. b.Select(v => (float)v)] : [];
            int[] indices = new int[T * K];
            Gate.Define([.. l.Select(v => (float)v)], bias, E, K, n.Gate, new float[T * E], indices, new float[T * K]);
            choices.Add(indices);
        }

        return choices[nextChoice++];
    }

    private double[] Mlp(double[] x, string name)
    {
        double[] a = Linear(x, name + "gate_proj.weight", config.HiddenSize), b = Linear(x, name + "up_proj.weight", config.HiddenSize);
        for (int i = 0; i < a.Length; i++)
            a[i] = a[i] / (1 + Math.Exp(-a[i])) * b[i];
        return Linear(a, name + "down_proj.weight", a.Length / (x.Length / config.HiddenSize));
    }

    private double CrossEntropy(double[] x, string head, ReadOnlySpan<int> targets)
    {
        double[] logits = Linear(x, head, config.HiddenSize);
        int V = config.VocabSize;
        double loss = 0;
        for (int t = 0; t < targets.Length; t++)
        {
            double[] row = logits[(t * V)..((t + 1) * V)];
            double m = row.Max();
            loss += m + Math.Log(row.Sum(v => Math.Exp(v - m))) - row[targets[t]];
        }

        return loss;
    }

    private double[] Norm(double[] x, string name)
    {
        double[] w = Weights[name], y = new double[x.Length];
        for (int t = 0; t < x.Length; t += w.Length)
        {
            double sum = 0;
            for (int k = 0; k < w.Length; k++)
                sum += x[t + k] * x[t + k];
            double r = 1 / Math.Sqrt(sum / w.Length + n.Epsilon);
            for (int k = 0; k < w.Length; k++)
                y[t + k] = x[t + k] * r * w[k];
        }

        return y;
    }

    private double[] Linear(double[] x, string name, int K)
    {
        double[] w = Weights[name];
        int T = x.Length / K, N = w.Length / K;
        double[] y = new double[T * N];
        for (int t = 0; t < T; t++)
        {
            for (int o = 0; o < N; o++)
            {
                double sum = 0;
                for (int k = 0; k < K; k++)
                    sum += x[t * K + k] * w[o * K + k];
                y[t * N + o] = sum;
            }
        }

        return y;
    }

    private double[] Rows(string name, ReadOnlySpan<int> ids)
    {
        int d = config.HiddenSize;
        double[] y = new double[ids.Length * d];
        for (int t = 0; t < ids.Length; t++)
            Weights[name].AsSpan(ids[t] * d, d).CopyTo(y.AsSpan(t * d));
        return y;
    }

    private static double[] Sum(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];
}
