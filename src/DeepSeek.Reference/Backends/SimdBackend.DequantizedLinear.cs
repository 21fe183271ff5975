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
        if (!Isa.Any || accumulation != Accumulation.Lanes16 || x.DType != DType.F32 || y.DType != DType.F32 || codes.DType != DType.F8_E4M3 || x.Shape.Rank != 2 || x.Shape[0] > DecodedRows)
            return false;
        TileGrid grid = QuantizationChecks.Weights(x, codes, scales, y);
        (int T, int N, int K) = (Operands.Dim(x, 0), Operands.Dim(codes, 0), Operands.Dim(x, 1));
        if (T == 0 || N == 0)
            return true;

        long workPerStep = Math.Max(1, (long)T * ColumnStep * K);
        int steps = (N + ColumnStep - 1) / ColumnStep;
        int grain = (int)Math.Clamp(ThreadWork / workPerStep, 1, int.MaxValue);
        For(steps, Threads > 1 ? grain : steps, (from, to) =>
        {
            fixed (byte* a = &x.ByteOrigin, w = &codes.ByteOrigin, s = &scales.ByteOrigin, b = &y.ByteOrigin)
                Ops.Linear.SimdFloat8((float*)a, T, w, (float*)s, grid, from * ColumnStep, Math.Min(N, to * ColumnStep), K, (float*)b, N);
        });
        return true;
    }
}
