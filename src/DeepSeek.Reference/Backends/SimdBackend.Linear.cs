using System.Buffers;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class SimdBackend
{
    // Multiply-adds below which another thread costs more than it brings.
    private const long ThreadWork = 1 << 17;

    // Columns are handed out in multiples of this, so that tiles stay whole for every width.
    private const int ColumnStep = 4;

    /// <inheritdoc/>
    public void Linear(Tensor x, Tensor weight, Accumulation accumulation, Tensor y)
    {
        (int T, int N, int K) = LinearShape.Check(x, weight, y);
        Product(x, y, T, N, K, accumulation, [0, T], [weight]);
    }

    /// <inheritdoc/>
    public void GroupedLinear(Tensor x, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, Accumulation accumulation, Tensor y)
    {
        (int N, int K) = LinearShape.CheckGrouped(x, offsets, weights, y);
        Product(x, y, Operands.Dim(x, 0), N, K, accumulation, offsets.ToArray(), weights);
    }

    /// <summary>y = x Wᵀ for rows in groups, each with a weight of its own; work is cut by (group, columns), never along k.</summary>
    private unsafe void Product(Tensor x, Tensor y, int T, int N, int K, Accumulation accumulation, int[] offsets, IReadOnlyList<Tensor> weights)
    {
        if (T == 0 || N == 0)
            return;

        float[]? wideX = null;
        float[]? wideY = null;
        if (x.DType != DType.F32)
        {
            wideX = ArrayPool<float>.Shared.Rent(Math.Max(1, T * K));
            BFloat16Spans.Widen(x.AsReadOnlySpan<BFloat16>(), wideX);
        }

        if (y.DType != DType.F32)
            wideY = ArrayPool<float>.Shared.Rent(T * N);

        int[] groups = [.. Enumerable.Range(0, weights.Count).Where(g => offsets[g] < offsets[g + 1])];
        int steps = (N + ColumnStep - 1) / ColumnStep;
        bool lanes = accumulation == Accumulation.Lanes16 && Isa.Any;
        long workPerStep = Math.Max(1, (long)(T / Math.Max(1, groups.Length) + 1) * ColumnStep * K);
        int grain = (int)Math.Clamp(ThreadWork / workPerStep, 1, int.MaxValue);
        DType output = y.DType;
        For(groups.Length * steps, grain, (from, to) =>
        {
            fixed (float* xp = wideX is null ? x.AsReadOnlySpan<float>() : wideX, yp = wideY is null ? y.AsSpan<float>() : wideY)
            {
                for (int s = from; s < to;)
                {
                    int g = groups[s / steps];
                    int n0 = s % steps * ColumnStep;
                    int taken = Math.Min(steps - s % steps, to - s);
                    int n1 = Math.Min(N, n0 + taken * ColumnStep);
                    int rows = offsets[g + 1] - offsets[g];
                    float* xg = xp + (nint)offsets[g] * K;
                    float* yg = yp + (nint)offsets[g] * N;
                    if (lanes)
                        Columns(weights[g], xg, rows, n0, n1, K, yg, N);
                    else
                        DefinedColumns(weights[g], xg, rows, n0, n1, K, accumulation, output, yg, N);
                    s += taken;
                }
            }
        });

        if (wideX is not null)
            ArrayPool<float>.Shared.Return(wideX);
        if (wideY is not null)
        {
            Operands.Commit(wideY.AsSpan(0, T * N), y, 0);
            ArrayPool<float>.Shared.Return(wideY);
        }
    }

    private static unsafe void Columns(Tensor weight, float* x, int rows, int n0, int n1, int K, float* y, int N)
    {
        fixed (byte* w = &weight.ByteOrigin)
        {
            if (weight.DType == DType.F32)
                Ops.Linear.Simd<Float32Codes>(x, rows, w, n0, n1, K, y, N);
            else
                Ops.Linear.Simd<BFloat16Codes>(x, rows, w, n0, n1, K, y, N);
        }
    }

    private static unsafe void DefinedColumns(
        Tensor weight, float* x, int rows, int n0, int n1, int K, Accumulation accumulation, DType output, float* y, int N)
    {
        float[] rowOfW = new float[K];
        for (int n = n0; n < n1; n++)
        {
            ReadOnlySpan<float> w = Operands.Slice(weight, (long)n * K, K, rowOfW);
            for (int t = 0; t < rows; t++)
                y[(nint)t * N + n] = DotProduct.Define(new ReadOnlySpan<float>(x + (nint)t * K, K), w, accumulation, output);
        }
    }
}
