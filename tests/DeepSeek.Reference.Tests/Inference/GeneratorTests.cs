using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Checkpoints;
using DeepSeek.Reference.Tests.Model;
using Xunit;

namespace DeepSeek.Reference.Tests.Inference;

public class GeneratorTests
{
    private static readonly int[][] Ragged = [SyntheticModel.Ids(3, 1), SyntheticModel.Ids(12, 2), SyntheticModel.Ids(1, 3)];

    [Theory]
    [InlineData(0f)]
    [InlineData(0.8f)]
    [InlineData(3f)]
    public void A_row_of_a_ragged_batch_equals_the_row_alone(float temperature)
    {
        using DeepSeekModel model = Model();
        var options = new GenerationOptions { MaxTokens = 20, IgnoreEos = true, Temperature = temperature, Seed = 7 };
        IReadOnlyList<GeneratedSequence> together = new Generator(model).Generate(Ragged, options);

        for (int r = 0; r < Ragged.Length; r++)
        {
            Assert.Equal(20, together[r].Ids.Count);
            Assert.Equal(new Generator(model).Generate([Ragged[r]], options)[0].Ids, together[r].Ids);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(100)]
    public void Rule_N1_a_prompt_prefilled_in_chunks_gives_the_same_ids(int chunk)
    {
        using DeepSeekModel model = Model();
        var options = new GenerationOptions { MaxTokens = 15, IgnoreEos = true };

        Assert.Equal(new Generator(model).Generate(Ragged, options)[1].Ids, new Generator(model).Generate(Ragged, options with { PrefillChunk = chunk })[1].Ids);
    }

    [Fact]
    public void A_long_prompt_reports_each_pass_and_can_be_interrupted_between_passes()
    {
        using DeepSeekModel model = Model();
        using var source = new CancellationTokenSource();
        var seen = new List<(int Row, int Taken)>();
        var options = new GenerationOptions { MaxTokens = 1, PrefillChunk = 5, OnPrefill = (row, taken) => seen.Add((row, taken)) };
        new Generator(model).Generate(Ragged, options);
        Assert.Equal([(0, 3), (1, 5), (1, 10), (1, 12), (2, 1)], seen);

        GenerationOptions interrupted = options with { OnPrefill = (_, _) => source.Cancel() };
        Assert.Throws<OperationCanceledException>(() => new Generator(model).Generate([Ragged[1]], interrupted, source.Token));
    }

    [Fact]
    public void The_end_of_text_stops_a_row_and_is_left_out()
    {
        using DeepSeekModel free = Model();
        IReadOnlyList<int> ids = new Generator(free).Generate(Ragged, new GenerationOptions { MaxTokens = 12, IgnoreEos = true })[0].Ids;
        int stop = ids[5];
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3 with { EosTokenId = stop }, NumericContract.Canonical, new SimdBackend(1));
        GeneratedSequence row = new Generator(model).Generate(Ragged, new GenerationOptions { MaxTokens = 12 })[0];

        Assert.Equal(ids.TakeWhile(i => i != stop), row.Ids);
        Assert.Equal(StopReason.EndOfText, row.Reason);
    }

    [Fact]
    public void A_row_ends_with_the_model_s_last_position()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3 with { MaxPositionEmbeddings = 14, RopeScaling = null }, NumericContract.Canonical, new SimdBackend(1));
        GeneratedSequence row = new Generator(model).Generate([SyntheticModel.Ids(12, 2)], new GenerationOptions { MaxTokens = 9, IgnoreEos = true })[0];

        Assert.Equal(3, row.Ids.Count);
        Assert.Equal(StopReason.MaxPositions, row.Reason);
    }

    [Fact]
    public void A_seed_gives_the_same_ids_again_and_another_seed_others()
    {
        using DeepSeekModel model = Model();
        var options = new GenerationOptions { MaxTokens = 30, IgnoreEos = true, Temperature = 1, Seed = 1 };
        IReadOnlyList<int> ids = new Generator(model).Generate(Ragged, options)[0].Ids;

        Assert.Equal(ids, new Generator(model).Generate(Ragged, options)[0].Ids);
        Assert.NotEqual(ids, new Generator(model).Generate(Ragged, options with { Seed = 2 })[0].Ids);
    }

    [Fact]
    public void Draws_have_the_softmax_s_frequencies()
    {
        using DeepSeekModel model = Model();
        var logits = new float[50];
        logits.AsSpan().Fill(float.NegativeInfinity);
        (logits[3], logits[17], logits[40]) = (0f, MathF.Log(2), MathF.Log(5));
        var sampler = new TokenSampler(model);
        var counts = new int[50];
        const int Draws = 8000;
        for (int position = 0; position < Draws; position++)
            counts[sampler.Choose(Tensor.From(logits, 1, 50), new GenerationOptions { Temperature = 1, Seed = 5 }, new TokenHistory([]), position)]++;

        // Four standard deviations of a binomial count at p = 1/2 are 2 sqrt(8000) = 179.
        Assert.InRange(counts[3] - Draws / 8, -179, 179);
        Assert.InRange(counts[17] - Draws / 4, -179, 179);
        Assert.Equal(Draws, counts[3] + counts[17] + counts[40]);
    }

    [Theory]
    [InlineData(0u, 0x41851592u)]
    [InlineData(uint.MaxValue, 0x33800000u)]
    public void An_exponential_value_is_finite_and_positive_at_both_ends(uint word, uint bits) =>
        Assert.Equal(bits, BitConverter.SingleToUInt32Bits(TokenSampler.Exponential(word)));

    [Fact]
    public void Greedy_takes_the_lowest_id_among_equals()
    {
        using DeepSeekModel model = Model();
        var logits = new float[50];
        (logits[9], logits[31]) = (2, 2);

        Assert.Equal(9, new TokenSampler(model).Choose(Tensor.From(logits, 1, 50), new GenerationOptions(), new TokenHistory([]), 0));
    }

    [Fact]
    public void A_NaN_among_the_logits_names_row_and_position()
    {
        DeepSeekConfig dense = SyntheticModel.V3 with { NRoutedExperts = null };
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(dense);
        weights["lm_head.weight"].AsSpan<float>()[0] = float.NaN;
        using DeepSeekModel model = SyntheticModel.Make(dense, NumericContract.Canonical, new SimdBackend(1), weights);

        string message = Assert.Throws<NotANumberException>(() => new Generator(model).Generate([[2, 3]], new GenerationOptions { MaxTokens = 1 })).Message;
        Assert.Contains("row 0, position 2", message);
        Assert.Contains("logits", message);
    }

    [Fact]
    public void Empty_prompts_foreign_ids_and_impossible_options_are_refused()
    {
        using DeepSeekModel model = Model();
        var generator = new Generator(model);
        var options = new GenerationOptions();

        Refusal.Of(() => generator.Generate([[1], []], options), "row 1 is empty");
        Refusal.Of(() => generator.Generate([[1, 2, 50]], options), "row 0, position 2", "50");
        Refusal.Of(() => generator.Generate([], options), "no prompt");
        Assert.Throws<ContractException>(() => generator.Generate([[1]], options with { Temperature = float.NaN }));
        Assert.Throws<ContractException>(() => generator.Generate([[1]], options with { MaxTokens = -1 }));
    }

    [Fact]
    public void No_tokens_asked_for_gives_none()
    {
        using DeepSeekModel model = Model();

        Assert.Empty(new Generator(model).Generate([[1, 2]], new GenerationOptions { MaxTokens = 0 })[0].Ids);
    }

    private static DeepSeekModel Model() => SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical with { Attention = AttentionMode.Absorbed }, new SimdBackend(1));

    [Fact]
    public void Tokens_asked_for_take_no_memory_until_they_come()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3 with { MaxPositionEmbeddings = int.MaxValue }, NumericContract.Canonical, new SimdBackend(1));
        using var enough = new CancellationTokenSource();
        var options = new GenerationOptions
        {
            MaxTokens = int.MaxValue,
            IgnoreEos = true,
            OnToken = (_, step, _) =>
            {
                if (step == 3)
                    enough.Cancel();
            },
        };
        long before = GC.GetTotalAllocatedBytes();
        Assert.Throws<OperationCanceledException>(() => new Generator(model).Generate([[1, 2]], options, enough.Token));
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 1L << 28);
    }
}
