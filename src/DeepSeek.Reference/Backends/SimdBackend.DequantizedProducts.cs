using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class SimdBackend : IDequantizedProducts
{
    /// <summary>Rows of x up to which the codes are read; with more, a weight dequantised once and kept is faster.</summary>
    private const int DecodedRows = 16;

    /// <inheritdoc/>
    unsafe bool IDequantizedProducts.TryDequantizedLinear(Tensor x, Tensor codes, Tensor scales, Accumulation accumulation, Tensor y)
    {
        if (!Decodes(x, codes, accumulation, y) || x.Shape[0] > DecodedRows)
            return false;
        TileGrid grid = QuantizationChecks.Weights(x, codes, scales, y);
        (int T, int N, int K) = (Operands.Dim(x, 0), Operands.Dim(codes, 0), Operands.Dim(x, 1));
        if (T == 0)
            return true;

        ForColumns(T, N, K, (n0, n1) =>
        {
            fixed (byte* a = &x.ByteOrigin, w = &codes.ByteOrigin, s = &scales.ByteOrigin, b = &y.ByteOrigin)
                Ops.Linear.SimdFloat8((float*)a, T, w, (float*)s, grid, n0, n1, K, (float*)b, N);
        });
        return true;
    }

    /// <inheritdoc/>
    unsafe bool IDequantizedProducts.TryDequantizedGroupedLinear(
        Tensor x, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> codes, IReadOnlyList<Tensor> scales, Accumulation accumulation, Tensor y)
    {
        Operands.RequireRank(x, "x", 2);
        Operands.RequireOffsets(offsets, codes.Count, Operands.Dim(x, 0), "x");
        if (scales.Count != codes.Count)
            throw new ShapeException($"{codes.Count} weights and {scales.Count} tensors of scales; give one for each");
        if (!Isa.Any)
            return false;
        int[] groups = UsedGroups(offsets, out int used);
        if (used == 0)
            return false;
        TileGrid grid = default;
        int[] starts = new int[used + 1];
        for (int i = 0; i < used; i++)
        {
            int g = groups[i], rows = offsets[g + 1] - offsets[g];
            if (!Decodes(x, codes[g], accumulation, y) || rows > DecodedRows)
                return false;
            grid = QuantizationChecks.Weights(x, codes[g], scales[g], y);
            starts[i + 1] = offsets[g + 1];
        }

        (int N, int K) = (Operands.Dim(y, 1), Operands.Dim(x, 1));
        ForColumns(Operands.Dim(x, 0), N, K, (n0, n1) =>
        {
            fixed (byte* xOrigin = &x.ByteOrigin, yOrigin = &y.ByteOrigin)
            {
                for (int i = 0; i < used; i++)
                {
                    int rows = starts[i + 1] - starts[i];
                    float* a = (float*)xOrigin + (nint)starts[i] * K, b = (float*)yOrigin + (nint)starts[i] * N;
                    nint stride = K;
                    if (i + 4 <= used && starts[i + 4] == starts[i] + 4 && FourWeights512.SuitCodes(a, K, ref stride))
                    {
                        FourGroups(groups.AsSpan(i, 4), a, stride, codes, scales, grid, n0, n1, K, b, N);
                        i += 3;
                        continue;
                    }

                    fixed (byte* w = &codes[groups[i]].ByteOrigin, s = &scales[groups[i]].ByteOrigin)
                        Ops.Linear.SimdFloat8(a, rows, w, (float*)s, grid, n0, n1, K, b, N);
                }
            }
        });
        return true;
    }

    /// <summary>Columns n0..n1 of one row for each of four groups: one token's experts, their weights side by side.</summary>
    private static unsafe void FourGroups(
        ReadOnlySpan<int> groups, float* x, nint xStride, IReadOnlyList<Tensor> codes, IReadOnlyList<Tensor> scales, TileGrid grid, int n0, int n1, int K, float* y, int N)
    {
        Float8Stream* streams = stackalloc Float8Stream[4];
        for (int j = 0; j < 4; j++)
        {
            // A weight lies where it is: in pinned memory or in a mapped file.
            byte* w = (byte*)Unsafe.AsPointer(ref codes[groups[j]].ByteOrigin), s = (byte*)Unsafe.AsPointer(ref scales[groups[j]].ByteOrigin);
            streams[j] = new Float8Stream { X = x + j * xStride, Codes = w + (nint)n0 * K, Scales = (float*)s, Row = n0 };
        }

        Ops.Linear.SimdFloat8(streams, grid, n1 - n0, K, y + n0, N);
        GC.KeepAlive(codes);
        GC.KeepAlive(scales);
    }

    /// <inheritdoc/>
    bool IDequantizedProducts.TryDequantizedAbsorbQuery(Tensor q, Tensor codes, Tensor scales, Accumulation accumulation, Tensor y)
    {
        if (accumulation != Accumulation.Lanes16 || GridOfHeads(q, codes, scales, y) is not { } grid)
            return false;
        (int S, int H, int c, int rows) = (Operands.Dim(q, 0), Operands.Dim(q, 1), Operands.Dim(codes, 1), Operands.Dim(codes, 0) / Operands.Dim(q, 1));
        int dr = Operands.Dim(y, 2) - c, dn = Operands.Dim(q, 2) - dr;
        if (dr < 0 || dn < 0 || dn > rows || !Ops.AbsorbQuery.FitsFloat8(q, dn, c, y))
            return false;
        int failed = 0;
        For(H, HeadGrain(S, dn, c), (from, to) =>
        {
            if (!Ops.AbsorbQuery.SimdFloat8(q, codes, scales, grid, dn, y, from, to))
                Interlocked.Exchange(ref failed, 1);
        });
        return failed == 0;
    }

    /// <inheritdoc/>
    bool IDequantizedProducts.TryDequantizedAbsorbOutput(Tensor z, Tensor codes, Tensor scales, Accumulation accumulation, Tensor y)
    {
        if (accumulation != Accumulation.Lanes16 || GridOfHeads(z, codes, scales, y) is not { } grid)
            return false;
        (int S, int H, int c, int dv) = (Operands.Dim(z, 0), Operands.Dim(z, 1), Operands.Dim(z, 2), Operands.Dim(y, 2));
        if (c != codes.Shape[1] || dv > codes.Shape[0] / H || !Ops.AbsorbOutput.FitsFloat8(z, y))
            return false;
        For(H, HeadGrain(S, dv, c), (from, to) => Ops.AbsorbOutput.SimdFloat8(z, codes, scales, grid, y, from, to));
        return true;
    }

    /// <summary>How scales cover kv_b_proj, where it has as many rows for each head of x, and y as many tokens and heads.</summary>
    private static TileGrid? GridOfHeads(Tensor x, Tensor codes, Tensor scales, Tensor y)
    {
        if (x.Shape.Rank != 3 || y.Shape.Rank != 3 || codes.Shape.Rank != 2 || codes.DType != DType.F8_E4M3 || scales.DType != DType.F32)
            return null;
        if (x.Shape[1] == 0 || codes.Shape[0] % x.Shape[1] != 0 || x.Shape[0] != y.Shape[0] || x.Shape[1] != y.Shape[1] || y.IsReadOnly)
            return null;
        var grid = new TileGrid(QuantizationTile.Block128x128, Operands.Dim(codes, 0), Operands.Dim(codes, 1));
        return scales.Shape.Rank == 2 && scales.Shape[0] == grid.Down && scales.Shape[1] == grid.Across ? grid : null;
    }

    private static bool Decodes(Tensor x, Tensor codes, Accumulation accumulation, Tensor y) =>
        Isa.Any && accumulation == Accumulation.Lanes16 && x.DType == DType.F32 && y.DType == DType.F32 && codes.DType == DType.F8_E4M3 && x.Shape.Rank == 2;

    /// <summary>The columns of a product of T rows, cut among the threads.</summary>
    private void ForColumns(int T, int N, int K, Action<int, int> columns)
    {
        long workPerStep = Math.Max(1, (long)T * ColumnStep * K);
        int steps = (int)(((long)N + ColumnStep - 1) / ColumnStep);
        int grain = (int)Math.Clamp(ThreadWork / workPerStep, 1, int.MaxValue);
        For(steps, Threads > 1 ? grain : Math.Max(1, steps), (from, to) => columns(from * ColumnStep, (int)Math.Min(N, (long)to * ColumnStep)));
    }
}
