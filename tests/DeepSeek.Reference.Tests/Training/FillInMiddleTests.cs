using System.Text;
using DeepSeek.Reference.Training;
using FsCheck;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

public sealed class FillInMiddleTests
{
    private static readonly ByteVocabulary Bytes = new();

    /// <summary>Any text, half surrogate pairs included: the three parts are the text, and the arranged tokens give it back.</summary>
    [Property(MaxTest = 300)]
    public bool Rule_N29_the_arrangement_can_be_undone(NonNull<string> text, uint document)
    {
        (string prefix, string middle, string suffix) = FillInMiddle.Cut(3, document, text.Get);
        int[] arranged = FillInMiddle.Arrange(Bytes.Encode(prefix), Bytes.Encode(middle), Bytes.Encode(suffix), Bytes.Special);
        return prefix + middle + suffix == text.Get
            && FillInMiddle.TryRestore(arranged, Bytes.Special, out int[]? restored)
            && restored.SequenceEqual(Bytes.Encode(text.Get));
    }

    [Fact]
    public void Rule_N29_a_cut_never_splits_a_character()
    {
        const string Text = "a𝄞b𝄞c𝄞d";
        for (uint document = 0; document < 200; document++)
        {
            (string prefix, string middle, string suffix) = FillInMiddle.Cut(1, document, Text);
            foreach (string part in (string[])[prefix, middle, suffix])
                Assert.Equal(part, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(part)));
        }
    }

    /// <summary>Every pair of cuts occurs, and the chosen part of 100,000 documents is the rate within five standard errors.</summary>
    [Fact]
    public void Rule_N29_cuts_and_choice_are_uniform()
    {
        var seen = new Dictionary<(int, int), int>();
        for (int d = 0; d < 6000; d++)
        {
            (string prefix, string middle, _) = FillInMiddle.Cut(5, d, "abc");
            (int, int) cut = (prefix.Length, prefix.Length + middle.Length);
            seen[cut] = seen.GetValueOrDefault(cut) + 1;
        }

        // Two draws of four: equal ones have 1/16 each, unequal ones 1/8.
        Assert.Equal(10, seen.Count);
        foreach (((int a, int b), int count) in seen)
        {
            double p = a == b ? 1 / 16.0 : 1 / 8.0;
            Assert.Equal(6000 * p, count, 5 * Math.Sqrt(6000 * p * (1 - p)));
        }

        Assert.Equal(10_000, Enumerable.Range(0, 100_000).Count(d => FillInMiddle.Chosen(5, d, 0.1)), 5 * Math.Sqrt(9000));
        Assert.DoesNotContain(Enumerable.Range(0, 1000), d => FillInMiddle.Chosen(5, d, 0));
        Assert.DoesNotContain(Enumerable.Range(0, 1000), d => !FillInMiddle.Chosen(5, d, 1));
    }

    [Fact]
    public void A_document_has_the_order_of_the_report()
    {
        var options = new TrainingDataOptions { FimRate = 1, Seed = 2 };
        string shown = Bytes.Decode(TrainingData.Tokens("abcdefgh", 0, Bytes, options));
        (string prefix, string middle, string suffix) = FillInMiddle.Cut(2, 0, "abcdefgh");
        Assert.Equal($"<｜begin▁of▁sentence｜><｜fim▁begin｜>{prefix}<｜fim▁hole｜>{suffix}<｜fim▁end｜>{middle}<｜end▁of▁sentence｜>", shown);
        Assert.Equal("ab<｜end▁of▁sentence｜>", Bytes.Decode(TrainingData.Tokens("ab", 0, Bytes, options with { FimRate = 0, BeginOfSentence = false })));
    }

    [Fact]
    public void What_was_not_arranged_is_not_restored()
    {
        SpecialTokens s = Bytes.Special;
        foreach (int[] tokens in (int[][])[[], [s.FimBegin, s.FimEnd, s.FimHole], [10, s.FimBegin, s.FimHole, s.FimEnd], [s.FimBegin, s.FimHole]])
            Assert.False(FillInMiddle.TryRestore(tokens, s, out _));
    }
}
