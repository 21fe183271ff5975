using DeepSeek.Reference.Training;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

public sealed class ExpertLoadTests
{
    [Fact]
    public void Rule_N28_a_bias_moves_by_the_sign_of_the_error()
    {
        ExpertLoad load = Of(4, 0, 0, 0, 1, 1, 2, -1, 2);
        Assert.Equal([3L, 2, 2, 0], load.Counts.ToArray());
        Assert.Equal(7, load.Total);
        float[] bias = [0.5f, 0, 0, -0.25f];
        load.MoveBias(bias, 0.25);
        Assert.Equal([0.25f, -0.25f, -0.25f, 0f], bias);
    }

    [Fact]
    public void Rule_N28_an_expert_at_the_mean_keeps_its_bias_to_the_bit()
    {
        float[] bias = [-0f, 0.1f, 3f];
        Of(3, 0, 1, 1, 2, 0, 2).MoveBias(bias, 0.001);
        Assert.Equal([0x80000000u, 0x3DCCCCCDu, 0x40400000u], bias.Select(BitConverter.SingleToUInt32Bits));
    }

    /// <summary>The mean, 5/3, has no binary form; no load equals it.</summary>
    [Fact]
    public void Rule_N28_the_sign_is_that_of_whole_numbers()
    {
        float[] bias = new float[3];
        ExpertLoad load = Of(3, 0, 0, 1, 1, 2);
        load.MoveBias(bias, 1);
        Assert.Equal([-1f, -1f, 1f], bias);
    }

    [Fact]
    public void MaxVio_is_the_largest_load_over_the_mean_less_one()
    {
        Assert.Equal(0, new ExpertLoad(8).MaxVio());
        Assert.Equal(0, Of(4, 0, 1, 2, 3).MaxVio());
        Assert.Equal(3, Of(4, 2, 2).MaxVio());
        Assert.Equal(0.5, Of(4, 0, 0, 0, 1, 1, 2, 3, 3).MaxVio());
    }

    /// <summary>Any cut of the batch into parts gives the counts of the whole.</summary>
    [Property(MaxTest = 100)]
    public bool Parts_of_a_batch_add_up(int seed, byte cut)
    {
        var random = new Random(seed);
        int[] chosen = [.. Enumerable.Range(0, 40).Select(_ => random.Next(-1, 6))];
        int at = cut % 41;
        ExpertLoad whole = Of(6, chosen), first = Of(6, chosen[..at]);
        first.Add(Of(6, chosen[at..]));
        return whole.Counts.SequenceEqual(first.Counts) && whole.Total == first.Total && whole.MaxVio() == first.MaxVio();
    }

    /// <summary>Driven by nothing but the rule, a skewed router becomes balanced: experts are chosen by score + bias.</summary>
    [Fact]
    public void The_rule_balances_a_skewed_router()
    {
        var random = new Random(3);
        float[] bias = new float[8];
        double first = 0, last = 0;
        for (int step = 0; step < 600; step++)
        {
            var load = new ExpertLoad(8);
            for (int token = 0; token < 200; token++)
            {
                float[] score = [.. Enumerable.Range(0, 8).Select(e => 0.1f * e + random.NextSingle() + bias[e])];
                int best = Array.IndexOf(score, score.Max());
                load.Add([best]);
            }

            last = load.MaxVio();
            first = step == 0 ? last : first;
            load.MoveBias(bias, 0.002);
        }

        Assert.True(first > 1.5 && last < 0.6, $"MaxVio {first} at first, {last} at last");
    }

    [Fact]
    public void The_method_decides_what_moves()
    {
        BalanceOptions of(BalanceMethod m) => new() { Method = m, Alpha = 0.01 };
        Assert.Equal([0.001, 0, 0], new[] { of(BalanceMethod.AuxFree).SpeedAt(0), of(BalanceMethod.AuxLoss).SpeedAt(0), of(BalanceMethod.None).SpeedAt(0) });
        Assert.Equal([0.01, 0.01, 0], new[] { of(BalanceMethod.AuxFree).LossWeight, of(BalanceMethod.AuxLoss).LossWeight, of(BalanceMethod.None).LossWeight });
        Assert.Equal(0, new BalanceOptions().SpeedAt(14_300_000_000_000));
        Assert.Equal(0.0001, new BalanceOptions().LossWeight);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        Assert.Contains("expert 4 was chosen among 4", Assert.Throws<ShapeException>(() => Of(4, 4)).Message, StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => Of(4, -2));
        Assert.Throws<ShapeException>(() => Of(4).MoveBias(new float[3], 1));
        Assert.Throws<ShapeException>(() => Of(4).Add(new ExpertLoad(5)));
    }

    private static ExpertLoad Of(int experts, params int[] chosen)
    {
        var load = new ExpertLoad(experts);
        load.Add(chosen);
        return load;
    }
}
