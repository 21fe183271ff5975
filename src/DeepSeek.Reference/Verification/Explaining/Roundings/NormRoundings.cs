using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>The ways to round RMSNorm: order of the sum of squares, mean, root, products. Where epsilon enters is a value of the root.</summary>
internal static class NormRoundings
{
    private delegate float Root(float mean, float epsilon);

    private static IReadOnlyList<(string Words, Func<float, int, float> Mean)> Means { get; } =
    [
        ("sum / n", (s, n) => s / n),
        ("sum * (1/n)", (s, n) => s * (1f / n)),
    ];

    // A root below 0 is divided by, not multiplied with: the sign is a flag, for a root is never negative.
    private static IReadOnlyList<(string Words, Root Of)> Roots { get; } =
    [
        ("r = rsqrt(v + eps) correctly rounded", (v, e) => Correct.ReciprocalSqrt(v + e)),
        ("r = 1 / sqrt(v + eps), two roundings", (v, e) => 1f / MathF.Sqrt(v + e)),
        ("division by sqrt(v + eps)", (v, e) => -MathF.Sqrt(v + e)),
        ("r = 1 / (sqrt(v) + eps), epsilon outside the root", (v, e) => 1f / (MathF.Sqrt(v) + e)),
        ("division by sqrt(v) + eps, epsilon outside the root", (v, e) => -(MathF.Sqrt(v) + e)),
        ("r = rsqrt(max(v, eps))", (v, e) => Correct.ReciprocalSqrt(MathF.Max(v, e))),
    ];

    private static IReadOnlyList<(string Words, Func<float, float, float, float> Of)> Products { get; } =
    [
        ("(x*r)*w", (x, r, w) => Scaled(x, r) * w),
        ("bf16(x*r)*w", (x, r, w) => BFloat16.RoundToFloat(Scaled(x, r)) * w),
        ("x*(r*w)", (x, r, w) => r < 0 ? x * (w / -r) : x * (r * w)),
        ("(x*w)*r", (x, r, w) => Scaled(x * w, r)),
        ("(x*r)*(1+w)", (x, r, w) => Scaled(x, r) * (1f + w)),
    ];

    /// <summary>All combinations.</summary>
    public static IEnumerable<RoundingVariant> Of(RmsNormCall call) =>
        from product in Products
        from root in Roots
        from mean in Means
        from sum in PlainSums.All
        select new RoundingVariant(
            [("sum", $"squares summed by {sum.Words}"), ("mean", mean.Words), ("root", root.Words), ("products", product.Words)],
            c => new AlteredCall(c, (inner, _) => Compute((RmsNormCall)inner, sum.Sum, mean.Mean, root.Of, product.Of)));

    private static float Scaled(float x, float r) => r < 0 ? x / -r : x * r;

    private static void Compute(RmsNormCall c, Func<float[], float[], float> sum, Func<float, int, float> mean, Root root, Func<float, float, float, float> product)
    {
        float[] x = Values.Of(c.X), w = Values.Of(c.Weight);
        int n = w.Length;
        float[] y = new float[x.Length];
        for (int t = 0; t < x.Length; t += n)
        {
            float[] row = x[t..(t + n)];
            float r = root(mean(sum(row, row), n), c.Epsilon);
            for (int k = 0; k < n; k++)
                y[t + k] = product(row[k], r, w[k]);
        }

        Values.Store(y, c.Y);
    }
}
