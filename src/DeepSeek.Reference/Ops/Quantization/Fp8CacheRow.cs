using System.Buffers.Binary;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>One token of the FP8 latent cache that DeepSeek-V3.2's sparse decoding reads: 656 bytes.</summary>
/// <remarks>
/// <code>
/// bytes   0 ... 511    512 E4M3 codes of the latent
///       512 ... 527    4 binary32 scales, one for each 128 codes
///       528 ... 655    64 bfloat16 of the rotated key, not quantised
///
/// write   s = 2^ceil(log2(max(amax/448, 1e-4)))      the clamp is on the scale, so amax below 0.0448 still has s = 2^-13
///         code = e4m3(x / s)
/// read    y = bf16(code · bf16(s))                   exact while s is a power of two
/// </code>
/// Little-endian. FlashMLA, tests/quant.py and the decode kernel of its FP8 cache. Rule N19; docs/spec/quantisation.md 5.
/// The latent of 576 values is [latent 512 | rotated key 64], as LatentCache and the checkpoint's kv_a_proj_with_mqa order it.
/// </remarks>
public static partial class Fp8CacheRow
{
    /// <summary>Bytes of a row.</summary>
    public const int Bytes = 656;

    /// <summary>Values of the latent that are quantised.</summary>
    public const int Latent = 512;

    /// <summary>Values of the rotated key that are kept in bfloat16.</summary>
    public const int Rotated = 64;

    /// <summary>Values that a row stands for.</summary>
    public const int Values = Latent + Rotated;

    private const int Tiles = Latent / TileGrid.Side;
    private const int RotatedAt = Latent + Tiles * sizeof(float);

    /// <summary>How the latent is quantised.</summary>
    public static QuantizeAttributes Attributes =>
        new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.UE8M0, QuantizationClamp.Scale);

    /// <summary>The definition of writing x: 512 latent values, and 64 of the rotated key, which are rounded to bfloat16 once.</summary>
    /// <exception cref="ShapeException">x is not 576 values, or row not 656 bytes.</exception>
    public static void Define(ReadOnlySpan<float> x, Span<byte> row)
    {
        RequireSizes(x.Length, row.Length);
        Span<float> scales = stackalloc float[Tiles];
        Quantize.Define(x[..Latent], 1, Latent, Attributes, MemoryMarshal.Cast<byte, Float8E4M3>(row[..Latent]), scales);
        for (int j = 0; j < Tiles; j++)
            BinaryPrimitives.WriteSingleLittleEndian(row[(Latent + j * sizeof(float))..], scales[j]);
        for (int k = 0; k < Rotated; k++)
            BinaryPrimitives.WriteUInt16LittleEndian(row[(RotatedAt + k * sizeof(ushort))..], BFloat16.Round(x[Latent + k]).Bits);
    }

    /// <summary>The definition of reading the 576 values that the kernel computes with.</summary>
    /// <exception cref="ShapeException">y is not 576 values, or row not 656 bytes.</exception>
    public static void DefineRead(ReadOnlySpan<byte> row, Span<BFloat16> y)
    {
        RequireSizes(y.Length, row.Length);
        for (int k = 0; k < Latent; k++)
        {
            float scale = BinaryPrimitives.ReadSingleLittleEndian(row[(Latent + k / TileGrid.Side * sizeof(float))..]);
            y[k] = BFloat16.Round(Float8E4M3.FromBits(row[k]).ToSingle() * BFloat16.RoundToFloat(scale));
        }

        for (int k = 0; k < Rotated; k++)
            y[Latent + k] = BFloat16.FromBits(BinaryPrimitives.ReadUInt16LittleEndian(row[(RotatedAt + k * sizeof(ushort))..]));
    }

    private static void RequireSizes(int values, int bytes)
    {
        if (values != Values || bytes != Bytes)
            throw new ShapeException($"an FP8 cache row of {bytes} bytes for {values} values, expected {Bytes} bytes and {Values} values");
    }
}
