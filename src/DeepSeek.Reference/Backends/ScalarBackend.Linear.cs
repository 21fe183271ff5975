using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class ScalarBackend
{
    /// <inheritdoc/>
    public void Linear(Tensor x, Tensor weight, Accumulation accumulation, Tensor y)
    {
        (int T, int N, int K) = LinearShape.Check(x, weight, accumulation, y);
        Linear(x, 0, T, weight, N, K, accumulation, y);
    }

    /// <inheritdoc/>
    public void GroupedLinear(Tensor x, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, Accumulation accumulation, Tensor y)
    {
        (int N, int K) = LinearShape.CheckGrouped(x, offsets, weights, accumulation, y);
        for (int g = 0; g < weights.Count; g++)
            Linear(x, offsets[g], offsets[g + 1], weights[g], N, K, accumulation, y);
    }

    /// <summary>Rows from..to of x times the weight, one row of the weight at a time, so that a mapped weight is never copied whole.</summary>
    private static void Linear(Tensor x, int from, int to, Tensor weight, int N, int K, Accumulation accumulation, Tensor y)
    {
        float[] rowOfX = new float[K];
        float[] rowOfW = new float[K];
        float[] one = new float[1];
        for (int n = 0; n < N; n++)
        {
            ReadOnlySpan<float> w = Operands.Slice(weight, (long)n * K, K, rowOfW);
            for (int t = from; t < to; t++)
            {
                Ops.Linear.Define(Operands.Slice(x, (long)t * K, K, rowOfX), w, K, accumulation, y.DType, one);
                Operands.Store(one, y, (long)t * N + n);
            }
        }
    }
}
