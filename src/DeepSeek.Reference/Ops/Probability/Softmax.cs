using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>Softmax of each row of x.</summary>
/// <remarks>
/// <code>
/// m   = max_k x_k              exact
/// e_k = exp(x_k - m)           one subtraction, one correctly rounded exp
/// s   = Σ_k e_k                Lanes16
/// p_k = e_k / s
/// </code>
/// x [T, n], p [T, n]; F32, or BF16 widened exactly. Rule N10. A NaN, or m = +∞: the row is NaN. m = -∞: the row is +0.
/// </remarks>
public static partial class Softmax
{
    /// <summary>The definition: what every backend must equal, bit for bit. p may be x.</summary>
    /// <exception cref="ShapeException">x is not a whole number of rows of n, or p is not x's size.</exception>
    public static void Define(ReadOnlySpan<float> x, int n, Span<float> p)
    {
        int T = CheckedRows(x, n, p);
        for (int t = 0; t < T; t++)
        {
            ReadOnlySpan<float> xt = x.Slice(t * n, n);
            Span<float> pt = p.Slice(t * n, n);

            float m = Maximum(xt);
            if (!float.IsFinite(m))
            {
                pt.Fill(float.IsNegativeInfinity(m) ? 0f : float.NaN);
                continue;
            }

            var s = new Lanes16();
            for (int k = 0; k < n; k++)
            {
                pt[k] = Correct.Exp(xt[k] - m);
                s.Add(k, pt[k]);
            }

            float sum = s.Fold();
            for (int k = 0; k < n; k++)
                pt[k] = pt[k] / sum;
        }
    }

    /// <summary>The largest value; NaN if there is one, -∞ if there are no values.</summary>
    internal static float Maximum(ReadOnlySpan<float> x)
    {
        float m = float.NegativeInfinity;
        foreach (float v in x)
        {
            if (float.IsNaN(v))
                return float.NaN;
            if (v > m)
                m = v;
        }

        return m;
    }

    internal static int CheckedRows(ReadOnlySpan<float> x, int n, Span<float> p)
    {
        if (p.Length != x.Length)
            throw new ShapeException($"softmax: {x.Length} values in, {p.Length} out");
        return Shape.Rows(x, n);
    }
}
