using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Tests.Model;
using Xunit;

namespace DeepSeek.Reference.Tests.Inference;

/// <summary>Pages of earlier sequences are read only while they hold what the index says (rule N1).</summary>
public class PrefixReuseTests
{
    private static readonly SimdBackend Backend = new(1);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Rule_N1_a_prefix_whose_pages_went_to_another_text_is_computed_again_not_found(int pages)
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model, new BatchOptions { CacheBytes = (pages + 1) * model.NewPagePool(1 << 20).BytesPerPage });
        int[] first = [.. SyntheticModel.Ids(64 * pages, 1), 5], other = [.. SyntheticModel.Ids(64 * pages, 2), 5];

        Run(generator, first);
        // One page more than the pool has beside what the index keeps: each of the first text's pages goes, and is written over.
        (BatchSequence another, _) = Run(generator, other);
        Assert.Equal(0, another.ReusedTokens);
        (BatchSequence again, List<byte> logits) = Run(generator, first);

        Assert.Equal(0, again.ReusedTokens);
        Equal(model, first, again, logits);
    }

    [Fact]
    public void Rule_N1_of_a_prefix_that_lost_its_last_page_the_rest_is_read_and_no_more()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model, new BatchOptions { CacheBytes = 3 * model.NewPagePool(1 << 20).BytesPerPage });
        int[] first = [.. SyntheticModel.Ids(128, 1), 5], other = SyntheticModel.Ids(70, 2);

        // Two pages are kept of the first text; another takes two, so the first text's last page goes.
        Run(generator, first);
        Run(generator, other);
        (BatchSequence again, List<byte> logits) = Run(generator, first);

        Assert.Equal(64, again.ReusedTokens);
        Equal(model, first, again, logits);
    }

    [Fact]
    public void Rule_N1_a_page_that_was_given_up_and_filled_again_with_the_same_ids_is_found_anew()
    {
        using DeepSeekModel model = Model();
        var generator = new BatchGenerator(model, new BatchOptions { CacheBytes = 2 * model.NewPagePool(1 << 20).BytesPerPage });
        int[] first = [.. SyntheticModel.Ids(64, 1), 5], other = [.. SyntheticModel.Ids(64, 2), 5];

        Run(generator, first);
        Run(generator, other);
        Run(generator, first);
        (BatchSequence again, List<byte> logits) = Run(generator, first);

        Assert.Equal(64, again.ReusedTokens);
        Equal(model, first, again, logits);
    }

    private static DeepSeekModel Model() => SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, Backend);

    /// <summary>A sequence from beginning to end, alone in the pool.</summary>
    private static (BatchSequence Sequence, List<byte> Logits) Run(BatchGenerator generator, int[] prompt)
    {
        var logits = new List<byte>();
        BatchSequence sequence = generator.Add(prompt, Options(logits));
        generator.Run();
        Assert.Equal(BatchState.Finished, sequence.State);
        return (sequence, logits);
    }

    /// <summary>Ids and logits are those of a run that has nothing to reuse.</summary>
    private static void Equal(DeepSeekModel model, int[] prompt, BatchSequence made, List<byte> logits)
    {
        var alone = new List<byte>();
        Assert.Equal(new Generator(model).Generate([prompt], Options(alone))[0].Ids, made.Ids);
        Assert.Equal(alone, logits);
    }

    private static GenerationOptions Options(List<byte> logits) =>
        new() { MaxTokens = 6, IgnoreEos = true, OnLogits = (_, _, values) => logits.AddRange(values.AsBytes()) };
}
