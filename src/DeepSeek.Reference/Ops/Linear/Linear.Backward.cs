namespace DeepSeek.Reference.Ops;

/// <remarks>
/// Backward. The two products of a Linear layer that follow from dy:
/// <code>
/// Dgrad   dx_{t,k} = Σ_n dy_{t,n} W_{n,k}                  the named accumulation over n
/// Wgrad   dW_{n,k} = dW_{n,k} + Σ_t dy_{t,n} x_{t,k}       the named accumulation over the positions t of one sequence; one addition to what dW holds
/// </code>
/// No positions leave dW as it is: an expert without tokens keeps D = C, bit for bit. Each output is a function of a row or column of either operand alone.
/// Rules N6, N7, N16, N24; DeepSeek-V3 report 3.3, Fprop, Dgrad and Wgrad.
/// </remarks>
public static partial class Linear
{
    /// <summary>The definition of Dgrad: what every backend must equal, bit for bit.</summary>
    /// <param name="dy">T rows of N values.</param>
    /// <param name="weight">N rows of K values.</param>
    /// <param name="N">Out-features; 0 makes every dx +0.</param>
    /// <param name="K">In-features.</param>
    /// <param name="accumulation">The named accumulation.</param>
    /// <param name="dx">T rows of K values.</param>
    /// <exception cref="ShapeException">The lengths do not fit.</exception>
    public static void DefineDgrad(ReadOnlySpan<float> dy, ReadOnlySpan<float> weight, int N, int K, Accumulation accumulation, Span<float> dx)
    {
        int T = N > 0 ? Shape.Rows(dy, N) : Shape.Rows(dx, K);
        if (dy.Length != (long)T * N || weight.Length != (long)N * K || dx.Length != (long)T * K)
            throw new ShapeException($"Dgrad: dy of {dy.Length}, weight of {weight.Length} and dx of {dx.Length} values are not {T} rows for a weight [{N}, {K}]");
        float[] column = new float[N];
        for (int k = 0; k < K; k++)
        {
            for (int n = 0; n < N; n++)
                column[n] = weight[n * K + k];
            for (int t = 0; t < T; t++)
                dx[t * K + k] = DotProduct.Define(dy.Slice(t * N, N), column, accumulation, DType.F32);
        }
    }

    /// <summary>The definition of Wgrad: what every backend must equal, bit for bit.</summary>
    /// <param name="dy">T rows of N values: one sequence, or the tokens of it that one expert was given, in position order.</param>
    /// <param name="x">T rows of K values, what the forward took.</param>
    /// <param name="N">Out-features.</param>
    /// <param name="K">In-features.</param>
    /// <param name="accumulation">The named accumulation.</param>
    /// <param name="dWeight">N rows of K values, added to.</param>
    /// <exception cref="ShapeException">The lengths do not fit.</exception>
    public static void DefineWgrad(ReadOnlySpan<float> dy, ReadOnlySpan<float> x, int N, int K, Accumulation accumulation, Span<float> dWeight)
    {
        int T = N > 0 ? Shape.Rows(dy, N) : Shape.Rows(x, K);
        if (dy.Length != (long)T * N || x.Length != (long)T * K || dWeight.Length != (long)N * K)
            throw new ShapeException($"Wgrad: dy of {dy.Length}, x of {x.Length} and dW of {dWeight.Length} values are not {T} rows for a weight [{N}, {K}]");
        if (T == 0)
            return;
        float[] a = new float[T];
        float[] b = new float[T];
        for (int n = 0; n < N; n++)
        {
            for (int t = 0; t < T; t++)
                a[t] = dy[t * N + n];
            for (int k = 0; k < K; k++)
            {
                for (int t = 0; t < T; t++)
                    b[t] = x[t * K + k];
                dWeight[n * K + k] = dWeight[n * K + k] + DotProduct.Define(a, b, accumulation, DType.F32);
            }
        }
    }
}
