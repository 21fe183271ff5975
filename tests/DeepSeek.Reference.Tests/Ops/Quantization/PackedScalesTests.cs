using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops.Quantization;

/// <summary>Rule N19: power-of-two scales as exponents, four to a word, words column by column.</summary>
public class PackedScalesTests
{
    [Fact]
    public void Rule_N19_byte_0_is_the_lowest_K_and_rows_are_padded_to_four()
    {
        // Row m, scale k: 2^(10 m + k - 20).
        float[] scales = [.. Enumerable.Range(0, 3 * 6).Select(i => MathF.ScaleB(1f, 10 * (i / 6) + i % 6 - 20))];
        Tensor packed = PackedScales.Pack(Tensor.From(scales, 3, 6));
        Assert.Equal("I32 [2, 4]", packed.ToString());
        int[] words = packed.AsReadOnlySpan<int>().ToArray();
        Assert.Equal([0x6E6D6C6B, 0x78777675, unchecked((int)0x8281807F), 0, 0x0000706F, 0x00007A79, 0x00008483, 0], words);
        Assert.Equal(scales, PackedScales.Unpack(packed, 3, 6).AsReadOnlySpan<float>());
    }

    [Fact]
    public void Rule_N19_the_least_and_the_greatest_exponent()
    {
        float[] scales = [MathF.ScaleB(1f, -127), MathF.ScaleB(1f, 127), 1f];
        Tensor packed = PackedScales.Pack(Tensor.From(scales, 1, 3));
        Assert.Equal(0x007FFE00, packed.AsReadOnlySpan<int>()[0]);
        Assert.Equal(scales, PackedScales.Unpack(packed, 1, 3).AsReadOnlySpan<float>());
        packed.AsSpan<int>()[0] |= 0xFF;
        Assert.True(float.IsNaN(PackedScales.Unpack(packed, 1, 3).AsReadOnlySpan<float>()[0]));
    }

    [Theory]
    [InlineData(0x00000000u)]
    [InlineData(0x00000001u)]
    [InlineData(0x00200000u)]
    [InlineData(0x3F800001u)]
    [InlineData(0x3FC00000u)]
    [InlineData(0xBF800000u)]
    [InlineData(0x7F800000u)]
    [InlineData(0x7FC00000u)]
    [InlineData(0x80000000u)]
    public void What_is_no_power_of_two_is_refused_by_its_place(uint bits)
    {
        Tensor scales = Tensor.From([1f, 1f, 1f, BitConverter.UInt32BitsToSingle(bits)], 2, 2);
        string message = Assert.Throws<DataException>(() => PackedScales.Pack(scales)).Message;
        Assert.Contains("scale (1, 1)", message, StringComparison.Ordinal);
        Assert.Contains($"0x{bits:X8}", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sizes_that_do_not_fit_are_refused()
    {
        Assert.Throws<ShapeException>(() => PackedScales.Pack(new Tensor(DType.F32, 3)));
        Assert.Throws<ShapeException>(() => PackedScales.Pack(new Tensor(DType.BF16, 3, 1)));
        Assert.Throws<ShapeException>(() => PackedScales.Unpack(new Tensor(DType.I32, 1, 4), 5, 4));
        Assert.Throws<ShapeException>(() => PackedScales.Define(new float[5], 2, 3, new int[4]));
    }

    [Property(MaxTest = 200)]
    public bool Rule_N19_unpacking_is_the_inverse(int seed)
    {
        var random = new Random(seed);
        int M = random.Next(20), G = random.Next(20);
        float[] scales = [.. Enumerable.Range(0, M * G).Select(_ => MathF.ScaleB(1f, random.Next(-127, 128)))];
        Tensor packed = PackedScales.Pack(Tensor.From(scales, M, G));
        return packed.Shape == new Shape((G + 3) / 4, (M + 3) / 4 * 4) && PackedScales.Unpack(packed, M, G).AsReadOnlySpan<float>().SequenceEqual(scales);
    }
}
