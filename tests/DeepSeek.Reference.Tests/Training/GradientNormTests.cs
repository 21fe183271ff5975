using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Tests.Backends;
using DeepSeek.Reference.Training;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

[Trait(InstructionSets.Trait, InstructionSets.Every)]
public sealed class GradientNormTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(3, 0)]
    [InlineData(3, -20)]
    [InlineData(17, 3)]
    public void Rule_N26_norm_and_scale_have_the_witness_s_bits(int count, int exponent)
    {
        double[] squares = [.. Enumerable.Range(0, count).Select(i => GradientNorm.DefineSquares(RecipeGolden.Bell($"p{i}", exponent)))];
        float norm = GradientNorm.Of(squares);
        Assert.Equal(RecipeGolden.Row($"clip.{count}.{exponent}"), new[] { norm, GradientNorm.ClipScale(norm, 1f) });
    }

    [Property(MaxTest = 200)]
    public bool Rule_N1_sums_of_squares_agree_at_every_width(int seed)
    {
        var s = new Samples(seed);
        float[] g = s.Values(s.Length());
        double expected = GradientNorm.DefineSquares(g);
        return Same(expected, GradientNorm.Squares(g)) && (!Isa.Has512 || Same(expected, GradientNorm.Squares512(g))) && (!Isa.Has256 || Same(expected, GradientNorm.Squares256(g)));
    }

    [Fact]
    public void A_norm_below_the_largest_scales_by_exactly_one()
    {
        Assert.Equal(1f, GradientNorm.ClipScale(0f, 1f));
        Assert.Equal(1f, GradientNorm.ClipScale(0.99999f, 1f));
        Assert.Equal(0.5f, GradientNorm.ClipScale(2f - 1e-6f, 1f));
        Assert.True(float.IsNaN(GradientNorm.ClipScale(float.NaN, 1f)));
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(-1f)]
    [InlineData(float.NaN)]
    public void No_gradient_is_clipped_to_a_norm_that_is_not_positive(float largest) =>
        Assert.Contains("take a positive number, or do not clip", Assert.Throws<ContractException>(() => GradientNorm.ClipScale(2f, largest)).Message, StringComparison.Ordinal);

    /// <summary>Sixteen lanes of binary32 would overflow here.</summary>
    [Fact]
    public void Squares_beyond_binary32_are_summed() => Assert.Equal(MathF.Sqrt(2) * 1e30f, GradientNorm.Of([GradientNorm.DefineSquares([1e30f, -1e30f])]), 1e24f);

    private static bool Same(double a, double b) => BitConverter.DoubleToUInt64Bits(a) == BitConverter.DoubleToUInt64Bits(b) || (double.IsNaN(a) && double.IsNaN(b));
}
