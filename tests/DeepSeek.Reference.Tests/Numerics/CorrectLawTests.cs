using DeepSeek.Reference.Numerics;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

/// <summary>What correct rounding implies: symmetries hold to the bit, and a rounded monotone function is monotone.</summary>
public class CorrectLawTests
{
    private static uint Bits(float x) => ElementForms.Bits(x);

    private static float Value(uint bits) => ElementForms.Value(bits);

    [Property(MaxTest = 2000)]
    public void Odd_functions_change_sign_and_cos_does_not(uint bits)
    {
        float x = Value(bits);
        if (!float.IsFinite(x))
            return;
        Assert.Equal(Bits(-Correct.Sin(x)), Bits(Correct.Sin(-x)));
        Assert.Equal(Bits(-Correct.Tanh(x)), Bits(Correct.Tanh(-x)));
        Assert.Equal(Bits(Correct.Cos(x)), Bits(Correct.Cos(-x)));
    }

    [Property(MaxTest = 2000)]
    public void Increasing_functions_do_not_decrease_from_one_float_to_the_next(uint bits)
    {
        float x = Value(bits), next = MathF.BitIncrement(x);
        if (!float.IsFinite(x))
            return;
        Assert.True(Correct.Exp(x) <= Correct.Exp(next));
        Assert.True(Correct.Exp2(x) <= Correct.Exp2(next));
        Assert.True(Correct.Expm1(x) <= Correct.Expm1(next));
        Assert.True(Correct.Tanh(x) <= Correct.Tanh(next));
        Assert.True(Correct.Sigmoid(x) <= Correct.Sigmoid(next));
        if (x <= 0)
            return;
        Assert.True(Correct.Log(x) <= Correct.Log(next));
        Assert.True(Correct.Log2(x) <= Correct.Log2(next));
        Assert.True(Correct.Log1p(x) <= Correct.Log1p(next));
        Assert.True(Correct.ReciprocalSqrt(x) >= Correct.ReciprocalSqrt(next));
    }

    [Fact]
    public void Powers_of_two_are_exact_both_ways()
    {
        for (int n = -149; n <= 127; n++)
        {
            float power = MathF.ScaleB(1, n);
            Assert.Equal(Bits(power), Bits(Correct.Exp2(n)));
            Assert.Equal(Bits((float)n), Bits(Correct.Log2(power)));
            if (n % 2 == 0)
                Assert.Equal(Bits(MathF.ScaleB(1, -n / 2)), Bits(Correct.ReciprocalSqrt(power)));
        }
    }
}
