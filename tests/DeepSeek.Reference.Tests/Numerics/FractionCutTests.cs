using DeepSeek.Reference.Numerics;
using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

/// <summary>TF32 and FP22 as roundings of binary32.</summary>
public class FractionCutTests
{
    [Theory] // truncated, nearest even, nearest away
    [InlineData(0x3F801000u, 0x3F800000u, 0x3F800000u, 0x3F802000u)] // 1 + 2^-11: a tie
    [InlineData(0x3F803000u, 0x3F802000u, 0x3F804000u, 0x3F804000u)]
    [InlineData(0x3F801001u, 0x3F800000u, 0x3F802000u, 0x3F802000u)]
    [InlineData(0x3F800FFFu, 0x3F800000u, 0x3F800000u, 0x3F800000u)]
    [InlineData(0xBF801000u, 0xBF800000u, 0xBF800000u, 0xBF802000u)]
    [InlineData(0x3FFFF000u, 0x3FFFE000u, 0x40000000u, 0x40000000u)] // carries into the next binade
    [InlineData(0x7F7FFFFFu, 0x7F7FE000u, 0x7F800000u, 0x7F800000u)] // overflow
    [InlineData(0x00001000u, 0x00000000u, 0x00000000u, 0x00002000u)] // half the smallest subnormal
    [InlineData(0x80000FFFu, 0x80000000u, 0x80000000u, 0x80000000u)]
    [InlineData(0x007FFFFFu, 0x007FE000u, 0x00800000u, 0x00800000u)]
    [InlineData(0xFF800000u, 0xFF800000u, 0xFF800000u, 0xFF800000u)]
    [InlineData(0x7F800001u, 0x7FC00000u, 0x7FC00000u, 0x7FC00000u)] // a NaN whose payload is cut stays NaN
    [InlineData(0xFFFFFFFFu, 0xFFFFE000u, 0xFFFFE000u, 0xFFFFE000u)]
    public void Rule_N18_TF32(uint bits, uint truncated, uint even, uint away)
    {
        float x = ElementForms.Value(bits);
        Assert.Equal(
            (truncated, even, away),
            (ElementForms.Bits(TensorFloat32.Truncate(x)), ElementForms.Bits(TensorFloat32.ToNearestEven(x)), ElementForms.Bits(TensorFloat32.ToNearestAway(x))));
    }

    [Theory] // truncated, nearest even
    [InlineData(0x3F8003FFu, 0x3F800000u, 0x3F800400u)]
    [InlineData(0x3F800200u, 0x3F800000u, 0x3F800000u)] // 1 + 2^-14: a tie
    [InlineData(0x3F800600u, 0x3F800400u, 0x3F800800u)]
    [InlineData(0xC44B43FFu, 0xC44B4000u, 0xC44B4400u)]
    [InlineData(0x7F7FFFFFu, 0x7F7FFC00u, 0x7F800000u)]
    [InlineData(0x000003FFu, 0x00000000u, 0x00000400u)] // below the smallest subnormal, 2^-139
    [InlineData(0x80000400u, 0x80000400u, 0x80000400u)]
    [InlineData(0x7F800000u, 0x7F800000u, 0x7F800000u)]
    [InlineData(0x7F800001u, 0x7FC00000u, 0x7FC00000u)]
    public void Rule_N18_FP22(uint bits, uint truncated, uint even)
    {
        float x = ElementForms.Value(bits);
        Assert.Equal((truncated, even), (ElementForms.Bits(Float22.Truncate(x)), ElementForms.Bits(Float22.ToNearestEven(x))));
    }
}
