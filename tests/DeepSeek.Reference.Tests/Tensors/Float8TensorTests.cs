using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Tensors;

/// <summary>Tensors of the eight-bit formats: their spans, what comparison and debugger read of them.</summary>
public class Float8TensorTests
{
    [Fact]
    public void A_tensor_of_an_eight_bit_format_gives_spans_of_its_type_and_of_codes()
    {
        var e4 = Tensor.From([Float8E4M3.One, Float8E4M3.MaxValue], 2);
        var e5 = Tensor.From([Float8E5M2.One, Float8E5M2.NegativeInfinity], 1, 2);
        var e8 = Tensor.From([Float8E8M0.One], 1);
        Assert.Equal((DType.F8_E4M3, DType.F8_E5M2, DType.F8_E8M0), (e4.DType, e5.DType, e8.DType));
        Assert.Equal([0x38, 0x7E], e4.AsReadOnlySpan<byte>().ToArray());
        Assert.Equal(448f, e4.AsSpan<Float8E4M3>()[1]);
        Assert.Equal(float.NegativeInfinity, e5.AsSpan<Float8E5M2>()[1]);
        Assert.Equal(1f, e8.AsSpan<Float8E8M0>()[0]);
        Assert.Equal("a F8_E4M3 tensor [2] cannot be viewed as Float8E5M2", Assert.Throws<ShapeException>(() => e4.AsSpan<Float8E5M2>()).Message);
        Assert.Throws<ShapeException>(() => e8.AsReadOnlySpan<Float8E4M3>());
        Assert.Throws<ShapeException>(() => new Tensor(DType.U8, 1).AsReadOnlySpan<Float8E4M3>());
    }

    [Fact]
    public void Comparison_reads_values()
    {
        var t = Tensor.From([Float8E4M3.FromBits(0x81), Float8E4M3.NaN], 2);
        Assert.Equal(-1 / 512.0, ElementReader.Value(t, 0));
        Assert.True(double.IsNaN(ElementReader.Value(t, 1)));
        Assert.Equal(Math.ScaleB(1, -127), ElementReader.Value(Tensor.From([Float8E8M0.MinValue], 1), 0));
    }
}
