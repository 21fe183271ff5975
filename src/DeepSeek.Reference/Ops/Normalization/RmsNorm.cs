using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>Root-mean-square normalisation of each row of x.</summary>
/// <remarks>
/// <code>
/// v    = (1/n) Σ_k x_k²        Lanes16, one fma a term; one division
/// r    = 1/√(v + ε)            correctly rounded
/// y_k  = (x_k · r) · w_k       two products, rounded as RmsNormRounding says
/// </code>
/// x [T, n], w [n], y [T, n]; F32, or BF16 widened exactly. Rule N11. Variants: docs/spec/dialects.md.
/// A NaN in a row makes the whole row NaN; an infinity makes itself NaN (∞ · 0) and the rest zero.
/// </remarks>
public static partial class RmsNorm
{
    /// <summary>The definition: what every backend must equal, bit for bit. y may be x.</summary>
    /// <exception cref="ShapeException">x is not a whole number of rows of w's length, or y is not x's size.</exception>
    public static void Define(ReadOnlySpan<float> x, ReadOnlySpan<float> w, float epsilon, RmsNormRounding rounding, Span<float> y)
    {
        int n = w.Length;
        int T = CheckedRows(x, w, y);
        for (int t = 0; t < T; t++)
        {
            ReadOnlySpan<float> xt = x.Slice(t * n, n);
            Span<float> yt = y.Slice(t * n, n);

            var sum = new Lanes16();
            for (int k = 0; k < n; k++)
                sum.AddProduct(k, xt[k], xt[k]);
            float v = sum.Fold() / n;
            float r = Correct.ReciprocalSqrt(v + epsilon);

            for (int k = 0; k < n; k++)
            {
                float normalised = xt[k] * r;
                if (rounding == RmsNormRounding.BeforeWeight)
                    normalised = BFloat16.RoundToFloat(normalised);
                yt[k] = normalised * w[k];
            }
        }
    }

    private static int CheckedRows(ReadOnlySpan<float> x, ReadOnlySpan<float> w, Span<float> y)
    {
        if (y.Length != x.Length)
            throw new ShapeException($"RmsNorm: {x.Length} values in, {y.Length} out");
        return Shape.Rows(x, w.Length);
    }
}
