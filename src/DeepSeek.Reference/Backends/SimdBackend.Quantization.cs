using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class SimdBackend
{
    /// <inheritdoc/>
    public void Quantize(Tensor x, QuantizeAttributes attributes, Tensor codes, Tensor scales)
    {
        TileGrid grid = QuantizationChecks.Quantize(x, attributes, codes, scales);
        if (!Isa.Any)
            Definitions.Quantize(x, attributes, codes, scales);
        else if (x.DType == DType.F32 && codes.DType == DType.F8_E4M3)
            Quantize<float, byte>(x, grid, attributes, codes, scales);
        else if (x.DType == DType.F32)
            Quantize<float, ushort>(x, grid, attributes, codes, scales);
        else if (codes.DType == DType.F8_E4M3)
            Quantize<ushort, byte>(x, grid, attributes, codes, scales);
        else
            Quantize<ushort, ushort>(x, grid, attributes, codes, scales);
    }

    /// <inheritdoc/>
    public void Dequantize(Tensor codes, Tensor scales, QuantizationTile tile, Tensor y)
    {
        TileGrid grid = QuantizationChecks.Dequantize(codes, scales, tile, y);
        if (!Isa.Any)
            Definitions.Dequantize(codes, scales, tile, y);
        else if (codes.DType == DType.F8_E4M3 && y.DType == DType.F32)
            Dequantize<byte, float>(codes, scales, grid, y);
        else if (codes.DType == DType.F8_E4M3)
            Dequantize<byte, ushort>(codes, scales, grid, y);
        else if (y.DType == DType.F32)
            Dequantize<ushort, float>(codes, scales, grid, y);
        else
            Dequantize<ushort, ushort>(codes, scales, grid, y);
    }

    private static ScalarBackend Definitions => new();

    private void Quantize<E, C>(Tensor x, TileGrid grid, QuantizeAttributes attributes, Tensor codes, Tensor scales) where E : unmanaged where C : unmanaged
    {
        int K = Operands.Dim(x, 1);
        if (attributes.Tile == QuantizationTile.PerTensor)
        {
            QuantizeWhole<E, C>(x, attributes, codes, scales);
            return;
        }

        if (grid.Count == 0)
            return;
        // Flat tiles go by rows; others by bands, so that one row of tiles has work for several threads.
        int band = grid.Height == 1 ? Math.Max(1, K) : Ops.Quantize.BandColumns;
        int bands = Math.Max(1, (int)(((long)K + band - 1) / band));
        For(checked(grid.Down * bands), Math.Max(1, ElementGrain / Math.Max(1, grid.Height * Math.Min(band, K))), (from, to) =>
        {
            ref E elements = ref x.First<E>();
            ref C first = ref codes.First<C>();
            ref float s = ref scales.First<float>();
            for (int n = from; n < to; n++)
            {
                int left = n % bands * band;
                Ops.Quantize.Simd(ref elements, K, grid, attributes, n / bands, left, left + Math.Min(band, K - left), ref first, ref s);
            }
        });
    }

    /// <summary>One tile of all elements: the largest first, each thread its part, then the codes. A maximum has no order.</summary>
    private void QuantizeWhole<E, C>(Tensor x, QuantizeAttributes attributes, Tensor codes, Tensor scales) where E : unmanaged where C : unmanaged
    {
        uint greatest = 0;
        var gate = new Lock();
        ForChunks(x.ElementCount, ElementGrain, 0, (start, count, _) =>
        {
            uint here = Ops.Quantize.SimdGreatest(ref Unsafe.Add(ref x.First<E>(), (nint)start), count);
            lock (gate)
                greatest = Math.Max(greatest, here);
        });
        if (TileScale.PassesOverNaN(attributes.Arithmetic) && float.IsNaN(BitConverter.UInt32BitsToSingle(greatest)))
        {
            Definitions.Quantize(x, attributes, codes, scales);
            return;
        }

        scales.AsSpan<float>()[0] = TileScale.Of(BitConverter.UInt32BitsToSingle(greatest), Ops.Quantize.Largest<C>(), attributes).Scale;
        ForChunks(x.ElementCount, ElementGrain, 0, (start, count, _) => Ops.Quantize.SimdCodes(
            ref Unsafe.Add(ref x.First<E>(), (nint)start), count, greatest, attributes,
            ref Unsafe.Add(ref codes.First<C>(), (nint)start)));
    }

    private void Dequantize<C, Y>(Tensor codes, Tensor scales, TileGrid grid, Tensor y) where C : unmanaged where Y : unmanaged
    {
        int T = Operands.Dim(codes, 0), K = Operands.Dim(codes, 1);
        if (y.ElementCount == 0)
            return;
        For(T, Math.Max(1, ElementGrain / K), (from, to) =>
        {
            for (int t = from; t < to; t++)
                Ops.Dequantize.SimdRow(ref codes.First<C>(), ref scales.First<float>(), t, K, grid, ref y.First<Y>());
        });
    }
}
