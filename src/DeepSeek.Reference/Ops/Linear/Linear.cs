namespace DeepSeek.Reference.Ops;

/// <summary>The matrix product of activations and a weight: y = x Wᵀ.</summary>
/// <remarks>
/// <code>
/// y_{t,n} = Σ_k x_{t,k} W_{n,k}        the named accumulation; Lanes16 by default
/// </code>
/// x [T, K], W [N, K] (the checkpoint's [out, in]), y [T, N]; F32 or BF16 widened exactly. Every output is a function of one row of x and one row of W
/// alone. No bias: DeepSeek-V3 has none. Rules N6, N7; DeepSeek-V3's model.py, class Linear; docs/spec/deepseek-v3.md 4.4.
/// </remarks>
public static partial class Linear
{
    /// <summary>The definition: what every backend must equal, bit for bit.</summary>
    /// <param name="x">T rows of K values.</param>
    /// <param name="weight">N rows of K values.</param>
    /// <param name="K">Length of a row; may be 0, then every output is +0.</param>
    /// <param name="accumulation">The named accumulation.</param>
    /// <param name="output">The format y will be stored in.</param>
    /// <param name="y">T rows of N values.</param>
    /// <exception cref="ShapeException">The lengths do not fit.</exception>
    public static void Define(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, int K, Accumulation accumulation, DType output, Span<float> y)
    {
        if (K == 0)
        {
            y.Clear();
            return;
        }

        int T = Shape.Rows(x, K);
        int N = Shape.Rows(weight, K);
        if (y.Length != (long)T * N)
            throw new ShapeException($"y has {y.Length} values, expected {T} x {N}");
        for (int t = 0; t < T; t++)
            for (int n = 0; n < N; n++)
                y[t * N + n] = DotProduct.Define(x.Slice(t * K, K), weight.Slice(n * K, K), accumulation, output);
    }
}
