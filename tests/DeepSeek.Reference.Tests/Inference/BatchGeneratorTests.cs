using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Checkpoints;
using DeepSeek.Reference.Tests.Model;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Inference;

public class BatchGeneratorTests
{
    private static readonly SimdBackend Backend = new(1);
    // Two pages of ids, and the same with another last id in the first.
    private static readonly int[][] Beginnings = [SyntheticModel.Ids(128, 99), [.. SyntheticModel.Ids(63, 99), 0, .. SyntheticModel.Ids(128, 99)[64..]]];
    private static readonly GenerationOptions Greedy = new() { MaxTokens = 8, IgnoreEos = true };

    [Property(MaxTest = 40)]
    public bool Rule_N1_whatever_the_schedule_a_sequence_has_the_ids_and_logits_it_has_alone(int seed)
    {
        var random = new Random(seed);
        NumericContract preset = NumericContract.Presets[random.Next(NumericContract.Presets.Count)];
        using DeepSeekModel model = Model(preset with { Cache = (CacheFormat)random.Next(4) });
        var generator = new BatchGenerator(model, new BatchOptions
        {
            CacheBytes = (2 + random.Next(6)) * model.NewPagePool(1 << 20).BytesPerPage,
            TokensPerStep = 1 + random.Next(random.Next(2) == 0 ? 6 : 150),
            MaxRunning = 1 + random.Next(6),
            ReusePrefixes = random.Next(3) > 0,
        });
        BatchRequest[] requests = [.. Enumerable.Range(0, 2 + random.Next(5)).Select(i => new BatchRequest(
            [.. Beginnings[random.Next(2)][..(random.Next(3) * 64)], .. SyntheticModel.Ids(1 + random.Next(40), (seed * 7) + random.Next(3))],
            new GenerationOptions { MaxTokens = random.Next(14), IgnoreEos = true, Temperature = random.Next(2) * 0.9f, Seed = (ulong)i, RepetitionPenalty = 1 + (random.Next(2) * 0.2f) },
            random.Next(12)))];
        return BatchSchedule.Holds(generator, model, requests, random);
    }

    [Fact]
    public void A_step_takes_no_more_tokens_than_it_may_and_one_of_each_sequence_that_decodes()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model, new BatchOptions { TokensPerStep = 10 });
        BatchSequence[] decoding = [.. Enumerable.Range(0, 4).Select(i => generator.Add([2 + i], Greedy with { MaxTokens = 30 }))];
        generator.Step();
        BatchSequence prompt = generator.Add(SyntheticModel.Ids(60, 1), Greedy);

        // 60 ids in parts of 6 beside four tokens.
        for (int step = 1; step <= 10; step++)
        {
            Assert.Empty(prompt.Ids);
            long before = generator.ComputedTokens;
            generator.Step();
            Assert.Equal(10, generator.ComputedTokens - before);
            Assert.All(decoding, s => Assert.Equal(step + 1, s.Ids.Count));
        }

        Assert.Single(prompt.Ids);
    }

    [Fact]
    public void More_sequences_than_a_step_s_tokens_take_turns()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model, new BatchOptions { TokensPerStep = 2 });
        BatchSequence[] all = [.. Enumerable.Range(0, 5).Select(i => generator.Add([2 + i], Greedy with { MaxTokens = 40 }))];
        for (int step = 0; step < 50; step++)
        {
            generator.Step();
            Assert.InRange(all.Max(s => s.Ids.Count) - all.Min(s => s.Ids.Count), 0, 1);
        }

        Assert.All(all, s => Assert.Equal(20, s.Ids.Count));
    }

    [Fact]
    public void When_pages_run_out_the_youngest_waits_and_comes_to_its_end()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model, new BatchOptions { CacheBytes = 3 * model.NewPagePool(1 << 20).BytesPerPage });
        BatchSequence[] all = [.. Enumerable.Range(0, 3).Select(i => generator.Add(SyntheticModel.Ids(50, i), Greedy with { MaxTokens = 100 }))];
        var ended = new List<int>();
        while (generator.Step())
            ended.AddRange(all.Where(s => s.State == BatchState.Finished && !ended.Contains(s.Id)).Select(s => s.Id));

        Assert.Equal([0, 1, 2], ended);
        Assert.Equal(0, all[0].Preemptions);
        Assert.True(all[2].Preemptions > 0);
        for (int i = 0; i < 3; i++)
            Assert.Equal(new Generator(model).Generate([SyntheticModel.Ids(50, i)], Greedy with { MaxTokens = 100 })[0].Ids, all[i].Ids);
    }

    [Fact]
    public void A_prompt_that_begins_as_an_earlier_one_computes_only_what_is_new()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model);
        int[] common = SyntheticModel.Ids(128, 1);
        generator.Add([.. common, 5, 6], Greedy);
        generator.Run();
        long before = generator.ComputedTokens;
        BatchSequence longer = generator.Add([.. common, 7], Greedy), same = generator.Add(common, Greedy), other = generator.Add([.. common[..63], 9, 8], Greedy);
        generator.Run();

        Assert.Equal(128, longer.ReusedTokens);
        // The last id is computed again: its logits were not kept.
        Assert.Equal(64, same.ReusedTokens);
        Assert.Equal(0, other.ReusedTokens);
        Assert.Equal(1 + 64 + 65 + (3 * 7), generator.ComputedTokens - before);
        Assert.Equal(new Generator(model).Generate([[.. common, 7]], Greedy)[0].Ids, longer.Ids);
    }

    [Fact]
    public void What_can_never_fit_is_refused_and_names_what_it_needs()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model, new BatchOptions { CacheBytes = 2 * model.NewPagePool(1 << 20).BytesPerPage, MaxWaiting = 1 });

        // The last new token takes no row: 128 positions are two pages.
        Refusal.Of(() => generator.Add(SyntheticModel.Ids(100, 1), Greedy with { MaxTokens = 30 }), "row 0", "3 pages", "has 2");
        generator.Add(SyntheticModel.Ids(100, 1), Greedy with { MaxTokens = 29 });
        Assert.Contains("wait", Assert.Throws<ContractException>(() => generator.Add([1], Greedy)).Message);
        Refusal.Of(() => generator.Add([], Greedy), "row 1 is empty");
        Refusal.Of(() => generator.Add([1, 50], Greedy), "row 1, position 1", "50");
        generator.Run();
    }

    [Fact]
    public void A_NaN_ends_the_sequence_it_is_in_and_no_other()
    {
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(SyntheticModel.V3);
        weights["model.embed_tokens.weight"].AsSpan<float>()[(7 * 24) + 3] = float.NaN;
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, Backend, weights);
        GenerationOptions without = Greedy with { LogitBias = new Dictionary<int, float> { [7] = float.NegativeInfinity } };
        var generator = new BatchGenerator(model);
        BatchSequence sound = generator.Add([3, 4], without), broken = generator.Add([3, 7], without), also = generator.Add([5], without);
        generator.Run();

        Assert.Equal((BatchState.Finished, BatchState.Failed, BatchState.Finished), (sound.State, broken.State, also.State));
        Assert.Contains("row 1, position 1", broken.Error);
        Assert.Contains("model.embed_tokens.weight", broken.Error);
        Assert.Equal(new Generator(model).Generate([[3, 4]], without)[0].Ids, sound.Ids);
        Assert.True(BatchSchedule.FreeWhenIdle(generator));
    }

    [Fact]
    public void A_callback_s_error_ends_its_sequence_and_comes_out_after_the_others_were_served()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model);
        BatchSequence bad = generator.Add([2], Greedy with { OnToken = (_, step, _) => _ = step == 2 ? throw new InvalidOperationException("mine") : 0 });
        BatchSequence good = generator.Add([3], Greedy);
        Assert.Equal("mine", Assert.Throws<InvalidOperationException>(() => generator.Run()).Message);
        Assert.Equal(3, good.Ids.Count);
        generator.Run();

        Assert.Equal(BatchState.Failed, bad.State);
        Assert.Equal(new Generator(model).Generate([[3]], Greedy)[0].Ids, good.Ids);
    }

    [Fact]
    public void A_cancelled_sequence_gives_its_pages_back_whether_it_runs_or_waits()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model, new BatchOptions { MaxRunning = 1, ReusePrefixes = false });
        BatchSequence runs = generator.Add([2], Greedy), waits = generator.Add([3], Greedy);
        generator.Step();
        Assert.Equal((BatchState.Running, BatchState.Waiting), (runs.State, waits.State));
        runs.Cancel();
        waits.Cancel();

        Assert.False(generator.Step());
        Assert.Equal((BatchState.Cancelled, BatchState.Cancelled), (runs.State, waits.State));
        Assert.Equal(generator.Pool.PageCount, generator.Pool.FreePages);
        Assert.Single(runs.Ids);
    }

    [Fact]
    public void Sequences_may_be_added_by_callbacks_and_by_other_threads()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model);
        BatchSequence? second = null;
        generator.Add([2], Greedy with { OnToken = (_, step, _) => second ??= step == 3 ? generator.Add([4], Greedy) : null });
        Parallel.For(0, 20, i => generator.Add([3 + i], Greedy));
        generator.Run();

        Assert.Equal(21, second!.Id);
        Assert.Equal(new Generator(model).Generate([[4]], Greedy)[0].Ids, second.Ids);
    }

    [Fact]
    public void No_tokens_asked_for_and_the_model_s_last_position_end_a_sequence()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model);
        BatchSequence none = generator.Add([2], Greedy with { MaxTokens = 0 }), full = generator.Add(SyntheticModel.Ids(199, 1), Greedy);
        generator.Run();

        Assert.Equal((BatchState.Finished, 0), (none.State, none.Ids.Count));
        Assert.Equal((StopReason.MaxPositions, 2), (full.Reason!.Value, full.Ids.Count));
        Assert.Throws<ContractException>(() => new BatchGenerator(model, new BatchOptions { TokensPerStep = 0 }));
        Assert.Throws<ContractException>(() => new BatchGenerator(model, new BatchOptions { CacheBytes = 1 }));
    }

    private static DeepSeekModel Model(NumericContract? contract = null) =>
        SyntheticModel.Make(SyntheticModel.V3, contract ?? NumericContract.Canonical, Backend, (contract ?? NumericContract.Canonical).Activations);
}
