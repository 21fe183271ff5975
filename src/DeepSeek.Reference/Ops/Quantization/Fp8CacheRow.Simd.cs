using System.Buffers.Binary;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

public static partial class Fp8CacheRow
{
    /// <summary>Writes a row with the bits of <see cref="Define"/>, by vector instructions where there are any.</summary>
    /// <exception cref="ShapeException">x is not 576 values, or row not 656 bytes.</exception>
    public static void Write(ReadOnlySpan<float> x, Span<byte> row)
    {
        RequireSizes(x.Length, row.Length);
        if (!Isa.Any)
        {
            Define(x, row);
            return;
        }

        Span<float> scales = stackalloc float[Tiles];
        var grid = new TileGrid(QuantizationTile.Row1x128, 1, Latent);
        Quantize.Simd(ref MemoryMarshal.GetReference(x), Latent, grid, Attributes, 0, 0, Latent, ref row[0], ref scales[0]);
        for (int j = 0; j < Tiles; j++)
            BinaryPrimitives.WriteSingleLittleEndian(row[(Latent + j * sizeof(float))..], scales[j]);
        BFloat16Spans.Round(x[Latent..], MemoryMarshal.Cast<byte, BFloat16>(row[RotatedAt..]));
    }

    /// <summary>Reads a row with the bits of <see cref="DefineRead"/>, by vector instructions where there are any.</summary>
    /// <exception cref="ShapeException">y is not 576 values, or row not 656 bytes.</exception>
    public static void Read(ReadOnlySpan<byte> row, Span<BFloat16> y)
    {
        RequireSizes(y.Length, row.Length);
        if (!Isa.Any)
        {
            DefineRead(row, y);
            return;
        }

        Span<float> scales = stackalloc float[Tiles];
        for (int j = 0; j < Tiles; j++)
            scales[j] = BFloat16.RoundToFloat(BinaryPrimitives.ReadSingleLittleEndian(row[(Latent + j * sizeof(float))..]));
        // Four bits times eight are exact in binary32, so that the store's rounding is the product's only one.
        var grid = new TileGrid(QuantizationTile.Row1x128, 1, Latent);
        Dequantize.SimdRow(ref MemoryMarshal.GetReference(row), ref scales[0], 0, Latent, grid, ref MemoryMarshal.Cast<BFloat16, ushort>(y)[0]);
        MemoryMarshal.Cast<byte, BFloat16>(row[RotatedAt..]).CopyTo(y[Latent..]);
    }
}
