using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

public class CorrectSpecialValueTests
{
    /// <summary>At -∞, -1, -0, +0, smallest subnormal, its negative, 1, +∞.</summary>
    [Theory]
    [InlineData("exp", 0x00000000, 0x3EBC5AB2, 0x3F800000, 0x3F800000, 0x3F800000, 0x3F800000, 0x402DF854, 0x7F800000)]
    [InlineData("exp2", 0x00000000, 0x3F000000, 0x3F800000, 0x3F800000, 0x3F800000, 0x3F800000, 0x40000000, 0x7F800000)]
    [InlineData("expm1", 0xBF800000, 0xBF21D2A7, 0x80000000, 0x00000000, 0x00000001, 0x80000001, 0x3FDBF0A9, 0x7F800000)]
    [InlineData("log", 0x7FC00000, 0x7FC00000, 0xFF800000, 0xFF800000, 0xC2CE8ED0, 0x7FC00000, 0x00000000, 0x7F800000)]
    [InlineData("log2", 0x7FC00000, 0x7FC00000, 0xFF800000, 0xFF800000, 0xC3150000, 0x7FC00000, 0x00000000, 0x7F800000)]
    [InlineData("log1p", 0x7FC00000, 0xFF800000, 0x80000000, 0x00000000, 0x00000001, 0x80000001, 0x3F317218, 0x7F800000)]
    [InlineData("sin", 0x7FC00000, 0xBF576AA4, 0x80000000, 0x00000000, 0x00000001, 0x80000001, 0x3F576AA4, 0x7FC00000)]
    [InlineData("cos", 0x7FC00000, 0x3F0A5140, 0x3F800000, 0x3F800000, 0x3F800000, 0x3F800000, 0x3F0A5140, 0x7FC00000)]
    [InlineData("tanh", 0xBF800000, 0xBF42F7D6, 0x80000000, 0x00000000, 0x00000001, 0x80000001, 0x3F42F7D6, 0x3F800000)]
    [InlineData("sigmoid", 0x00000000, 0x3E89B2B1, 0x3F000000, 0x3F000000, 0x3F000000, 0x3F000000, 0x3F3B26A8, 0x3F800000)]
    [InlineData("silu", 0x80000000, 0xBE89B2B1, 0x80000000, 0x00000000, 0x00000001, 0x80000000, 0x3F3B26A8, 0x7F800000)]
    [InlineData("rsqrt", 0x7FC00000, 0x7FC00000, 0xFF800000, 0x7F800000, 0x64B504F3, 0x7FC00000, 0x3F800000, 0x00000000)]
    public void Rule_N5_special_values(
        string function, uint minusInfinity, uint minusOne, uint minusZero, uint zero, uint least, uint minusLeast, uint one, uint infinity)
    {
        uint[] x = [0xFF800000, 0xBF800000, 0x80000000, 0x00000000, 0x00000001, 0x80000001, 0x3F800000, 0x7F800000];
        uint[] want = [minusInfinity, minusOne, minusZero, zero, least, minusLeast, one, infinity];
        foreach ((_, SpanForm form) in ElementForms.Of(function).Paths)
        {
            var y = new float[x.Length];
            form([.. x.Select(ElementForms.Value)], y);
            Assert.Equal(want, y.Select(ElementForms.Bits));
        }
    }

    [Theory]
    [MemberData(nameof(CorrectOracleTests.Functions), MemberType = typeof(CorrectOracleTests))]
    public void Rule_N3_any_NaN_gives_the_canonical_quiet_NaN(string function)
    {
        uint[] nans = [0x7FC00000, 0xFFC00000, 0x7F800001, 0xFF800001, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FA12345, 0xFFD54321, 0x7FC00001];
        foreach ((_, SpanForm form) in ElementForms.Of(function).Paths)
        {
            var y = new float[nans.Length];
            form([.. nans.Select(ElementForms.Value)], y);
            Assert.All(y, v => Assert.Equal(0x7FC00000u, ElementForms.Bits(v)));
        }
    }

    [Theory]
    [InlineData("exp", 0x42B17217, 0x7F7FFF84)] // the largest argument whose result is finite
    [InlineData("exp", 0x42B17218, 0x7F800000)]
    [InlineData("exp", 0xC2CFF1B4, 0x00000001)] // the last that does not vanish
    [InlineData("exp", 0xC2CFF1B5, 0x00000000)]
    [InlineData("exp2", 0x42FFFFFF, 0x7F7FFFA7)]
    [InlineData("exp2", 0x43000000, 0x7F800000)]
    [InlineData("exp2", 0xC3150000, 0x00000001)] // 2^-149
    [InlineData("exp2", 0xC3160000, 0x00000000)] // 2^-150: a tie, to 0
    [InlineData("exp2", 0xC315FFFF, 0x00000001)]
    [InlineData("exp2", 0xC2FC0000, 0x00800000)] // 2^-126
    [InlineData("log", 0x007FFFFF, 0xC2AEAC50)]
    [InlineData("log", 0x7F7FFFFF, 0x42B17218)]
    [InlineData("log2", 0x7F000000, 0x42FE0000)] // powers of two: integers
    [InlineData("silu", 0x00000003, 0x00000002)] // halves of odd subnormals: the square breaks the tie upwards
    [InlineData("silu", 0x80000003, 0x80000001)]
    [InlineData("silu", 0x00000005, 0x00000003)]
    [InlineData("sigmoid", 0x33800000, 0x3F000000)] // 1/2 + 2^-26: a quarter of a unit
    [InlineData("sigmoid", 0x34000000, 0x3F000000)] // 1/2 + 2^-25: a tie but for the cubic term
    [InlineData("sigmoid", 0x34C00000, 0x3F000001)] // 1/2 + 3 2^-25: a tie but for the cubic term, down to the odd neighbour
    [InlineData("rsqrt", 0x7F7FFFFF, 0x1F800000)]
    public void Rule_N5_thresholds_and_ties(string function, uint x, uint want)
    {
        foreach ((_, SpanForm form) in ElementForms.Of(function).Paths)
        {
            var y = new float[1];
            form([ElementForms.Value(x)], y);
            Assert.Equal(want, ElementForms.Bits(y[0]));
        }
    }

    [Theory]
    [InlineData("exp2", 0x3B429D37, 0x3F804385)]
    [InlineData("log", 0x65D890D3, 0x4254D1F9)]
    [InlineData("log1p", 0x41078FEB, 0x400FE5E7)]
    [InlineData("sin", 0xC6199998, 0x3EB1FA5D)]
    [InlineData("sin", 0x55CAFB2A, 0xBF7E7A17)]
    [InlineData("cos", 0xF908CD73, 0x3F798BB5)]
    [InlineData("sigmoid", 0xBA928601, 0x3EFFDB5F)]
    public void Rule_N5_arguments_that_one_rounding_of_binary64_gets_wrong(string function, uint x, uint want)
    {
        foreach ((_, SpanForm form) in ElementForms.Of(function).Paths)
        {
            var y = new float[17];
            form([.. Enumerable.Repeat(ElementForms.Value(x), 17)], y);
            Assert.All(y, v => Assert.Equal(want, ElementForms.Bits(v)));
        }
    }
}
