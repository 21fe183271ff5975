using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops.Contracts;

/// <summary>Rule N23: FlashMLA's tile scheduler.</summary>
public class SplitScheduleTests
{
    [Fact]
    public void Rule_N23_the_schedule_of_three_requests_by_hand()
    {
        // Blocks (13, 1, 3), total 13 + 1 + 3 + 15 = 32; 3 parts: payload = 11 + 5 = 16.
        // Part 0: 13 + 5 > 16, takes 11 blocks. Part 1: 2 + 5 = 7 of 16, then 1 + 5 = 6 of 9, then 3 left: none. Part 2: 3 + 5 of 16.
        SplitSchedule schedule = SplitSchedule.Of([800, 0, 192], 3);
        Assert.Equal(16, schedule.Payload);
        Assert.Equal([0, 2, 3, 4], schedule.Splits);
        Assert.Equal([new BlockRange(0, 11), new(11, 13)], schedule.Of(0));
        Assert.Equal([new BlockRange(0, 0)], schedule.Of(1));
        Assert.Equal([new BlockRange(0, 3)], schedule.Of(2));
        Assert.Equal([new SchedulePart(0, 0, 0, 0, 11), new(0, 11, 1, 1, 0), new(2, 0, 0, 2, 3)], schedule.Parts);
    }

    [Theory]
    [InlineData(132, 1, 128, 1, 66)]
    [InlineData(132, 2, 128, 1, 33)]
    [InlineData(78, 1, 16, 1, 78)]
    [InlineData(132, 4, 128, 128, 1)]
    [InlineData(4, 64, 128, 1, 1)]
    public void Rule_N23_parts_follow_from_the_multiprocessors(int sms, int queries, int heads, int keyHeads, int parts) =>
        Assert.Equal(parts, SplitSchedule.PartsFor(sms, queries, heads, keyHeads));

    [Property(MaxTest = 200)]
    public void Rule_N23_splits_cover_each_request_once_and_no_part_takes_more_than_its_payload(int seed)
    {
        var random = new Random(seed);
        int[] lengths = [.. Enumerable.Range(0, random.Next(1, 9)).Select(_ => random.Next(4) == 0 ? random.Next(3) : random.Next(20_000))];
        int parts = random.Next(1, 80);
        SplitSchedule schedule = SplitSchedule.Of(lengths, parts);
        for (int b = 0; b < lengths.Length; b++)
        {
            IReadOnlyList<BlockRange> ranges = schedule.Of(b);
            Assert.Equal(0, ranges[0].From);
            Assert.Equal((lengths[b] + 63) / 64, ranges[^1].To);
            for (int i = 1; i < ranges.Count; i++)
                Assert.Equal(ranges[i - 1].To, ranges[i].From);
        }

        Assert.Equal(parts, schedule.Parts.Count);
        Assert.All(schedule.Ranges, range => Assert.InRange(range.To - range.From + SplitSchedule.Overhead, 0, schedule.Payload));
    }

    [Fact]
    public void Rule_N23_more_splits_than_the_kernel_combines_are_refused()
    {
        Assert.Contains("160", Assert.Throws<ContractException>(() => SplitSchedule.Of([64 * 3000], 1000)).Message, StringComparison.Ordinal);
        Assert.Throws<ContractException>(() => SplitSchedule.Of([64], 0));
    }

    [Property(MaxTest = 30)]
    public void Rule_N23_one_split_is_no_split(int seed)
    {
        // Below 385 keys two parts leave a request whole.
        var data = new ContractCase(seed);
        var backend = new ScalarBackend();
        uint[] expected = data.RunGeneral(AttentionContract.FlashMlaDense with { Split = KeySplit.None, Combine = CombineOrder.Ascending });
        Assert.Equal(expected, data.Run(backend, AttentionContract.FlashMlaDense));
        Assert.Equal(expected, data.Run(backend, AttentionContract.FlashMlaDense with { Parts = 2 }));
    }

    [Property(MaxTest = 40)]
    public void Rule_N23_one_online_block_of_all_keys_is_two_passes(int seed)
    {
        // Exact and Float64 may differ there in the sign of a zero: what they sum is added to +0.
        var data = new ContractCase(seed);
        var backend = new ScalarBackend();
        AttentionContract twoPass = AttentionContract.Canonical with
        {
            Division = AttentionDivision.Quotient,
            Weights = data.Any([DType.F32, DType.BF16]),
            Base = data.Any(Enum.GetValues<SoftmaxBase>()),
            Order = data.Any([WeightOrder.Lanes16, WeightOrder.Sequential, WeightOrder.Quad]),
            WeightValue = data.Any([Accumulation.Lanes16, Accumulation.Sequential]),
        };
        Assert.Equal(data.Run(backend, twoPass), data.Run(backend, twoPass with { Schedule = AttentionSchedule.Online }));
    }
}
