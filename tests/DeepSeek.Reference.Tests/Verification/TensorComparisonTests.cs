using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification;

public class TensorComparisonTests
{
    [Fact]
    public void Equal_tensors_are_equal_in_every_figure()
    {
        TensorComparison c = TensorComparison.Compare(Tensor.From([1f, -2f, 0f], 3), Tensor.From([1f, -2f, 0f], 3));

        Assert.True(c.IsBitEqual);
        Assert.Equal((0.0, 0.0, 0.0, 0.0, 0.0), (c.MaxAbs, c.MaxRel, c.RelativeL2, c.MaxUlp, c.CalcDiff));
        Assert.Null(c.FirstMismatch);
    }

    [Fact]
    public void Figures_are_those_of_their_definitions()
    {
        TensorComparison c = TensorComparison.Compare(Tensor.From([3f, 0f, 4f, 1f], 2, 2), Tensor.From([3f, 0f, 4.5f, 1f], 2, 2));

        Assert.Equal(1, c.MismatchCount);
        Assert.Equal([1L, 0L], c.FirstMismatch);
        Assert.Equal(0.5, c.MaxAbs);
        Assert.Equal(0.125, c.MaxRel);
        Assert.Equal(Math.Sqrt(0.25 / 26), c.RelativeL2, 15);
        Assert.Equal(1 - (2 * 28.0 / (26 + 30.25)), c.CalcDiff, 15);
        Assert.Equal(0.5 / Math.Pow(2, 2 - 23), c.MaxUlp);
    }

    [Fact]
    public void Rule_N3_any_NaN_equals_any_NaN_and_masks_come_first()
    {
        float other = BitConverter.UInt32BitsToSingle(0xFFC12345);
        TensorComparison same = TensorComparison.Compare(Tensor.From([float.NaN, float.PositiveInfinity], 2), Tensor.From([other, float.PositiveInfinity], 2));
        TensorComparison masks = TensorComparison.Compare(Tensor.From([float.NaN, float.PositiveInfinity, 1f], 3), Tensor.From([0f, float.NegativeInfinity, 1f], 3));

        Assert.True(same.IsBitEqual);
        Assert.Equal(1, same.NaNCount);
        Assert.Equal((1, 1), (masks.NaNMismatchCount, masks.InfinityMismatchCount));
        Assert.True(double.IsNaN(masks.RelativeL2));
    }

    [Fact]
    public void Rule_N4_zeros_of_other_sign_are_other_bits_of_no_distance()
    {
        TensorComparison c = TensorComparison.Compare(Tensor.From([0f], 1), Tensor.From([-0f], 1));

        Assert.Equal(1, c.MismatchCount);
        Assert.Equal(0, c.MaxAbs);
    }

    [Fact]
    public void Formats_are_widened_exactly_and_the_coarser_one_measures()
    {
        TensorComparison c = TensorComparison.Compare(Tensor.From([BFloat16.FromBits(0x3F80)], 1), Tensor.From([1.0078125f], 1));

        Assert.Equal(0.0078125, c.MaxAbs);
        Assert.Equal(1, c.MaxUlp);
    }

    [Fact]
    public void Whole_numbers_compare_exactly_where_binary64_would_not()
    {
        TensorComparison c = TensorComparison.Compare(Tensor.From([long.MaxValue], 1), Tensor.From([long.MaxValue - 1], 1));

        Assert.Equal(1, c.MismatchCount);
        Assert.Equal(1, c.MaxAbs);
        Assert.True(TensorComparison.Compare(Tensor.From([5], 1), Tensor.From([5L], 1)).IsBitEqual);
    }

    [Fact]
    public void Other_shapes_are_refused() =>
        Assert.Throws<ShapeException>(() => TensorComparison.Compare(Tensor.From([1f, 2f], 2), Tensor.From([1f, 2f], 1, 2)));

    [Theory]
    [InlineData(DType.F8_E4M3, 0x7E, 448)]
    [InlineData(DType.F8_E4M3, 0x01, 0.001953125)]
    [InlineData(DType.F8_E4M3, 0x88, -0.015625)]
    [InlineData(DType.F8_E4M3, 0xFF, double.NaN)]
    [InlineData(DType.F8_E5M2, 0x7B, 57344)]
    [InlineData(DType.F8_E5M2, 0x7C, double.PositiveInfinity)]
    [InlineData(DType.F8_E5M2, 0xFD, double.NaN)]
    [InlineData(DType.F8_E8M0, 0x80, 2)]
    [InlineData(DType.F8_E8M0, 0xFF, double.NaN)]
    [InlineData(DType.F8_E4M3FNUZ, 0x7F, 240)]
    [InlineData(DType.F8_E4M3FNUZ, 0x80, double.NaN)]
    [InlineData(DType.F8_E5M2FNUZ, 0x7F, 57344)]
    public void Eight_bit_formats_are_read_by_their_rules(DType dtype, byte code, double value)
    {
        var t = new Tensor(dtype, 1);
        t.AsSpan<byte>()[0] = code;

        Assert.Equal(value, ElementReader.Value(t, 0));
    }
}
