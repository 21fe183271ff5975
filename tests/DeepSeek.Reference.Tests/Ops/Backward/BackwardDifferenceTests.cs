using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>Each backward against central differences of the forward's equation in binary64, written here again.</summary>
/// <remarks>
/// With steps of 2^-17 and values around one, the differences err by less than 1e-8 of the largest derivative. The binary32 gradient errs by at most n + 8 roundings
/// of 2^-24 of the absolute terms, which are the Jacobian's largest entry times Σ|dy|, n the longest sum. A wrong sign or a missing term is as large as the terms themselves.
/// </remarks>
public class BackwardDifferenceTests
{
    private const double Step = 1.0 / (1 << 17);
    private static readonly ScalarBackend scalar = new();

    [Property(MaxTest = 25)]
    public void Rms_norm(int seed)
    {
        var draw = new Draw(seed);
        int T = 1 + draw.Int(2), n = 1 + draw.Int(18);
        Tensor x = draw.Values(T, n), w = draw.Values(n), dy = draw.Values(T, n);
        Tensor dx = new(DType.F32, T, n), dw = new(DType.F32, n);
        scalar.RmsNormBackward(dy, x, w, 1e-2f, dx, dw);
        Matches(dy, n + T, [(x, dx), (w, dw)], v =>
        {
            double[] y = new double[T * n];
            for (int t = 0; t < T; t++)
            {
                double mean = Enumerable.Range(0, n).Sum(k => v[0][t * n + k] * v[0][t * n + k]) / n;
                for (int k = 0; k < n; k++)
                    y[t * n + k] = v[0][t * n + k] / Math.Sqrt(mean + 1e-2f) * v[1][k];
            }

            return y;
        });
    }

    [Property(MaxTest = 25)]
    public void Linear_products(int seed)
    {
        var draw = new Draw(seed);
        int T = 1 + draw.Int(18), N = 1 + draw.Int(3), K = 1 + draw.Int(3);
        Tensor x = draw.Values(T, K), w = draw.Values(N, K), dy = draw.Values(T, N);
        Tensor dx = new(DType.F32, T, K), dw = new(DType.F32, N, K);
        scalar.LinearDgrad(dy, w, Accumulation.Lanes16, dx);
        scalar.LinearWgrad(dy, x, Accumulation.Lanes16, dw);
        Matches(dy, T + N, [(x, dx), (w, dw)], v =>
        {
            double[] y = new double[T * N];
            for (int i = 0; i < y.Length; i++)
                y[i] = Enumerable.Range(0, K).Sum(k => v[0][i / N * K + k] * v[1][i % N * K + k]);
            return y;
        });
    }

    [Property(MaxTest = 25)]
    public void Swi_glu(int seed)
    {
        var draw = new Draw(seed);
        Tensor a = draw.Values(19), b = draw.Values(19), dy = draw.Values(19), da = new(DType.F32, 19), db = new(DType.F32, 19);
        scalar.SwiGluBackward(dy, a, b, da, db);
        Matches(dy, 1, [(a, da), (b, db)], v => [.. v[0].Zip(v[1], (p, q) => p / (1 + Math.Exp(-p)) * q)]);
    }

    [Property(MaxTest = 25)]
    public void Rope_in_each_layout(int seed)
    {
        var draw = new Draw(seed);
        Tensor x = draw.Values(2, 2, 7), dy = draw.Values(2, 2, 7), f = draw.Values(2), positions = draw.Ids(40, 2);
        foreach (RopeLayout layout in Enum.GetValues<RopeLayout>())
        {
            var attributes = new RopeAttributes(layout, RopeRotation.Fused, 0.75f);
            Tensor dx = new(DType.F32, 2, 2, 7);
            scalar.RopeBackward(dy, positions, f, attributes, dx);
            Matches(dy, 2, [(x, dx)], v =>
            {
                double[] y = [.. v[0]];
                for (int r = 0; r < 4; r++)
                {
                    for (int i = 0; i < 2; i++)
                    {
                        double phi = positions.AsReadOnlySpan<int>()[r / 2] * f.AsReadOnlySpan<float>()[i];
                        (double c, double s) = (0.75 * Math.Cos(phi), 0.75 * Math.Sin(phi));
                        (int p0, int p1) = layout == RopeLayout.Half ? (i, i + 2) : (2 * i, 2 * i + 1);
                        (int q0, int q1) = layout == RopeLayout.Interleaved ? (2 * i, 2 * i + 1) : (i, i + 2);
                        (double x0, double x1) = (v[0][r * 7 + 3 + p0], v[0][r * 7 + 3 + p1]);
                        (y[r * 7 + 3 + q0], y[r * 7 + 3 + q1]) = (x0 * c - x1 * s, x0 * s + x1 * c);
                    }
                }

                return y;
            });
        }
    }

    [Property(MaxTest = 20)]
    public void Attention_with_its_keys_laid_out(int seed)
    {
        var draw = new Draw(seed);
        int T = 1 + draw.Int(4), H = 2, dn = 1 + draw.Int(2), dr = 2, dv = 1 + draw.Int(3), D = dn + dr;
        Tensor q = draw.Values(T, H, D), kv = draw.Values(T, H, dn + dv), kPe = draw.Values(T, dr), dy = draw.Values(T, H, dv);
        var attributes = new AttentionAttributes(0.5f, 0, AttentionRounding.None, 0, Accumulation.Lanes16);
        Tensor keys = new(DType.F32, T, H, D), values = new(DType.F32, T, H, dv), y = new(DType.F32, T, H, dv), lse = new(DType.F32, T, H);
        scalar.ExpandKeys(kv, kPe, keys, values);
        scalar.Attention(q, keys, values, attributes, y, lse);
        Tensor dq = new(DType.F32, T, H, D), dKeys = new(DType.F32, T, H, D), dValues = new(DType.F32, T, H, dv), dKv = new(DType.F32, T, H, dn + dv), dKPe = new(DType.F32, T, dr);
        scalar.AttentionBackward(q, keys, values, y, lse, dy, attributes, dq, dKeys, dValues);
        scalar.ExpandKeysBackward(dKeys, dValues, dKv, dKPe);

        // Scores reach a few units: a rounding of lse is that of a number of their size, 16 roundings more.
        Matches(dy, T * H + D + 16, [(q, dq), (kv, dKv), (kPe, dKPe)], v =>
        {
            double[] result = new double[T * H * dv];
            for (int i = 0; i < T; i++)
            {
                for (int h = 0; h < H; h++)
                {
                    double[] e = [.. Enumerable.Range(0, i + 1).Select(j => Math.Exp(0.5 * (
                        Enumerable.Range(0, dn).Sum(k => v[0][(i * H + h) * D + k] * v[1][(j * H + h) * (dn + dv) + k])
                        + Enumerable.Range(0, dr).Sum(k => v[0][(i * H + h) * D + dn + k] * v[2][j * dr + k]))))];
                    for (int c = 0; c < dv; c++)
                        result[(i * H + h) * dv + c] = e.Select((p, j) => p * v[1][(j * H + h) * (dn + dv) + dn + c]).Sum() / e.Sum();
                }
            }

            return result;
        });
    }

    [Property(MaxTest = 25)]
    public void Gate_weights_of_a_choice_that_stands(int seed)
    {
        var draw = new Draw(seed);
        int T = 2, E = 3 + draw.Int(5), K = 1 + draw.Int(2);
        Tensor logits = draw.Values(T, E), bias = draw.Values(E), dw = draw.Values(T, K);
        foreach ((ScoringFunction scoring, bool normalize) in new[] { (ScoringFunction.Sigmoid, true), (ScoringFunction.Sigmoid, false), (ScoringFunction.Softmax, true), (ScoringFunction.Softmax, false) })
        {
            var attributes = new GateAttributes(scoring, 1, 1, GroupScore.Max, GroupMask.NegativeInfinity, normalize, 0f, 2.5f, GateRounding.None);
            Tensor scores = new(DType.F32, T, E), indices = new(DType.I32, T, K), weights = new(DType.F32, T, K), dl = new(DType.F32, T, E);
            scalar.Gate(logits, bias, attributes, scores, indices, weights);
            scalar.GateBackward(logits, scores, indices, attributes, dw, null, dl);
            Matches(dw, E + K, [(logits, dl)], v =>
            {
                double[] s = Scores(v[0], E, scoring);
                double[] w = new double[T * K];
                for (int i = 0; i < w.Length; i++)
                {
                    double Chosen(int k) => s[i / K * E + indices.AsReadOnlySpan<int>()[i / K * K + k]];
                    w[i] = 2.5 * Chosen(i % K) / (normalize ? Enumerable.Range(0, K).Sum(Chosen) : 1);
                }

                return w;
            });
        }
    }

    [Property(MaxTest = 25)]
    public void Balance_loss_of_counts_that_stand(int seed)
    {
        var draw = new Draw(seed);
        int T = 1 + draw.Int(8), E = 2 + draw.Int(5), K = 1 + draw.Int(1);
        Tensor logits = draw.Values(T, E), scores = new(DType.F32, T, E), indices = draw.Choice(T, E, K), loss = new(DType.F32, 1), ds = new(DType.F32, T, E);
        Correct.Sigmoid(logits.AsReadOnlySpan<float>(), scores.AsSpan<float>());
        scalar.BalanceLoss(scores, indices, 0.25f, loss, ds);
        int[] n = new int[E];
        foreach (int i in indices.AsReadOnlySpan<int>())
            n[i]++;
        double Loss(double[] s) => 0.25 * Enumerable.Range(0, E).Sum(i => (double)E * n[i] / (K * T)
            * Enumerable.Range(0, T).Sum(t => s[t * E + i] / Enumerable.Range(0, E).Sum(j => s[t * E + j])) / T);
        Assert.Equal(Loss(Wide(scores)), loss.AsReadOnlySpan<float>()[0], 1e-6);
        Matches(Tensor.From([1f], 1), E + T, [(scores, ds)], v => [Loss(v[0])]);
    }

    [Property(MaxTest = 25)]
    public void Cross_entropy_of_counted_rows(int seed)
    {
        var draw = new Draw(seed);
        int T = 1 + draw.Int(3), V = 1 + draw.Int(20);
        Tensor logits = draw.Values(T, V), targets = draw.Ids(V, T), losses = new(DType.F32, T), statistics = new(DType.F32, T, 2), dl = new(DType.F32, T, V);
        targets.AsSpan<int>()[0] = -100;
        scalar.CrossEntropy(logits, targets, losses, statistics);
        scalar.CrossEntropyBackward(logits, 0, targets, statistics, 0.5f, dl);
        double[] Losses(double[] x) => [.. Enumerable.Range(0, T).Select(t => targets.AsReadOnlySpan<int>()[t] is var id && id < 0
            ? 0
            : Math.Log(Enumerable.Range(0, V).Sum(k => Math.Exp(x[t * V + k]))) - x[t * V + id])];
        double[] expected = Losses(Wide(logits));
        for (int t = 0; t < T; t++)
            Assert.Equal(expected[t], losses.AsReadOnlySpan<float>()[t], 1e-6 * (1 + Math.Abs(expected[t])));
        Matches(Tensor.From([.. Enumerable.Repeat(0.5f, T)], T), V, [(logits, dl)], v => Losses(v[0]));
    }

    [Property(MaxTest = 25)]
    public void Experts_dispatched_and_combined(int seed)
    {
        var draw = new Draw(seed);
        int T = 1 + draw.Int(3), E = 4, K = 2, d = 1 + draw.Int(4);
        Tensor indices = draw.Choice(T, E, K), x = draw.Values(T, d), w = draw.Values(T, K), dy = draw.Values(T, d);
        var plan = new ExpertPlan(indices.AsReadOnlySpan<int>(), K, E);
        // Each expert squares its rows, so that the dispatch and the combination are in one function.
        Tensor rows = new(DType.F32, T * K, d), dOut = new(DType.F32, T * K, d), dw = new(DType.F32, T, K), dx = new(DType.F32, T, d);
        scalar.Dispatch(x, plan, rows);
        Tensor squares = Tensor.From([.. rows.AsReadOnlySpan<float>().ToArray().Select(v => v * v)], T * K, d);
        scalar.CombineBackward(dy, squares, plan, w, dOut, dw);
        Tensor dRows = Tensor.From([.. dOut.AsReadOnlySpan<float>().ToArray().Zip(rows.AsReadOnlySpan<float>().ToArray(), (g, v) => g * 2 * v)], T * K, d);
        scalar.DispatchBackward(dRows, plan, dx);
        Matches(dy, K + d, [(x, dx), (w, dw)], v =>
            [.. Enumerable.Range(0, T * d).Select(i => Enumerable.Range(0, K).Sum(k => v[1][i / d * K + k] * v[0][i] * v[0][i]))]);
    }

    /// <summary>Compares gradients with Σ dy · (central differences of y), variable by variable.</summary>
    private static void Matches(Tensor dy, int roundings, (Tensor Value, Tensor Gradient)[] variables, Func<double[][], double[]> forward)
    {
        double[] weight = Wide(dy);
        double[][] values = [.. variables.Select(v => Wide(v.Value))];
        double absolute = weight.Sum(Math.Abs);
        double[][] expected = [.. values.Select(v => new double[v.Length])];
        double largest = 0;
        for (int a = 0; a < values.Length; a++)
        {
            for (int i = 0; i < values[a].Length; i++)
            {
                double at = values[a][i];
                values[a][i] = at + Step;
                double[] above = forward(values);
                values[a][i] = at - Step;
                double[] below = forward(values);
                values[a][i] = at;
                for (int o = 0; o < above.Length; o++)
                {
                    double slope = (above[o] - below[o]) / (2 * Step);
                    largest = Math.Max(largest, Math.Abs(slope));
                    expected[a][i] += weight[o] * slope;
                }
            }
        }

        double tolerance = ((roundings + 8) * Math.ScaleB(1, -24) + 1e-8) * (largest + 1) * (absolute + 1);
        for (int a = 0; a < values.Length; a++)
        {
            double[] actual = Wide(variables[a].Gradient);
            for (int i = 0; i < actual.Length; i++)
                Assert.True(Math.Abs(actual[i] - expected[a][i]) <= tolerance, $"variable {a}, element {i}: {actual[i]} against {expected[a][i]}, tolerance {tolerance}");
        }
    }

    private static double[] Scores(double[] l, int E, ScoringFunction scoring) => scoring == ScoringFunction.Sigmoid
        ? [.. l.Select(x => 1 / (1 + Math.Exp(-x)))]
        : [.. l.Select((x, i) => Math.Exp(x) / Enumerable.Range(0, E).Sum(j => Math.Exp(l[i / E * E + j])))];

    private static double[] Wide(Tensor t) => [.. t.AsReadOnlySpan<float>().ToArray().Select(x => (double)x)];
}
