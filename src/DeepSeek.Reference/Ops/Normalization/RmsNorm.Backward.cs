using System.Numerics.Tensors;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>
/// Backward, with v and r as above:
/// <code>
/// x̂_k  = x_k · r                    g_k = dy_k · w_k            one product each
/// c    = (1/n) Σ_k g_k x̂_k          Lanes16, one fma a term; one division
/// dx_k = r · fma(x̂_k, -c, g_k)
/// dw_k = dw_k + Σ_t dy_{t,k} x̂_{t,k}    Lanes16 over the positions t of one sequence; one addition to what dw holds; no positions leave dw as it is
/// </code>
/// No rounding to bfloat16. Rules N16, N24.
/// </remarks>
public static partial class RmsNorm
{
    /// <summary>The definition of the backward: dx, and dw added up. What every backend must equal, bit for bit.</summary>
    /// <param name="dy">T rows of n values: the loss's gradient with respect to y.</param>
    /// <param name="x">What the forward took, T rows.</param>
    /// <param name="w">What the forward took, n values.</param>
    /// <param name="epsilon">What the forward took.</param>
    /// <param name="dx">T rows; may be dy.</param>
    /// <param name="dw">n values, added to.</param>
    /// <exception cref="ShapeException">The lengths do not fit.</exception>
    public static void DefineBackward(ReadOnlySpan<float> dy, ReadOnlySpan<float> x, ReadOnlySpan<float> w, float epsilon, Span<float> dx, Span<float> dw)
    {
        int n = w.Length;
        int T = CheckedBackward(dy, x, w, dx, dw);
        var sums = new Lanes16[n];
        for (int t = 0; t < T; t++)
        {
            ReadOnlySpan<float> xt = x.Slice(t * n, n);
            ReadOnlySpan<float> dyt = dy.Slice(t * n, n);
            Span<float> dxt = dx.Slice(t * n, n);

            var squares = new Lanes16();
            for (int k = 0; k < n; k++)
                squares.AddProduct(k, xt[k], xt[k]);
            float r = Correct.ReciprocalSqrt(squares.Fold() / n + epsilon);

            var products = new Lanes16();
            for (int k = 0; k < n; k++)
                products.AddProduct(k, dyt[k] * w[k], xt[k] * r);
            float c = products.Fold() / n;

            for (int k = 0; k < n; k++)
            {
                float normalised = xt[k] * r;
                sums[k].AddProduct(t, dyt[k], normalised);
                dxt[k] = r * MathF.FusedMultiplyAdd(normalised, -c, dyt[k] * w[k]);
            }
        }

        for (int k = 0; T > 0 && k < n; k++)
            dw[k] = dw[k] + sums[k].Fold();
    }

    /// <summary>One row's dx with the definition's bits, and x̂, by vector instructions. g holds n values.</summary>
    internal static void SimdBackwardRow(
        ReadOnlySpan<float> dy, ReadOnlySpan<float> x, ReadOnlySpan<float> w, float epsilon, Span<float> dx, Span<float> normalised, Span<float> g)
    {
        float r = Correct.ReciprocalSqrt(LaneSums.Dot(x, x) / x.Length + epsilon);
        TensorPrimitives.Multiply(x, r, normalised);
        TensorPrimitives.Multiply(dy, w, g);
        float c = LaneSums.Dot(g, normalised) / x.Length;
        TensorPrimitives.FusedMultiplyAdd(normalised, -c, g, dx);
        TensorPrimitives.Multiply(dx, r, dx);
    }

    private static int CheckedBackward(ReadOnlySpan<float> dy, ReadOnlySpan<float> x, ReadOnlySpan<float> w, Span<float> dx, Span<float> dw)
    {
        if (dy.Length != x.Length || dx.Length != x.Length || dw.Length != w.Length)
            throw new ShapeException($"RmsNorm backward: dy of {dy.Length}, x of {x.Length}, w of {w.Length}, dx of {dx.Length}, dw of {dw.Length} values");
        return Shape.Rows(x, w.Length);
    }
}
