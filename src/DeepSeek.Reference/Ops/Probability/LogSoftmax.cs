using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>Logarithm of the softmax of each row of x.</summary>
/// <remarks>
/// <code>
/// m, s  as in Softmax
/// l_k = (x_k - m) - log(s)     log correctly rounded; two subtractions
/// </code>
/// x [T, n], l [T, n]; F32, or BF16 widened exactly. Rule N10. A NaN, or m = +∞: the row is NaN. m = -∞: the row is -∞.
/// </remarks>
public static partial class LogSoftmax
{
    /// <summary>The definition: what every backend must equal, bit for bit. l may be x.</summary>
    /// <exception cref="ShapeException">x is not a whole number of rows of n, or l is not x's size.</exception>
    public static void Define(ReadOnlySpan<float> x, int n, Span<float> l)
    {
        int T = Softmax.CheckedRows(x, n, l);
        for (int t = 0; t < T; t++)
        {
            ReadOnlySpan<float> xt = x.Slice(t * n, n);
            Span<float> lt = l.Slice(t * n, n);

            float m = Softmax.Maximum(xt);
            if (!float.IsFinite(m))
            {
                lt.Fill(float.IsNegativeInfinity(m) ? m : float.NaN);
                continue;
            }

            var s = new Lanes16();
            for (int k = 0; k < n; k++)
                s.Add(k, Correct.Exp(xt[k] - m));

            float log = Correct.Log(s.Fold());
            for (int k = 0; k < n; k++)
                lt[k] = (xt[k] - m) - log;
        }
    }
}
