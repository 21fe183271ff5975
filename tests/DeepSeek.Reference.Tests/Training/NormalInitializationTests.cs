using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

[Trait(InstructionSets.Trait, InstructionSets.Every)]
public sealed class NormalInitializationTests
{
    [Theory]
    [InlineData("model.embed_tokens.weight")]
    [InlineData("model.layers.0.mlp.gate.weight")]
    [InlineData("lm_head.weight")]
    public void Rule_N27_the_first_elements_have_the_witness_s_bits(string name)
    {
        float[] expected = RecipeGolden.Row($"normal.{name}");
        Assert.Equal(expected, Enumerable.Range(0, expected.Length).Select(i => NormalInitialization.Value(RecipeGolden.Seed, name, 0.006, (ulong)i)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(511)]
    [InlineData(513)]
    [InlineData(1539)]
    public void Rule_N27_filling_gives_each_element_as_computed_alone(int count)
    {
        float[] x = new float[count];
        NormalInitialization.Fill(7, "w", 0.02, x);
        Assert.Equal(Enumerable.Range(0, count).Select(i => NormalInitialization.Value(7, "w", 0.02, (ulong)i)), x);
    }

    /// <summary>Moments of a million draws within five of their own standard errors: 1/√n of the mean, √(2/n) of the variance, √(24/n) of the kurtosis.</summary>
    [Fact]
    public void A_million_draws_are_normal()
    {
        float[] x = new float[1_000_000];
        NormalInitialization.Fill(11, "w", 1, x);
        double root = Math.Sqrt(x.Length);
        Assert.Equal(0, x.Average(v => (double)v), 5 / root);
        Assert.Equal(1, x.Average(v => (double)v * v), 5 * Math.Sqrt(2) / root);
        Assert.Equal(0, x.Average(v => (double)v * v * v), 5 * Math.Sqrt(15) / root);
        Assert.Equal(3, x.Average(v => (double)v * v * v * v), 5 * Math.Sqrt(96) / root);
        Assert.Equal(0.6826895, x.Count(v => Math.Abs(v) < 1) / (double)x.Length, 5 * 0.4655 / root);
        Assert.Equal(0.9973002, x.Count(v => Math.Abs(v) < 3) / (double)x.Length, 5 * 0.0519 / root);
        Assert.InRange(x.Max(Math.Abs), 4f, 5.7682f);
    }
}
