using System.Buffers;
using System.Runtime.CompilerServices;
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

    // Floats that a BF16 operand is copied to at once: memory stays bounded, and beyond so many rows a weight streams by once a block anyway.
    private const int CopiedFloats = 1 << 24;

    // Copies of many rows hold multiples of this, so that tiles and blocks stay whole.
    private const int RowStep = 128;

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

    /// <summary>y = x Wᵀ for rows in groups, each with a weight of its own; a BF16 x or y passes through binary32 copies, a block of rows at a time.</summary>
    private unsafe void Product(Tensor x, Tensor y, LinearWork work, ReadOnlySpan<int> offsets, Tensor? weight, IReadOnlyList<Tensor>? weights)
    {
        if (work.T == 0 || work.N == 0)
            return;

        bool widensX = x.DType != DType.F32;
        bool widensY = y.DType != DType.F32;
        int block = RowsAtOnce(work.T, Math.Max(widensX ? work.K : 0, widensY ? work.N : 0));
        float[] wideX = widensX ? ArrayPool<float>.Shared.Rent(Math.Max(1, block * work.K)) : [];
        float[] wideY = widensY ? ArrayPool<float>.Shared.Rent(block * work.N) : [];
        fixed (byte* xOrigin = &x.ByteOrigin, yOrigin = &y.ByteOrigin)
        fixed (float* xCopy = wideX, yCopy = wideY)
        {
            for (int t0 = 0, rows; t0 < work.T; t0 += rows)
            {
                rows = Math.Min(block, work.T - t0);
                if (widensX)
                    Operands.Slice(x, (long)t0 * work.K, rows * work.K, wideX);
                float* xRows = widensX ? xCopy : (float*)xOrigin + (nint)t0 * work.K;
                float* yRows = widensY ? yCopy : (float*)yOrigin + (nint)t0 * work.N;
                RowsOfGroups(weight, weights, xRows, yRows, work with { T = rows }, Within(offsets, t0, rows));
                if (widensY)
                    Operands.Commit(wideY.AsSpan(0, rows * work.N), y, (long)t0 * work.N);
            }
        }

        if (widensX)
            ArrayPool<float>.Shared.Return(wideX);
        if (widensY)
            ArrayPool<float>.Shared.Return(wideY);
    }

    /// <summary>Rows that are copied together: all, where the copy stays small, else whole blocks of <see cref="Ops.Linear"/>'s own, or single rows.</summary>
    private static int RowsAtOnce(int T, int width)
    {
        if (width > Array.MaxLength)
            throw new ShapeException($"a BF16 row of {width} values is longer than the {Array.MaxLength} that one copy in F32 holds; take an F32 operand");
        int most = CopiedFloats / Math.Max(1, width);
        return width == 0 ? T : Math.Min(T, most >= RowStep ? most / RowStep * RowStep : Math.Max(1, most));
    }

    /// <summary>The part of each group that lies in rows t0..t0+rows, counted from t0.</summary>
    private static ReadOnlySpan<int> Within(ReadOnlySpan<int> offsets, int t0, int rows)
    {
        if (t0 == 0 && rows == offsets[^1])
            return offsets;
        int[] part = new int[offsets.Length];
        for (int g = 0; g < part.Length; g++)
            part[g] = Math.Clamp(offsets[g] - t0, 0, rows);
        return part;
    }

    /// <summary>The product for binary32 rows; work is cut by (group, columns), never along k.</summary>
    private unsafe void RowsOfGroups(Tensor? weight, IReadOnlyList<Tensor>? weights, float* x, float* y, LinearWork work, ReadOnlySpan<int> offsets)
    {
        if (Threads > 1 && (double)work.T * work.N * work.K >= 2 * ThreadWork)
        {
            InParallel(weight, weights, x, y, work, offsets.ToArray());
            return;
        }

        for (int g = 0; g < offsets.Length - 1; g++)
        {
            if (weights is not null && work.Lanes && FourWeights(weights, x, y, work, offsets, g) is int last and > 0)
                g = last;
            else if (offsets[g] < offsets[g + 1])
                Columns(weight ?? weights![g], x, y, work, offsets[g], offsets[g + 1], 0, work.N);
        }
    }

    /// <summary>The next four groups that have rows, where each has one and their weights are read side by side; the last of the four groups, or 0 where they are not.</summary>
    private static unsafe int FourWeights(IReadOnlyList<Tensor> weights, float* x, float* y, LinearWork work, ReadOnlySpan<int> offsets, int g)
    {
        byte** w = stackalloc byte*[4];
        int row = offsets[g], found = 0;
        DType dtype = weights[g].DType;
        for (; found < 4 && g < offsets.Length - 1; g++)
        {
            if (offsets[g] == offsets[g + 1])
                continue;
            if (offsets[g + 1] - offsets[g] > 1 || weights[g].DType != dtype)
                return 0;
            // A weight lies where it is: in pinned memory or in a mapped file.
            w[found++] = (byte*)Unsafe.AsPointer(ref weights[g].ByteOrigin);
        }

        float* rows = x + (nint)row * work.K;
        nint stride = work.K;
        if (found < 4 || !FourWeights512.Suits(rows, work.K, ref stride))
            return 0;
        if (dtype == DType.F32)
            FourWeights512.Rows<Float32Codes>(rows, stride, w, 0, work.N, work.K, y + (nint)row * work.N, work.N);
        else
            FourWeights512.Rows<BFloat16Codes>(rows, stride, w, 0, work.N, work.K, y + (nint)row * work.N, work.N);
        GC.KeepAlive(weights);
        return g - 1;
    }

    private unsafe void InParallel(Tensor? weight, IReadOnlyList<Tensor>? weights, float* x, float* y, LinearWork work, int[] offsets)
    {
        int[] groups = UsedGroups(offsets, out int used);
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

    /// <summary>The groups that have rows, the first <paramref name="used"/> of the result.</summary>
    private static int[] UsedGroups(ReadOnlySpan<int> offsets, out int used)
    {
        int[] groups = new int[offsets.Length - 1];
        used = 0;
        for (int g = 0; g < groups.Length; g++)
        {
            if (offsets[g] < offsets[g + 1])
                groups[used++] = g;
        }

        return groups;
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
