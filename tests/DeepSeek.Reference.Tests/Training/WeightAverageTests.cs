using System.Globalization;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Tests.Backends;
using DeepSeek.Reference.Training;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

[Trait(InstructionSets.Trait, InstructionSets.Every)]
public sealed class WeightAverageTests
{
    [Theory]
    [InlineData("0.0")]
    [InlineData("0.9")]
    [InlineData("0.9999")]
    public void Rule_N25_the_average_has_the_witness_s_bits(string decay)
    {
        float[] average = RecipeGolden.Bell("average", 0), twin = [.. average], theta = RecipeGolden.Bell("theta", 0);
        WeightAverage.Define(average, theta, double.Parse(decay, CultureInfo.InvariantCulture));
        WeightAverage.Simd(twin, theta, double.Parse(decay, CultureInfo.InvariantCulture));
        Assert.Equal(RecipeGolden.Row($"average.{decay}"), average);
        Assert.Equal(average, twin);
    }

    [Property(MaxTest = 100)]
    public bool Rule_N1_the_average_at_every_width(int seed)
    {
        var s = new Samples(seed);
        float[] start = s.Values(s.Length()), theta = s.Values(start.Length), expected = [.. start];
        WeightAverage.Define(expected, theta, 0.99);

        bool Agrees<L>() where L : struct, ILanes<L>
        {
            float[] average = [.. start];
            WeightAverage.Follow<L>(average, theta, 0.99);
            return Samples.Same(expected, average);
        }

        float[] chosen = [.. start];
        WeightAverage.Simd(chosen, theta, 0.99);
        return Samples.Same(expected, chosen) && Agrees<Lanes128>() && (!Isa.Has256 || Agrees<Lanes256>()) && (!Isa.Has512 || Agrees<Lanes512>());
    }
}
