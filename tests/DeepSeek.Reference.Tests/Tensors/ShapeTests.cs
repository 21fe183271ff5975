using Xunit;

namespace DeepSeek.Reference.Tests.Tensors;

/// <summary>How many elements a shape may have.</summary>
public class ShapeTests
{
    [Theory]
    [InlineData(new long[] { }, 1)]
    [InlineData(new long[] { 3, 5, 7 }, 105)]
    [InlineData(new[] { long.MaxValue }, long.MaxValue)]
    [InlineData(new[] { 1L, long.MaxValue, 1L }, long.MaxValue)]
    [InlineData(new[] { 1L << 31, (1L << 32) - 1 }, long.MaxValue - (1L << 31) + 1)]
    [InlineData(new[] { 0L, long.MaxValue, long.MaxValue }, 0)]
    [InlineData(new[] { long.MaxValue, 0L, 2L }, 0)]
    public void Elements_are_counted_up_to_the_largest_long(long[] dimensions, long count) => Assert.Equal(count, new Shape(dimensions).ElementCount);

    // Products of exactly 2^63, of 2^64, whose lower half is 0, and of more.
    [Theory]
    [InlineData(new[] { 1L << 32, 1L << 31 })]
    [InlineData(new[] { 1L << 32, 1L << 32 })]
    [InlineData(new[] { long.MaxValue, long.MaxValue, long.MaxValue })]
    [InlineData(new[] { 3L, long.MaxValue })]
    public void More_elements_are_refused(long[] dimensions) => Assert.Contains("2^63", Assert.Throws<ShapeException>(() => new Shape(dimensions)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_negative_dimension_is_named() => Assert.Contains("-2", Assert.Throws<ShapeException>(() => new Shape(0, -2)).Message, StringComparison.Ordinal);
}
