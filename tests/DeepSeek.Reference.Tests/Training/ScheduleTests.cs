using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>The corners that DeepSeek-V3's report names in 4.2.</summary>
public sealed class ScheduleTests
{
    private const long T = 1_000_000_000_000, B = 1_000_000_000;

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 0, 1.1e-7)]
    [InlineData(1000, 0, 1.1e-4)]
    [InlineData(1999, 0, 2.2e-4 * 1999 / 2000)]
    [InlineData(2000, 0, 2.2e-4)]
    [InlineData(2001, 0, 2.2e-4)]
    [InlineData(100_000, 10 * T - 1, 2.2e-4)]
    [InlineData(100_000, 10 * T, 2.2e-4)]
    [InlineData(100_000, 14300 * B, 2.2e-5)]
    [InlineData(100_000, 14300 * B + 1, 2.2e-5)]
    [InlineData(100_000, 14633 * B, 2.2e-5)]
    [InlineData(100_000, 14633 * B + 1, 7.3e-6)]
    [InlineData(100_000, 14800 * B, 7.3e-6)]
    public void The_learning_rate_at_its_corners(long step, long tokens, double expected) =>
        Assert.Equal(expected, new LearningRateSchedule().At(step, tokens));

    /// <summary>The cosine of the report's formula in binary64; its angle and value are binary32 here: 2^-24 of π, and 2^-25 of the value.</summary>
    [Fact]
    public void The_cosine_has_its_formula_s_values()
    {
        var rate = new LearningRateSchedule();
        Assert.Equal((2.2e-4 + 2.2e-5) / 2, rate.At(100_000, 10 * T + 2150 * B), 1.98e-4 / 2 * 1e-7);
        for (long x = 0; x <= 4300 * B; x += 43 * B)
        {
            double exact = 2.2e-5 + (2.2e-4 - 2.2e-5) * 0.5 * (1 + Math.Cos(Math.PI * x / (4300.0 * B)));
            Assert.Equal(exact, rate.At(100_000, 10 * T + x), 1.98e-4 / 2 * (Math.PI * Math.ScaleB(1, -24) + Math.ScaleB(1, -25)));
        }
    }

    [Fact]
    public void The_learning_rate_never_rises_after_warm_up()
    {
        var rate = new LearningRateSchedule();
        double last = double.PositiveInfinity;
        for (long tokens = 9 * T; tokens <= 15 * T; tokens += B)
        {
            double now = rate.At(100_000, tokens);
            Assert.True(now <= last, $"{tokens}");
            last = now;
        }
    }

    [Fact]
    public void A_small_run_has_the_same_shape()
    {
        var rate = new LearningRateSchedule { Peak = 1, Floor = 0.1, Last = 0.01, WarmupSteps = 2, ConstantTokens = 100, CosineTokens = 40, FloorTokens = 10 };
        Assert.Equal([0.5, 1, 1, 0.55, 0.1, 0.1, 0.01], new[] { rate.At(1, 0), rate.At(2, 10), rate.At(3, 100), Math.Round(rate.At(3, 120), 7), rate.At(9, 140), rate.At(9, 150), rate.At(9, 151) });
        Assert.Equal(1, new LearningRateSchedule { Peak = 1, WarmupSteps = 0 }.At(1, 0));
        // Warm-up that is still going on in the cosine takes the smaller.
        Assert.Equal(0.1, new LearningRateSchedule { Peak = 1, Floor = 0.1, WarmupSteps = 10, ConstantTokens = 0, CosineTokens = 40 }.At(9, 40));
        // No cosine at all: from the plateau straight to the floor.
        Assert.Equal(0.1, new LearningRateSchedule { Peak = 1, Floor = 0.1, WarmupSteps = 0, ConstantTokens = 0, CosineTokens = 0, FloorTokens = 5 }.At(9, 1));
    }

    [Theory]
    [InlineData(0, 3072)]
    [InlineData(38167, 3072)]
    [InlineData(469 * B / 2, 9216)]
    [InlineData(469 * B - 1, 15359)]
    [InlineData(469 * B, 15360)]
    [InlineData(14800 * B, 15360)]
    public void The_batch_grows_over_469_billion_tokens(long tokens, int expected) => Assert.Equal(expected, new BatchSizeSchedule().At(tokens));

    [Fact]
    public void A_batch_is_a_multiple_above_the_first()
    {
        var batch = new BatchSizeSchedule { First = 4, Last = 20, RampTokens = 160, Multiple = 8 };
        Assert.Equal([4, 4, 12, 12, 20], new[] { batch.At(0), batch.At(79), batch.At(80), batch.At(159), batch.At(160) });
        Assert.Equal(7, new BatchSizeSchedule { First = 1, Last = 7, RampTokens = 0 }.At(0));
    }

    [Fact]
    public void Speed_of_the_bias_and_weight_of_MTP_change_once()
    {
        Assert.Equal([0.001, 0.001, 0], new[] { TokenStep.BiasSpeed.At(0), TokenStep.BiasSpeed.At(14300 * B - 1), TokenStep.BiasSpeed.At(14300 * B) });
        Assert.Equal([0.3, 0.3, 0.1], new[] { TokenStep.MtpWeight.At(0), TokenStep.MtpWeight.At(10 * T - 1), TokenStep.MtpWeight.At(10 * T) });
    }
}
