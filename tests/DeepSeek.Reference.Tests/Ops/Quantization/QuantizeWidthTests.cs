using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Backends;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops.Quantization;

/// <summary>Rule N1: every vector width that this processor can run quantises and dequantises with the definition's bits, whichever of them it would choose.</summary>
public class QuantizeWidthTests
{
    [Property(MaxTest = 300)]
    public bool Rule_N19_N1_Quantize_at_every_width(int seed)
    {
        var s = new Samples(seed);
        QuantizationTile tile = s.OneOf<QuantizationTile>();
        if (tile == QuantizationTile.PerTensor)
            tile = QuantizationTile.Row1x128;
        var attributes = new QuantizeAttributes(tile, s.OneOf<QuantizerArithmetic>(), s.OneOf<ScaleFormat>());
        int T = 1 + s.Int(140), K = 1 + s.Int(Quantize.BandColumns);
        float[] x = s.Values(T * K, s.Coin());
        BFloat16[] narrow = Array.ConvertAll(x, BFloat16.Round);
        return Agree(x, x) && Agree(Array.ConvertAll(narrow, v => v.ToSingle()), MemoryMarshal.Cast<BFloat16, ushort>(narrow).ToArray());

        bool Agree<E>(float[] values, E[] elements) where E : unmanaged
        {
            var grid = new TileGrid(tile, T, K);
            var expected = new Float8E4M3[T * K];
            float[] expectedScales = new float[grid.Count];
            Quantize.Define(values, T, K, attributes, expected, expectedScales);

            bool Same<L, W>() where L : struct, ILanes<L> where W : struct, IWordLanes<W, L>
            {
                byte[] codes = new byte[T * K];
                float[] scales = new float[grid.Count];
                for (int i = 0; i < grid.Down; i++)
                    Quantize.Tiles<L, W, E, byte>(ref elements[0], K, grid, attributes, i, 0, K, ref codes[0], ref scales[0]);
                return MemoryMarshal.AsBytes(expected.AsSpan()).SequenceEqual(codes) && Samples.Same(expectedScales, scales);
            }

            return Same<Lanes128, Words128>() && (!Isa.Has256 || Same<Lanes256, Words256>()) && (!Isa.Has512 || Same<Lanes512, Words512>());
        }
    }

    [Fact]
    public void Rule_N19_N1_Dequantize_every_code_at_every_width()
    {
        // Four scales a format, each by all codes: 256 of E4M3 and 4096 of E5M6.
        float[] scales = [1f, 0.0123f, float.NaN, float.PositiveInfinity];
        foreach (float scale in scales)
        {
            byte[] bytes = [.. Enumerable.Range(0, 256).Select(c => (byte)c)];
            ushort[] halves = [.. Enumerable.Range(0, 4096).Select(c => (ushort)c)];
            float[] narrow = new float[256], wide = new float[4096];
            Dequantize.Define(MemoryMarshal.Cast<byte, Float8E4M3>(bytes), [scale], 1, 256, QuantizationTile.PerTensor, narrow);
            Dequantize.Define(MemoryMarshal.Cast<ushort, FloatE5M6>(halves), [scale], 1, 4096, QuantizationTile.PerTensor, wide);
            Check<byte>(bytes, narrow);
            Check<ushort>(halves, wide);

            void Check<C>(C[] codes, float[] expected) where C : unmanaged
            {
                Assert.True(Same<Lanes128, Words128>(), $"128 bits, {scale}");
                Assert.True(!Isa.Has256 || Same<Lanes256, Words256>(), $"256 bits, {scale}");
                Assert.True(!Isa.Has512 || Same<Lanes512, Words512>(), $"512 bits, {scale}");

                bool Same<L, W>() where L : struct, ILanes<L> where W : struct, IWordLanes<W, L>
                {
                    float[] y = new float[codes.Length];
                    ushort[] z = new ushort[codes.Length];
                    var grid = new TileGrid(QuantizationTile.PerTensor, 1, codes.Length);
                    float s = scale;
                    Dequantize.Row<L, W, C, float>(ref codes[0], ref s, 0, codes.Length, grid, ref y[0]);
                    Dequantize.Row<L, W, C, ushort>(ref codes[0], ref s, 0, codes.Length, grid, ref z[0]);
                    float[] rounded = Array.ConvertAll(expected, BFloat16.RoundToFloat);
                    return Samples.Same(expected, y) && Samples.Same(rounded, Array.ConvertAll(z, c => BFloat16.FromBits(c).ToSingle()));
                }
            }
        }
    }

    [Fact]
    public void Rule_N19_a_product_and_its_residue_stand_where_the_quotient_stands_beside_every_tie()
    {
        // Every 31st fraction of s, and the first and last hundred: the side of a tie on which x / s lies is that of fma(x, 1/s, x d).
        // All 2^23 of them were computed once: only all ones is wrong, and takes the definition's steps.
        for (uint fraction = 0; fraction < 0x7FFFFF; fraction += fraction is < 100 or >= 0x7FFF9B ? 1 : Math.Min(31, 0x7FFF9B - fraction))
        {
            float s = BitConverter.UInt32BitsToSingle(0x3F800000 | fraction);
            float r = 1f / s, d = MathF.FusedMultiplyAdd(-s, r, 1f) * r;
            for (int tie = 1; tie < 32; tie += 2)
            {
                uint near = BitConverter.SingleToUInt32Bits(s * tie);
                for (int off = -2; off <= 2; off++)
                {
                    float x = BitConverter.UInt32BitsToSingle((uint)(near + off));
                    if ((x / s).CompareTo(tie) != MathF.FusedMultiplyAdd(x, r, x * d).CompareTo(tie))
                        Assert.Fail($"s 0x{0x3F800000 | fraction:X8}, x {x:R} beside the tie {tie}");
                }
            }
        }
    }
}
