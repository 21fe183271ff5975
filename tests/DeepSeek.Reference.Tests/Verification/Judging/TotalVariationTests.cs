using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Judging;

public class TotalVariationTests
{
    private static readonly double[] Thirds = [0.5, 0.3, 0.2, 0];

    [Fact]
    public void Distance_is_half_the_sum_of_differences()
    {
        Assert.Equal(0.2, TotalVariation.Distance([0.5, 0.5], [0.3, 0.7]), 15);
        Assert.Equal(1, TotalVariation.Distance([1, 0], [0, 1]));
        Assert.Throws<ShapeException>(() => TotalVariation.Distance([1], [1, 0]));
    }

    [Fact]
    public void Samples_of_the_distribution_pass_and_of_another_do_not()
    {
        for (ulong seed = 0; seed < 200; seed++)
            Assert.True(TotalVariation.Test(Drawn(Thirds, 10000, seed), Thirds).Passes);
        Assert.False(TotalVariation.Test(Drawn([0.5, 0.2, 0.3, 0], 10000, 1), Thirds).Passes);
    }

    [Fact]
    public void An_impossible_outcome_never_passes()
    {
        long[] counts = Drawn(Thirds, 10000, 1);
        counts[3] = 1;

        Assert.False(TotalVariation.Test(counts, Thirds).Passes);
        Assert.Throws<ShapeException>(() => TotalVariation.Test([0, 0, 0, 0], Thirds));
    }

    private static long[] Drawn(double[] p, int n, ulong seed)
    {
        var random = new RandomStream(seed, "drawn");
        long[] counts = new long[p.Length];
        for (int i = 0; i < n; i++)
        {
            double u = random.Word((ulong)i) / 4294967296.0;
            int k = 0;
            while (u >= p[k])
                u -= p[k++];
            counts[k]++;
        }

        return counts;
    }
}
