using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Faulty;

internal static partial class Bugs
{
    private const string EmbeddingGradient = "embedding_backward[v=7,d=64,t=64]";
    private const string NormGradient = "rms_norm_backward[t=32,n=128]";
    private const string ActivationGradient = "swiglu_backward[n=4096]";
    private const string LossOfRows = "cross_entropy[t=16,v=257,ignored=yes]";
    private const string LogitGradient = "cross_entropy_backward[t=16,n=257,ignored=yes,scale=0.125]";

    /// <summary>Backward operations on rows, elements and experts, and the cross-entropy.</summary>
    private static IEnumerable<Variant> BackwardRows()
    {
        yield return Variant.After<EmbeddingBackwardCall>("embedding-backward-last-wins", "Of the positions of one id only the last counts: rows are stored, not added.", [EmbeddingGradient],
            c => c.DWeight, (c, d) => LastWins(c, d));
        yield return Variant.After<EmbeddingBackwardCall>("embedding-backward-others-zeroed", "Rows of no id become zero, where C must stand.", ["embedding_backward[v=64,d=16,t=8]"],
            c => c.DWeight, (c, d) => ZeroOthers(c, d));
        yield return Variant.Of<RmsNormBackwardCall>("norm-backward-mean-missing", "The term of the mean is left out: dx = r g.", [NormGradient], (c, run) => Norm(c, run, (g, _, _, r, _) => r * g));
        yield return Variant.Of<RmsNormBackwardCall>("norm-backward-wrong-sign", "The term of the mean is added, not subtracted.", [NormGradient], (c, run) => Norm(c, run, (g, h, sum, r, n) => r * (g + h * (sum / n))));
        yield return Variant.Of<RmsNormBackwardCall>("norm-backward-sum-for-mean", "The sum over the row stands where its mean belongs.", [NormGradient], (c, run) => Norm(c, run, (g, h, sum, r, _) => r * (g - h * sum)));
        yield return Variant.Instead<RmsNormBackwardCall>("norm-backward-c-lost", "The weight's gradient is stored: C is lost.", [NormGradient], c => c with { C = Values.Like(c.C) });
        yield return Variant.Of<RmsNormBackwardCall>("norm-backward-last-row-dropped", "The last row does not count in the weight's gradient.", [NormGradient],
            (c, run) =>
            {
                Tensor dx = Values.Like(c.Dx);
                run.Right(c with { Dy = WithoutLastRow(c.Dy), Dx = dx });
                run.Right(c with { DWeight = Values.Like(c.DWeight) });
            });
        yield return Variant.Instead<RopeBackwardCall>("rope-backward-forward-angle", "The rotation is the forward's, not the opposite one.", ["rope_backward[t=8,h=4,d=48,dr=32,start=5]"],
            c => c with { Positions = Values.Map(c.Positions, p => -p) });
        yield return Variant.Instead<RopeBackwardCall>("rope-backward-layout", "Pairs stay where the forward put them.", ["rope_backward[t=8,h=4,d=48,dr=32,start=5,layout=interleavedtohalf]"],
            c => c with { Attributes = c.Attributes with { Layout = RopeLayout.Half } });
        yield return Variant.After<ExpandKeysBackwardCall>("rotated-key-gradient-of-one-head", "The rotated key gets the first head's gradient, not the sum over the heads.", ["expand_keys_backward[t=6,h=8,dn=16,dr=8,dv=16]"],
            c => c.DKPe, (c, d) => OfFirstHead(c, d));
        yield return Variant.After<ExpandKeysBackwardCall>("rotated-key-gradient-mean", "The rotated key gets the mean over the heads.", ["expand_keys_backward[t=6,h=8,dn=16,dr=8,dv=16]"],
            c => c.DKPe, (c, d) => Scale(d, 1f / c.DKeys.Shape[1]));
        yield return Variant.After<SwiGluBackwardCall>("swiglu-backward-term-missing", "The slope of SiLU is the sigmoid: a σ (1 - σ) is left out.", [ActivationGradient],
            c => c.DGate, (c, d) => Slope(c, d, (s, _) => s));
        yield return Variant.After<SwiGluBackwardCall>("swiglu-backward-wrong-sign", "The slope of SiLU is σ (1 - a (1 - σ)).", [ActivationGradient],
            c => c.DGate, (c, d) => Slope(c, d, (s, a) => s * (1 - a * (1 - s))));
        yield return Variant.Instead<SwiGluBackwardCall>("swiglu-backward-gradients-swapped", "The two gradients are stored in each other's place.", [ActivationGradient], c => c with { DGate = c.DUp, DUp = c.DGate });
        yield return Variant.Instead<MtpInputBackwardCall>("mtp-backward-order", "The two halves of the gradient go to each other's place.", ["mtp_input_backward[t=3,d=64]"],
            c => c with { DEmbedding = c.DHidden, DHidden = c.DEmbedding });
        yield return Variant.Instead<DispatchBackwardCall>("dispatch-backward-expert-missing", "The rows of the last expert do not count.", ["dispatch_backward[t=16,d=32,e=8,k=4]"],
            c => c with { Dy = WithoutExpert(c.Dy, c.Plan, c.Plan.Experts - 1) });
        yield return Variant.After<DispatchBackwardCall>("dispatch-backward-last-stored", "A token's rows are stored one over the other, not added.", ["dispatch_backward[t=16,d=32,e=8,k=4]"],
            c => c.Dx, (c, d) => LastRowWins(c, d));
        yield return Variant.Instead<CombineBackwardCall>("combine-backward-unweighted", "An expert's gradient is not multiplied with its weight.", ["combine_backward[t=16,d=32,e=8,k=4]"],
            c => c with { Weights = Values.Map(c.Weights, _ => 1f) });
        yield return Variant.Of<CombineBackwardCall>("combine-backward-half-of-channels", "The weight's gradient is the sum over the first half of the channels.", ["combine_backward[t=16,d=32,e=8,k=4]"],
            (c, run) =>
            {
                run.Right(c);
                var half = Values.With(c.ExpertOutputs, o =>
                {
                    int d = (int)c.Dy.Shape[1];
                    for (int i = 0; i < o.Length; i++)
                        o[i] = i % d < d / 2 ? o[i] : 0f;
                });
                run.Right(c with { ExpertOutputs = half, DOutputs = Values.Like(c.DOutputs) });
            });
        yield return Variant.Instead<CrossEntropyCall>("cross-entropy-ignored-counted", "A target that is not counted counts as id 0.", [LossOfRows], c => c with { Targets = Values.Map(c.Targets, i => Math.Max(0, i)) });
        yield return Variant.Instead<CrossEntropyCall>("cross-entropy-neighbour", "The loss is that of the id before the target.", [LossOfRows], c => c with { Targets = Values.Map(c.Targets, i => i > 0 ? i - 1 : i) });
        yield return Variant.After<CrossEntropyCall>("cross-entropy-wrong-sign", "The loss is the logarithm of the probability, not minus it.", [LossOfRows], c => c.Losses, (_, losses) => Negate(losses));
        yield return Variant.After<CrossEntropyCall>("cross-entropy-mean", "Losses are divided by the number of rows.", [LossOfRows], c => c.Losses, (_, losses) => Scale(losses, 1f / losses.Length));
        yield return Variant.Instead<CrossEntropyBackwardCall>("cross-entropy-backward-target-missing", "1 is not taken from the target's probability.", [LogitGradient], c => c with { First = c.First + (1 << 20) });
        yield return Variant.After<CrossEntropyBackwardCall>("cross-entropy-backward-wrong-sign", "The target's probability is taken from 1, and the others' signs are turned.", [LogitGradient], c => c.DLogits, (_, d) => Negate(d));
        yield return Variant.Instead<CrossEntropyBackwardCall>("cross-entropy-backward-scale-missing", "The scale of the mean is left out.", [LogitGradient], c => c with { Scale = 1f });
        yield return Variant.Instead<CrossEntropyBackwardCall>("cross-entropy-backward-next-row", "A row's sum of exponentials is that of the row before.", [LogitGradient],
            c => c with { Statistics = Values.Gather(c.Statistics, (row, column) => (column == 1 ? Math.Max(0, row - 1) : row, column)) });
    }

    private static void LastWins(EmbeddingBackwardCall c, float[] d)
    {
        float[] dy = Values.Of(c.Dy), start = Values.Of(c.C);
        int width = (int)c.Dy.Shape[1];
        ReadOnlySpan<int> ids = c.Ids.AsReadOnlySpan<int>();
        for (int t = 0; t < ids.Length; t++)
        {
            for (int k = 0; k < width; k++)
                d[ids[t] * width + k] = start[ids[t] * width + k] + dy[t * width + k];
        }
    }

    private static void ZeroOthers(EmbeddingBackwardCall c, float[] d)
    {
        int width = (int)c.Dy.Shape[1];
        for (int v = 0; v < c.C.Shape[0]; v++)
        {
            if (!c.Ids.AsReadOnlySpan<int>().Contains(v))
                d.AsSpan(v * width, width).Clear();
        }
    }

    /// <summary>dx by another formula of g, x̂, Σ g x̂, r and n; the weight's gradient is right.</summary>
    internal static void Norm(RmsNormBackwardCall c, VariantRun run, Func<float, float, float, float, int, float> dx)
    {
        run.Right(c);
        float[] x = Values.Of(c.X), dy = Values.Of(c.Dy), w = Values.Of(c.Weight), d = new float[x.Length];
        int n = w.Length;
        for (int row = 0; row < x.Length; row += n)
        {
            float r = Correct.ReciprocalSqrt(Dots.Lanes(x.AsSpan(row, n), x.AsSpan(row, n)) / n + c.Epsilon);
            float[] h = [.. x.AsSpan(row, n).ToArray().Select(v => v * r)], g = [.. w.Select((v, k) => dy[row + k] * v)];
            float sum = Dots.Lanes(g, h);
            for (int k = 0; k < n; k++)
                d[row + k] = dx(g[k], h[k], sum, r, n);
        }

        Values.Store(d, c.Dx);
    }

    private static void OfFirstHead(ExpandKeysBackwardCall c, float[] d)
    {
        float[] keys = Values.Of(c.DKeys);
        int H = (int)c.DKeys.Shape[1], D = (int)c.DKeys.Shape[2], dr = (int)c.DKPe.Shape[1];
        for (int i = 0; i < d.Length; i++)
            d[i] = keys[i / dr * H * D + D - dr + i % dr];
    }

    internal static void Slope(SwiGluBackwardCall c, float[] d, Func<float, float, float> slope)
    {
        float[] dy = Values.Of(c.Dy), a = Values.Of(c.Gate), b = Values.Of(c.Up);
        for (int i = 0; i < d.Length; i++)
            d[i] = dy[i] * b[i] * slope(Correct.Sigmoid(a[i]), a[i]);
    }

    private static Tensor WithoutExpert(Tensor rows, ExpertPlan plan, int expert) => Values.With(rows, values =>
    {
        int d = (int)rows.Shape[1];
        values.AsSpan(plan.Offsets[expert] * d, (plan.Offsets[expert + 1] - plan.Offsets[expert]) * d).Clear();
    });

    private static void LastRowWins(DispatchBackwardCall c, float[] dx)
    {
        float[] dy = Values.Of(c.Dy);
        int d = (int)c.Dy.Shape[1];
        for (int row = 0; row < c.Plan.Rows; row++)
            dy.AsSpan(row * d, d).CopyTo(dx.AsSpan(c.Plan.Tokens[row] * d));
    }
}
