using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class SimdBackend : IDequantizedLinear
{
    /// <summary>Rows of x up to which the codes are read; with more, a weight dequantised once and kept is faster.</summary>
    private const int DecodedRows = 16;

    /// <inheritdoc/>
    unsafe bool IDequantizedLinear.TryDequantizedLinear(Tensor x, Tensor codes, Tensor scales, Accumulation accumulation, Tensor y)
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
    unsafe bool IDequantizedLinear.TryDequantizedGroupedLinear(
        Tensor x, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> codes, IReadOnlyList<Tensor> scales, Accumulation accumulation, Tensor y)
    {
        Operands.RequireRank(x, "x", 2);
        Operands.RequireOffsets(offsets, codes.Count, Operands.Dim(x, 0), "x");
        if (scales.Count != codes.Count)
            throw new ShapeException($"{codes.Count} weights and {scales.Count} tensors of scales; give one for each");
        var groups = new List<(int From, int Rows, Tensor Codes, Tensor Scales, TileGrid Grid)>();
        for (int g = 0; g < codes.Count; g++)
        {
            int rows = offsets[g + 1] - offsets[g];
            if (!Decodes(x, codes[g], accumulation, y) || rows > DecodedRows)
                return false;
            if (rows > 0)
                groups.Add((offsets[g], rows, codes[g], scales[g], QuantizationChecks.Weights(x, codes[g], scales[g], y)));
        }

        if (groups.Count == 0)
            return true;
        (int N, int K) = (Operands.Dim(y, 1), Operands.Dim(x, 1));
        ForColumns(Operands.Dim(x, 0), N, K, (n0, n1) =>
        {
            fixed (byte* xOrigin = &x.ByteOrigin, yOrigin = &y.ByteOrigin)
            {
                Float8Stream* streams = stackalloc Float8Stream[4];
                for (int g = 0; g < groups.Count; g++)
                {
                    (int from, int rows, Tensor groupCodes, Tensor groupScales, TileGrid grid) = groups[g];
                    float* a = (float*)xOrigin + (nint)from * K, b = (float*)yOrigin + (nint)from * N;
                    // One token's experts: four weights side by side, whose rows of x are one and the same.
                    if (g + 4 <= groups.Count && groups[g + 3].From == from + 3 && groups[g + 3].Rows == 1 && FourWeights512.SuitCodes(a, K))
                    {
                        for (int j = 0; j < 4; j++)
                        {
                            // A weight lies where it is: in pinned memory or in a mapped file.
                            byte* w = (byte*)Unsafe.AsPointer(ref groups[g + j].Codes.ByteOrigin) + (nint)n0 * K;
                            streams[j] = new Float8Stream { X = a, Codes = w, Scales = (float*)Unsafe.AsPointer(ref groups[g + j].Scales.ByteOrigin), Row = n0 };
                        }

                        Ops.Linear.SimdFloat8(streams, grid, n1 - n0, K, b + n0, N);
                        g += 3;
                        continue;
                    }

                    fixed (byte* w = &groupCodes.ByteOrigin, s = &groupScales.ByteOrigin)
                        Ops.Linear.SimdFloat8(a, rows, w, (float*)s, grid, n0, n1, K, b, N);
                }
            }
        });
        return true;
    }

    private static bool Decodes(Tensor x, Tensor codes, Accumulation accumulation, Tensor y) =>
        Isa.Any && accumulation == Accumulation.Lanes16 && x.DType == DType.F32 && y.DType == DType.F32 && codes.DType == DType.F8_E4M3 && x.Shape.Rank == 2;

    /// <summary>The columns of a product of T rows, cut among the threads.</summary>
    private void ForColumns(int T, int N, int K, Action<int, int> columns)
    {
        long workPerStep = Math.Max(1, (long)T * ColumnStep * K);
        int steps = (N + ColumnStep - 1) / ColumnStep;
        int grain = (int)Math.Clamp(ThreadWork / workPerStep, 1, int.MaxValue);
        For(steps, Threads > 1 ? grain : Math.Max(1, steps), (from, to) => columns(from * ColumnStep, Math.Min(N, to * ColumnStep)));
    }
}
