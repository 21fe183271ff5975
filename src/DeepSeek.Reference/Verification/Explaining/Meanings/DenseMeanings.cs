using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>What a norm, an activation, a rotation or another operation on rows may have computed instead.</summary>
internal static class DenseMeanings
{
    /// <summary>RMSNorm.</summary>
    public static IReadOnlyList<Meaning> Norm { get; } =
    [
        Meaning.Of<RmsNormCall>("eps-missing", "epsilon is left out", c => c with { Epsilon = 0f }),
        .. ((float[])[1e-5f, 1e-6f, 1e-8f, 1e-12f, 1e-3f]).Select(e => Meaning.Of<RmsNormCall>($"eps-{e:R}", $"epsilon is {e:R}", c => c.Epsilon == e ? null : c with { Epsilon = e })),
        Rows("eps-outside", "epsilon is added to the root, not under it", (x, w, eps) => Normalised(x, w, Math.Sqrt(Square(x) / x.Length) + eps)),
        Rows("eps-on-sum", "epsilon is added to the sum of squares before the mean", (x, w, eps) => Normalised(x, w, Math.Sqrt((Square(x) + eps) / x.Length))),
        Meaning.Of<RmsNormCall>("eps-squared", "epsilon squared is added to the mean of squares", c => c with { Epsilon = c.Epsilon * c.Epsilon }),
        Rows("eps-maximum", "the mean of squares is at least epsilon instead of epsilon being added", (x, w, eps) => Normalised(x, w, Math.Sqrt(Math.Max(Square(x) / x.Length, eps)))),
        Rows("sum-not-mean", "the sum of squares is not divided by n", (x, w, eps) => Normalised(x, w, Math.Sqrt(Square(x) + eps))),
        Rows("mean-by-n-minus-1", "the sum of squares is divided by n - 1", (x, w, eps) => Normalised(x, w, Math.Sqrt(Square(x) / (x.Length - 1) + eps))),
        Rows("root-missing", "the mean of squares is not put under a root", (x, w, eps) => Normalised(x, w, Square(x) / x.Length + eps)),
        Rows("layer-norm", "the mean is subtracted first, as LayerNorm does", (x, w, eps) =>
        {
            double mean = x.Average(v => (double)v);
            float[] centred = [.. x.Select(v => (float)(v - mean))];
            return Normalised(centred, w, Math.Sqrt(Square(centred) / x.Length + eps));
        }),
        Meaning.Of<RmsNormCall>("weight-missing", "the weight is not applied", c => c with { Weight = Values.Map(c.Weight, (_, _) => 1f) }),
        Meaning.Of<RmsNormCall>("weight-plus-1", "the weight is applied as 1 + w", c => c with { Weight = Values.Map(c.Weight, (_, w) => 1f + w) }),
        Meaning.Of<RmsNormCall>("weight-in-bf16", "the weight is rounded to bfloat16", c => c.Weight.DType == DType.BF16 ? null : c with { Weight = Values.Map(c.Weight, (_, w) => BFloat16.RoundToFloat(w)) }),
        Meaning.Of("weight-late", "the weight of the next channel is taken", "weight", t => Values.ShiftColumns(t, 1)),
    ];

    /// <summary>SwiGLU.</summary>
    public static IReadOnlyList<Meaning> Activation { get; } =
    [
        Meaning.Of<SwiGluCall>("gate-up-swapped", "the activation is applied to up instead of gate", c => c with { Gate = c.Up, Up = c.Gate }),
        Pairs("gelu-tanh", "GELU (tanh form) stands in place of SiLU", (a, b) => 0.5 * a * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (a + 0.044715 * a * a * a))) * b),
        Pairs("gelu-erf", "GELU (erf form) stands in place of SiLU", (a, b) => 0.5 * a * MathNet.Numerics.SpecialFunctions.Erfc(-a / Math.Sqrt(2)) * b),
        Pairs("quick-gelu", "a sigmoid(1.702 a) stands in place of SiLU", (a, b) => a / (1 + Math.Exp(-1.702 * a)) * b),
        Pairs("sigmoid", "the sigmoid is not multiplied by the gate (GLU)", (a, b) => b / (1 + Math.Exp(-a))),
        Pairs("relu", "ReLU stands in place of SiLU", (a, b) => Math.Max(a, 0) * b),
        Pairs("silu-of-product", "SiLU is applied to the product", (a, b) => a * b / (1 + Math.Exp(-a * b))),
        Pairs("up-missing", "up is not multiplied in", (a, _) => a / (1 + Math.Exp(-a))),
        Pairs("activation-missing", "gate times up without an activation", (a, b) => a * b),
        Pairs("up-plus-1", "up enters as up + 1", (a, b) => a / (1 + Math.Exp(-a)) * (b + 1)),
        Pairs("clamped-7", "gate and up are clamped to 7", (a, b) => Math.Min(a, 7) / (1 + Math.Exp(-Math.Min(a, 7))) * Math.Clamp(b, -7, 7)),
    ];

    /// <summary>Rotary positions.</summary>
    public static IReadOnlyList<Meaning> Rotation { get; } =
    [
        .. Enum.GetValues<RopeLayout>().Select(l => Meaning.Of<RopeCall>($"layout-{l.ToString().ToLowerInvariant()}", $"channels are paired as RopeLayout.{l}",
            c => c.Attributes.Layout == l ? null : c with { Attributes = c.Attributes with { Layout = l } })),
        Meaning.Of("sign-turned", "the rotation goes the other way", "frequencies", t => Values.Map(t, (_, f) => -f)),
        Meaning.Of("positions-late", "positions are one too large", "positions", t => Values.Map(t, (_, p) => p + 1)),
        Meaning.Of("positions-early", "positions are one too small", "positions", t => Values.Map(t, (_, p) => p - 1)),
        Meaning.Of("positions-from-0", "positions begin at 0", "positions", t => Values.Map(t, (i, _) => i)),
        Meaning.Of("not-rotated", "nothing is rotated", "positions", t => Values.Map(t, (_, _) => 0f)),
        Meaning.Of("frequencies-late", "frequency i + 1 is taken for pair i", "frequencies", t => Values.ShiftColumns(t, 1)),
        Meaning.Of("frequencies-reversed", "frequencies are taken in reversed order", "frequencies", t => Values.Gather(t, i => t.ElementCount - 1 - i)),
        Meaning.Of<RopeCall>("magnitude-missing", "the magnitude is left out", c => c.Attributes.Magnitude == 1f ? null : c with { Attributes = c.Attributes with { Magnitude = 1f } }),
        .. ((float[])[1.3688879f, 0.7305200f]).Select(m => Meaning.Of<RopeCall>($"magnitude-{m:R}", $"cos and sin are multiplied by {m:R}, YaRN's mscale for factor 40 or its reciprocal",
            c => c with { Attributes = c.Attributes with { Magnitude = c.Attributes.Magnitude * m } })),
        Meaning.Computed<RopeCall>("first-channels", "the first channels of a head are rotated, not the last", FirstChannels),
    ];

    /// <summary>Other operations on rows.</summary>
    public static IReadOnlyList<Meaning> Others { get; } =
    [
        Meaning.Of<MtpInputCall>("order-turned", "the halves stand in the other order ([enorm | hnorm] against [hnorm | enorm])",
            c => c with { Order = c.Order == MtpConcat.EmbeddingFirst ? MtpConcat.HiddenFirst : MtpConcat.EmbeddingFirst }),
        Meaning.Of("hidden-late", "the hidden state of the next token is taken", "hidden", t => Values.ShiftRows(t, 1)),
        Meaning.Of("embedding-late", "the embedding of the next token is taken", "embedding", t => Values.ShiftRows(t, 1)),
        Meaning.Of("embedding-early", "the embedding of the token before is taken", "embedding", t => Values.ShiftRows(t, -1)),
        Meaning.Of("ids-late", "the id of the next place is taken", "ids", t => Values.ShiftColumns(t, 1)),
        Meaning.After<SoftmaxCall>("logarithm", "the logarithm of the probabilities is given", _ => true, c => Values.Store([.. Values.Of(c.Y).Select(p => (float)Math.Log(p))], c.Y)),
        Meaning.Of<SoftmaxCall>("base-2", "2^x stands in place of e^x", c => c with { X = Values.Map(c.X, (_, x) => x * 0.6931472f) }),
        Meaning.After<LogSoftmaxCall>("base-2", "logarithms are of base 2", _ => true, c => Values.Store([.. Values.Of(c.Y).Select(p => p * 1.442695f)], c.Y)),
        Meaning.Of<AddCall>("a-missing", "a is not added", c => c with { A = Values.Map(c.A, (_, _) => 0f) }),
        Meaning.Of<AddCall>("b-missing", "b is not added", c => c with { B = Values.Map(c.B, (_, _) => 0f) }),
        Meaning.Of<AddCall>("b-subtracted", "b is subtracted", c => c with { B = Values.Map(c.B, (_, b) => -b) }),
    ];

    private static double Square(float[] x) => x.Sum(v => (double)v * v);

    private static float[] Normalised(float[] x, float[] w, double root) => [.. x.Select((v, k) => (float)(v / root * w[k]))];

    /// <summary>A norm computed in binary64, row by row.</summary>
    private static Meaning Rows(string name, string sentence, Func<float[], float[], float, float[]> row) => Meaning.Computed<RmsNormCall>(name, sentence, c =>
    {
        float[] x = Values.Of(c.X), w = Values.Of(c.Weight);
        int n = w.Length;
        Values.Store([.. Enumerable.Range(0, n == 0 ? 0 : x.Length / n).SelectMany(t => row(x[(t * n)..((t + 1) * n)], w, c.Epsilon))], c.Y);
    });

    /// <summary>An activation computed in binary64.</summary>
    private static Meaning Pairs(string name, string sentence, Func<double, double, double> f) => Meaning.Computed<SwiGluCall>(name, sentence, c =>
        Values.Store([.. Values.Of(c.Gate).Zip(Values.Of(c.Up), (a, b) => (float)f(a, b))], c.Y));

    /// <summary>Heads turned round, rotated and turned back.</summary>
    private static void FirstChannels(RopeCall c)
    {
        long D = c.X.Shape[^1];
        long dr = 2 * c.Frequencies.ElementCount;
        Tensor? turned = Values.Gather(c.X, i => i / D * D + (i % D + dr) % D);
        if (turned is null)
            return;
        var y = new Tensor(c.Y.DType, c.Y.Shape);
        new SimdBackend().Rope(turned, c.Positions, c.Frequencies, c.Attributes, y);
        (Values.Gather(y, i => i / D * D + (i % D + D - dr) % D) ?? y).CopyTo(c.Y);
    }
}
