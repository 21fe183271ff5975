using System.Buffers;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

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
        (int T, int N, int K) = LinearShape.Check(x, weight, accumulation, y);
        ReadOnlySpan<int> whole = [0, T];
        Product(x, y, new LinearWork(T, N, K, accumulation, y.DType), whole, weight, null);
    }

    /// <inheritdoc/>
    public void GroupedLinear(Tensor x, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, Accumulation accumulation, Tensor y)
    {
        (int N, int K) = LinearShape.CheckGrouped(x, offsets, weights, accumulation, y);
        Product(x, y, new LinearWork(Operands.Dim(x, 0), N, K, accumulation, y.DType), offsets, null, weights);
    }

    /// <summary>What every piece of one product has in common.</summary>
    private readonly record struct LinearWork(int T, int N, int K, Accumulation Accumulation, DType Output)
    {
        public int Steps => (N + ColumnStep - 1) / ColumnStep;

        public bool Lanes => Accumulation == Accumulation.Lanes16 && Isa.Any;
    }

    /// <summary>y = x Wᵀ for rows in groups, each with a weight of its own; work is cut by (group, columns), never along k.</summary>
    private unsafe void Product(Tensor x, Tensor y, LinearWork work, ReadOnlySpan<int> offsets, Tensor? weight, IReadOnlyList<Tensor>? weights)
    {
        if (work.T == 0 || work.N == 0)
            return;

        float[]? wideX = null;
        float[]? wideY = null;
        if (x.DType != DType.F32)
        {
            wideX = ArrayPool<float>.Shared.Rent(Math.Max(1, PooledLength(work.T, work.K)));
            BFloat16Spans.Widen(x.AsReadOnlySpan<BFloat16>(), wideX);
        }

        if (y.DType != DType.F32)
            wideY = ArrayPool<float>.Shared.Rent(PooledLength(work.T, work.N));

        fixed (float* xp = wideX is null ? x.AsReadOnlySpan<float>() : wideX, yp = wideY is null ? y.AsSpan<float>() : wideY)
        {
            if (Threads == 1 || (long)work.T * work.N * work.K < 2 * ThreadWork)
            {
                for (int g = 0; g < offsets.Length - 1; g++)
                {
                    if (offsets[g] < offsets[g + 1])
                        Columns(weight ?? weights![g], xp, yp, work, offsets[g], offsets[g + 1], 0, work.N);
                }
            }
            else
            {
                InParallel(weight, weights, xp, yp, work, offsets.ToArray());
            }
        }

        if (wideX is not null)
            ArrayPool<float>.Shared.Return(wideX);
        if (wideY is not null)
        {
            Operands.Commit(wideY.AsSpan(0, work.T * work.N), y, 0);
            ArrayPool<float>.Shared.Return(wideY);
        }
    }

    private unsafe void InParallel(Tensor? weight, IReadOnlyList<Tensor>? weights, float* x, float* y, LinearWork work, int[] offsets)
    {
        int[] groups = new int[offsets.Length - 1];
        int used = 0;
        for (int g = 0; g < groups.Length; g++)
        {
            if (offsets[g] < offsets[g + 1])
                groups[used++] = g;
        }

        int steps = work.Steps;
        long workPerStep = Math.Max(1, (long)(work.T / used + 1) * ColumnStep * work.K);
        int grain = (int)Math.Clamp(ThreadWork / workPerStep, 1, int.MaxValue);
        For(checked(used * steps), grain, (from, to) =>
        {
            for (int s = from; s < to;)
            {
                int g = groups[s / steps];
                int first = s % steps;
                int taken = Math.Min(steps - first, to - s);
                int n1 = Math.Min(work.N, (first + taken) * ColumnStep);
                Columns(weight ?? weights![g], x, y, work, offsets[g], offsets[g + 1], first * ColumnStep, n1);
                s += taken;
            }
        });
    }

    private static int PooledLength(int rows, int columns)
    {
        long length = (long)rows * columns;
        if (length > Array.MaxLength)
            throw new ShapeException($"a BF16 operand of {rows} x {columns} values is too large for one product; split its rows");
        return (int)length;
    }

    /// <summary>Rows t0..t1 and columns n0..n1.</summary>
    private static unsafe void Columns(Tensor weight, float* x, float* y, LinearWork work, int t0, int t1, int n0, int n1)
    {
        float* rowsOfX = x + (nint)t0 * work.K;
        float* rowsOfY = y + (nint)t0 * work.N;
        if (work.Accumulation.Unit is { } unit && Isa.Any && BFloat16Product.Fits(unit))
        {
            fixed (byte* w = &weight.ByteOrigin)
                BFloat16Product.Simd(unit, rowsOfX, t1 - t0, (ushort*)w, n0, n1, work.K, rowsOfY, work.N);
            return;
        }

        if (!work.Lanes)
        {
            DefinedColumns(weight, rowsOfX, t1 - t0, n0, n1, work.K, work.Accumulation, work.Output, rowsOfY, work.N);
            return;
        }

        fixed (byte* w = &weight.ByteOrigin)
        {
            if (weight.DType == DType.F32)
                Ops.Linear.Simd<Float32Codes>(rowsOfX, t1 - t0, w, n0, n1, work.K, rowsOfY, work.N);
            else
                Ops.Linear.Simd<BFloat16Codes>(rowsOfX, t1 - t0, w, n0, n1, work.K, rowsOfY, work.N);
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
