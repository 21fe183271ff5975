using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Microsoft.ML.Tokenizers;

namespace DeepSeek.Reference.Text.Tests.Tokenization;

/// <summary>What holds for every text.</summary>
public sealed class TokenizerLawTests
{
    /// <summary>Units of every kind: ASCII, spaces, letters, CJK, surrogates in and out of pairs, what begins an added token.</summary>
    private static readonly Gen<string> Texts = Gen.OneOf(
        Gen.Elements("a", "Z", "7", " ", "  ", "\n", "\r\n", "\t", "\u00A0", ".", "'s", "<", "｜", "<｜User｜>", "<|EOT|>", "é", "e\u0301", "ก", "語", "カ", "한", "🙂", "𠀋", "𝒜", "\uD83D", "\uDE42", "\0", "\uFFFD"),
        Gen.Choose(0, 0xFFFF).Select(c => ((char)c).ToString()),
        Gen.Choose(0x10000, 0x10FFFF).Select(char.ConvertFromUtf32)).ListOf().Select(parts => string.Concat(parts));

    public static Arbitrary<string> Any() => Texts.ToArbitrary();

    [Property(Arbitrary = [typeof(TokenizerLawTests)], MaxTest = 2000)]
    public void Decoding_gives_the_text_back_with_lone_surrogates_replaced(string text) =>
        Assert.Equal(Replaced(text), Rows.Tokenizer.Decode(Rows.Tokenizer.Encode(text)));

    [Property(Arbitrary = [typeof(TokenizerLawTests)], MaxTest = 500)]
    public void A_stream_of_ids_gives_whole_characters_and_the_same_text(string text)
    {
        int[] ids = Rows.Tokenizer.Encode(text);
        TokenStream stream = Rows.Tokenizer.Stream();
        string[] parts = [.. ids.Select(stream.Append), stream.Finish()];
        Assert.Equal(Replaced(text), string.Concat(parts));
        Assert.All(parts, part => Assert.Equal(part, Replaced(part)));
        if (!Replaced(text).Contains('\uFFFD'))
            Assert.DoesNotContain(parts, part => part.Contains('\uFFFD'));
    }

    [Property(MaxTest = 500)]
    public void A_stream_of_any_ids_gives_what_decoding_them_together_gives(int[] ids)
    {
        int[] some = [.. ids.Select(id => Math.Abs(id % 128815)), .. ids.Select(id => Math.Abs(id % 260))];
        TokenStream stream = Rows.Tokenizer.Stream();
        Assert.Equal(Rows.Tokenizer.Decode(some), string.Concat(some.Select(stream.Append)) + stream.Finish());
    }

    [Property(Arbitrary = [typeof(TokenizerLawTests)], MaxTest = 300)]
    public void The_interface_of_the_platform_gives_the_same_ids_and_where_they_stand(string text)
    {
        Tokenizer tokenizer = Rows.Tokenizer;
        int[] ids = Rows.Tokenizer.Encode(text);
        Assert.Equal(ids, tokenizer.EncodeToIds(text));
        Assert.Equal(ids.Length, tokenizer.CountTokens(text));
        IReadOnlyList<EncodedToken> tokens = tokenizer.EncodeToTokens(text, out _);
        Assert.Equal(ids, tokens.Select(t => t.Id));
        int end = 0;
        foreach (EncodedToken token in tokens)
        {
            Assert.InRange(token.Offset.Start.Value, 0, end);
            Assert.InRange(token.Offset.End.Value, end, text.Length);
            end = token.Offset.End.Value;
        }

        Assert.Equal(text.Length, end);
        Assert.Equal(Replaced(text), tokenizer.Decode(ids));
    }

    [Theory]
    [InlineData("a")]
    [InlineData(" ")]
    [InlineData("\n")]
    [InlineData("語")]
    [InlineData("ö")]
    [InlineData("𠀋")]
    [InlineData("7")]
    [InlineData("!")]
    [InlineData(" \n")]
    [InlineData("ab")]
    [InlineData("<")]
    [InlineData("<｜")]
    [InlineData("\uD83D")]
    public void A_megabyte_of_one_thing_is_encoded_and_comes_back(string unit)
    {
        string text = new StringBuilder().Insert(0, unit, (1 << 20) / Encoding.UTF8.GetByteCount(unit)).ToString();
        Assert.Equal(Replaced(text), Rows.Tokenizer.Decode(Rows.Tokenizer.Encode(text)));
    }

    [Theory]
    [InlineData("x", " ", "y")]
    [InlineData("\n", " ", "\n")]
    [InlineData("", "\r", "a")]
    public void A_megabyte_between_two_things_too(string before, string unit, string behind)
    {
        string text = before + new string(unit[0], 1 << 20) + behind;
        Assert.Equal(text, Rows.Tokenizer.Decode(Rows.Tokenizer.Encode(text)));
    }

    private static string Replaced(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
