using DeepSeek.Reference.Numerics;
using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

/// <summary>Rule N4: -0 and +0 are different results, and each formula decides which it gives.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public sealed class SignOfZeroTests
{
    private const uint MinusZero = 0x80000000;

    [Fact]
    public void Rule_N4_odd_functions_keep_the_sign_of_zero()
    {
        Assert.Equal(MinusZero, Bits(Correct.Sin(-0f)));
        Assert.Equal(MinusZero, Bits(Correct.Tanh(-0f)));
        Assert.Equal(MinusZero, Bits(Correct.Expm1(-0f)));
        Assert.Equal(MinusZero, Bits(Correct.Log1p(-0f)));
        Assert.Equal(MinusZero, Bits(Correct.SiLU(-0f)));
        Assert.Equal(0u, Bits(Correct.Sin(0f)));
        Assert.Equal(0u, Bits(Correct.SiLU(0f)));
    }

    [Fact]
    public void Rule_N4_a_function_that_vanishes_at_one_gives_plus_zero_there()
    {
        Assert.Equal(0u, Bits(Correct.Log(1f)));
        Assert.Equal(0u, Bits(Correct.Log2(1f)));
    }

    [Fact]
    public void Rule_N4_a_result_too_small_from_below_is_minus_zero() => Assert.Equal(MinusZero, Bits(Correct.SiLU(-200f)));

    [Fact]
    public void Rule_N4_N12_a_cast_keeps_the_sign_of_zero_and_of_what_becomes_zero()
    {
        Assert.Equal(0x8000, BFloat16.Round(-0f).Bits);
        Assert.Equal(0x8000, BFloat16.Round(-float.Epsilon).Bits);
        Assert.Equal(0x0000, BFloat16.Round(float.Epsilon).Bits);
    }

    [Fact]
    public void Rule_N4_N6_a_sum_is_never_minus_zero()
    {
        var sum = new Lanes16();
        sum.AddProduct(0, -float.Epsilon, float.Epsilon);
        Assert.Equal(0u, Bits(sum.Fold()));
    }

    private static uint Bits(float x) => BitConverter.SingleToUInt32Bits(x);
}
