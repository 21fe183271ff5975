using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Tests.Model;
using Xunit;

namespace DeepSeek.Reference.Tests.Inference;

/// <summary>Penalties, biases and the tokens that take part in a draw: docs/spec/generation.md 4, a sentence a test.</summary>
public sealed class SamplingRulesTests
{
    private static readonly GenerationOptions Plain = new() { Temperature = 1, Seed = 3 };

    [Fact]
    public void Repetition_divides_positive_logits_and_multiplies_others_of_ids_seen()
    {
        var history = new TokenHistory([0, 1, 1]);
        history.Add(2);
        Assert.Equal([2f, -2f, 0f, 4f], Adjusted([4, -1, 0, 4], Plain with { RepetitionPenalty = 2 }, history));
    }

    [Fact]
    public void Frequency_counts_new_ids_and_presence_does_not()
    {
        var history = new TokenHistory([3, 3]);
        foreach (int id in (int[])[0, 0, 0, 1])
            history.Add(id);
        Assert.Equal([4f - 1.5f, 4f - 0.5f, 4f, 4f], Adjusted([4, 4, 4, 4], Plain with { FrequencyPenalty = 0.5f }, history));
        Assert.Equal([3.75f, 3.75f, 4f, 4f], Adjusted([4, 4, 4, 4], Plain with { PresencePenalty = 0.25f }, history));
    }

    [Fact]
    public void Repetition_comes_first_then_frequency_presence_and_bias()
    {
        var history = new TokenHistory([]);
        history.Add(0);
        GenerationOptions all = Plain with { RepetitionPenalty = 2, FrequencyPenalty = 1, PresencePenalty = 0.5f, LogitBias = new Dictionary<int, float> { [0] = 8, [1] = float.NegativeInfinity } };
        Assert.Equal([(4f / 2) - 1 - 0.5f + 8, float.NegativeInfinity], Adjusted([4, 4], all, history));
    }

    [Theory]
    [InlineData(1, new[] { 0f, 0.25f, 0, 0 })]
    [InlineData(2, new[] { 0f, 0.25f, 0.25f, 0 })]
    [InlineData(3, new[] { 0.125f, 0.25f, 0.25f, 0 })]
    [InlineData(9, new[] { 0.125f, 0.25f, 0.25f, 0.125f })]
    public void Top_k_keeps_the_lower_id_among_equals(int k, float[] kept) => Assert.Equal(kept, Filtered([0.125f, 0.25f, 0.25f, 0.125f], Plain with { TopK = k }));

    [Theory]
    [InlineData(0.01f, new[] { 0f, 0.5f, 0, 0 })]
    [InlineData(0.5f, new[] { 0f, 0.5f, 0, 0 })]
    [InlineData(0.5000001f, new[] { 0.25f, 0.5f, 0, 0 })]
    [InlineData(0.75f, new[] { 0.25f, 0.5f, 0, 0 })]
    [InlineData(0.8f, new[] { 0.25f, 0.5f, 0.125f, 0 })]
    [InlineData(0.875f, new[] { 0.25f, 0.5f, 0.125f, 0 })]
    [InlineData(1f, new[] { 0.25f, 0.5f, 0.125f, 0.125f })]
    public void Top_p_keeps_the_shortest_beginning_that_has_the_share(float p, float[] kept) => Assert.Equal(kept, Filtered([0.25f, 0.5f, 0.125f, 0.125f], Plain with { TopP = p }));

    [Fact]
    public void Top_p_is_a_share_of_what_top_k_left() =>
        Assert.Equal([0.25f, 0.5f, 0, 0], Filtered([0.25f, 0.5f, 0.125f, 0.125f], Plain with { TopK = 3, TopP = 0.8f }));

    [Theory]
    [InlineData(0.5f, new[] { 0.25f, 0.5f, 0, 0 })]
    [InlineData(0.50001f, new[] { 0f, 0.5f, 0, 0 })]
    [InlineData(1f, new[] { 0f, 0.5f, 0, 0 })]
    public void Min_p_is_a_share_of_the_largest(float m, float[] kept) => Assert.Equal(kept, Filtered([0.25f, 0.5f, 0.125f, 0.125f], Plain with { MinP = m }));

    [Fact]
    public void Many_equal_probabilities_are_kept_from_the_lowest_id()
    {
        var equal = new float[200];
        equal.AsSpan().Fill(1f / 256);
        Assert.Equal(Enumerable.Range(0, 200).Select(v => v < 100 ? 1f / 256 : 0), Filtered(equal, Plain with { TopK = 100 }));
        Assert.Equal(Enumerable.Range(0, 200).Select(v => v < 50 ? 1f / 256 : 0), Filtered(equal, Plain with { TopP = 0.25f }));
        equal[150] = float.NaN;
        Assert.Throws<NotANumberException>(() => Filtered(equal, Plain with { TopK = 100 }));
        Assert.Throws<NotANumberException>(() => Filtered(equal, Plain with { MinP = 0.5f }));
    }

    [Fact]
    public void Rules_that_leave_all_in_change_no_draw_and_one_token_is_the_greedy_one()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, new SimdBackend(1));
        var generator = new Generator(model);
        int[][] prompt = [SyntheticModel.Ids(5, 1)];
        GenerationOptions drawn = Plain with { MaxTokens = 20, IgnoreEos = true };
        IReadOnlyList<int> ids = generator.Generate(prompt, drawn)[0].Ids;
        Assert.Equal(ids, generator.Generate(prompt, drawn with { TopK = 50, MinP = 1e-30f, FrequencyPenalty = 0 })[0].Ids);
        IReadOnlyList<int> greedy = generator.Generate(prompt, drawn with { Temperature = 0 })[0].Ids;
        Assert.Equal(greedy, generator.Generate(prompt, drawn with { TopK = 1 })[0].Ids);
        Assert.NotEqual(ids, greedy);
    }

    [Fact]
    public void A_large_frequency_penalty_lets_no_id_come_twice_before_all_came()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, new SimdBackend(1));
        var options = new GenerationOptions { MaxTokens = 50, IgnoreEos = true, FrequencyPenalty = 1000 };
        Assert.Equal(50, new Generator(model).Generate([[1, 2]], options)[0].Ids.Distinct().Count());
        var forced = new GenerationOptions { MaxTokens = 3, LogitBias = new Dictionary<int, float> { [17] = 1000 } };
        Assert.Equal([17, 17, 17], new Generator(model).Generate([[1, 2]], forced)[0].Ids);
    }

    [Fact]
    public void A_row_ends_where_the_caller_says_so()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, new SimdBackend(1));
        GeneratedSequence row = new Generator(model).Generate([[1, 2]], new GenerationOptions { MaxTokens = 9, IgnoreEos = true, StopAfter = (_, step, _) => step == 2 })[0];
        Assert.Equal((3, StopReason.Stopped), (row.Ids.Count, row.Reason));
    }

    [Fact]
    public void Options_outside_their_range_are_refused()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, new SimdBackend(1));
        GenerationOptions[] bad =
        [
            Plain with { TopK = -1 }, Plain with { TopP = 0 }, Plain with { TopP = 1.1f }, Plain with { TopP = float.NaN }, Plain with { MinP = -0.1f }, Plain with { MinP = 2 },
            Plain with { RepetitionPenalty = 0 }, Plain with { RepetitionPenalty = float.NaN }, Plain with { FrequencyPenalty = float.NaN }, Plain with { PresencePenalty = float.PositiveInfinity },
            Plain with { LogitBias = new Dictionary<int, float> { [1] = float.NaN } },
        ];
        Assert.All(bad, options => Assert.Throws<ContractException>(() => new Generator(model).Generate([[1]], options)));
        Assert.Throws<DataException>(() => new Generator(model).Generate([[1]], Plain with { LogitBias = new Dictionary<int, float> { [50] = 1 } }));
    }

    private static float[] Adjusted(float[] logits, GenerationOptions options, TokenHistory history)
    {
        SamplingRules.Adjust(logits, options, history);
        return logits;
    }

    private static float[] Filtered(float[] probabilities, GenerationOptions options)
    {
        float[] copy = [.. probabilities];
        SamplingRules.Filter(copy, options);
        return copy;
    }
}
