using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Model;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Inference;

/// <summary>Sequences of a batch that draft: each has what it has alone with the same drafts (rule N1).</summary>
public class BatchDraftTests
{
    private static readonly SimdBackend Backend = new(1);
    private static readonly DeepSeekConfig Config = SyntheticModel.V3 with { NumNextnPredictLayers = 1 };
    // Two pages of ids, and the same with another last id in the first.
    private static readonly int[][] Beginnings = [SyntheticModel.Ids(128, 99), [.. SyntheticModel.Ids(63, 99), 0, .. SyntheticModel.Ids(128, 99)[64..]]];
    private static readonly GenerationOptions Greedy = new() { MaxTokens = 12, IgnoreEos = true };

    [Property(MaxTest = 40)]
    public bool Rule_N1_whatever_the_schedule_a_sequence_has_what_it_has_alone_with_its_drafts(int seed)
    {
        var random = new Random(seed);
        NumericContract preset = NumericContract.Presets[random.Next(NumericContract.Presets.Count)];
        using DeepSeekModel model = Model(preset with { Cache = (CacheFormat)random.Next(4), MtpHidden = (MtpHidden)random.Next(2), MtpZeroFirstEmbedding = random.Next(2) == 0 });
        var generator = new BatchGenerator(model, new BatchOptions
        {
            CacheBytes = (2 + random.Next(6)) * model.NewPagePool(1 << 20, mtp: true).BytesPerPage,
            TokensPerStep = 5 + random.Next(random.Next(2) == 0 ? 6 : 150),
            MaxRunning = 1 + random.Next(6),
            ReusePrefixes = random.Next(3) > 0,
            Drafts = true,
        });
        BatchRequest[] requests = [.. Enumerable.Range(0, 2 + random.Next(5)).Select(i => new BatchRequest(
            [.. Beginnings[random.Next(2)][..(random.Next(3) * 64)], .. SyntheticModel.Ids(1 + random.Next(40), (seed * 7) + random.Next(3))],
            new GenerationOptions
            {
                MaxTokens = random.Next(20),
                IgnoreEos = random.Next(3) > 0,
                Temperature = random.Next(2) * 0.9f,
                Seed = (ulong)i,
                RepetitionPenalty = 1 + (random.Next(2) * 0.2f),
                Drafts = random.Next(5),
                Acceptance = (DraftAcceptance)random.Next(2),
            },
            random.Next(12)))];
        return BatchSchedule.Holds(generator, model, requests, random);
    }

    [Fact]
    public void Greedy_sequences_with_and_without_drafts_side_by_side_have_the_ids_of_plain_decoding()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model, new BatchOptions { Drafts = true });
        BatchSequence[] all = [.. Enumerable.Range(0, 5).Select(k => generator.Add(SyntheticModel.Ids(3 + k, k), Greedy with { Drafts = k }))];
        generator.Run();

        for (int k = 0; k < 5; k++)
            Assert.Equal(new Generator(model).Generate([SyntheticModel.Ids(3 + k, k)], Greedy)[0].Ids, all[k].Ids);
        Assert.Null(all[0].Drafts);
        Assert.All(all[1..], s => Assert.Equal(12, 1 + s.Drafts!.Passes + s.Drafts.Accepted));
    }

    [Fact]
    public void A_step_takes_all_drafts_of_a_sequence_or_none_and_no_more_tokens_than_it_may()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model, new BatchOptions { TokensPerStep = 9, Drafts = true });
        BatchSequence[] all = [.. Enumerable.Range(0, 5).Select(i => generator.Add([2 + i], Greedy with { MaxTokens = 60, Drafts = 3 }))];
        generator.Step();
        for (int step = 0; step < 25; step++)
        {
            long before = generator.ComputedTokens;
            generator.Step();
            Assert.Equal(8, generator.ComputedTokens - before);
            Assert.InRange(all.Max(s => s.Drafts!.Passes) - all.Min(s => s.Drafts!.Passes), 0, 1);
        }

        Assert.Equal(50, all.Sum(s => s.Drafts!.Passes));
    }

    [Fact]
    public void A_sequence_that_was_sent_back_drafts_on_as_if_it_had_not_been()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model, new BatchOptions { CacheBytes = 3 * model.NewPagePool(1 << 20, mtp: true).BytesPerPage, Drafts = true });
        BatchRequest[] all = [.. Enumerable.Range(0, 3).Select(i => new BatchRequest(SyntheticModel.Ids(50, i), Greedy with { MaxTokens = 100, Drafts = 2, Temperature = 0.7f, Seed = (ulong)i }, 0))];
        foreach (BatchRequest request in all)
            request.Sequence = generator.Add(request.Prompt, request.Recording());
        generator.Run();

        Assert.True(all[2].Sequence!.Preemptions > 0);
        Assert.All(all, r => Assert.True(r.IsAsAlone(model)));
    }

    [Fact]
    public void Prefixes_are_neither_read_nor_left_by_sequences_that_draft()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model, new BatchOptions { Drafts = true });
        int[] prompt = [.. SyntheticModel.Ids(128, 1), 7];
        BatchSequence first = generator.Add(prompt, Greedy with { Drafts = 2 });
        generator.Run();
        Assert.Equal(generator.Pool.PageCount, generator.Pool.FreePages);
        BatchSequence plain = generator.Add(prompt, Greedy);
        generator.Run();
        BatchSequence again = generator.Add(prompt, Greedy with { Drafts = 2 });
        generator.Run();

        Assert.Equal((0, 0, 0), (first.ReusedTokens, plain.ReusedTokens, again.ReusedTokens));
        Assert.Equal(first.Ids, plain.Ids);
        Assert.Equal(first.Ids, again.Ids);
    }

    [Fact]
    public void A_NaN_of_the_module_ends_the_sequence_it_is_in_and_no_other()
    {
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(Config);
        // The module's own embedding: the model takes the id, the module cannot.
        weights["model.layers.3.embed_tokens.weight"].AsSpan<float>()[(7 * 24) + 3] = float.NaN;
        using DeepSeekModel model = SyntheticModel.Make(Config, NumericContract.Canonical, Backend, weights);
        GenerationOptions without = Greedy with { Drafts = 2, LogitBias = new Dictionary<int, float> { [7] = float.NegativeInfinity } };
        var generator = new BatchGenerator(model, new BatchOptions { Drafts = true });
        BatchSequence sound = generator.Add([3, 4], without), broken = generator.Add([3, 7, 5], without), late = generator.Add([5, 4], without with { LogitBias = new Dictionary<int, float> { [7] = 1000 } });
        BatchSequence plain = generator.Add([3, 7, 5], without with { Drafts = 0 });
        generator.Run();

        Assert.Equal([BatchState.Finished, BatchState.Failed, BatchState.Failed, BatchState.Finished], new[] { sound, broken, late, plain }.Select(s => s.State));
        Assert.Contains("row 1, position 2: no draft", broken.Error);
        Assert.Contains("row 2, position 2: no draft", late.Error);
        Assert.Equal([7], late.Ids);
        Assert.Equal(new Generator(model).Generate([[3, 4]], without)[0].Ids, sound.Ids);
        Assert.True(BatchSchedule.FreeWhenIdle(generator));
    }

    [Fact]
    public void Drafts_that_a_step_cannot_hold_are_refused()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model, new BatchOptions { TokensPerStep = 4, Drafts = true });

        Assert.Contains("a step takes 4 tokens", Assert.Throws<ContractException>(() => generator.Add([1], Greedy with { Drafts = 4 })).Message);
        generator.Add([1], Greedy with { Drafts = 3 });
        // A page has room for the module's layer too: four layers of 64 tokens, 18 + 6 values of four bytes.
        Assert.Equal(64 * 4 * 24 * 4, generator.Pool.BytesPerPage);
    }

    private static DeepSeekModel Model(NumericContract? contract = null) =>
        SyntheticModel.Make(Config, contract ?? NumericContract.Canonical, Backend, (contract ?? NumericContract.Canonical).Activations);
}
