using System.Text;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Text.Tests.Training;

/// <summary>A tokenizer.json as training takes it.</summary>
public sealed class TrainingTokenizerTests
{
    private static readonly byte[] Json = TokenizerTrainer.Train(["the cat and the hat", "語 語 語"], 300, leastCount: 1);

    private static readonly TrainingTokenizer Tokenizer = TrainingTokenizer.Parse(Json);

    /// <summary>Without merges it is the library's own byte vocabulary, but for the order of the bytes.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("the cat\r\n  語 \u0000 é")]
    [InlineData("half \ud800 a pair")]
    public void Ids_stand_for_the_bytes_of_the_text(string text)
    {
        DeepSeekTokenizer plain = DeepSeekTokenizer.Parse(Json);
        int[] ids = Tokenizer.Encode(text);
        Assert.Equal(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)), plain.Decode(ids));
        Assert.Equal(plain.Encode(text), ids);
        Assert.Equal(new ByteVocabulary().Encode(text).Length, TrainingTokenizer.Parse(TokenizerTrainer.Bytes()).Encode(text).Length);
    }

    [Theory]
    [InlineData(DeepSeekTokens.BeginOfSentence)]
    [InlineData("a" + DeepSeekTokens.EndOfSentence + "b")]
    [InlineData(DeepSeekTokens.FimHole + DeepSeekTokens.User)]
    public void Text_that_spells_a_special_token_is_text(string text)
    {
        SpecialTokens special = Tokenizer.Special;
        int[] ids = Tokenizer.Encode(text);
        Assert.DoesNotContain(ids, id => id == special.BeginOfSentence || id == special.EndOfSentence || id == special.FimHole || id == special.FimBegin);
        Assert.Equal(text, DeepSeekTokenizer.Parse(Json).Decode(ids));
        Assert.Contains(DeepSeekTokenizer.Parse(Json).Encode(text), id => id == special.BeginOfSentence || id == special.EndOfSentence || id == special.FimHole);
    }

    [Fact]
    public void Special_tokens_are_those_of_the_file()
    {
        Assert.Equal(new SpecialTokens(0, 1, 2, Tokenizer.VocabularySize - 5, Tokenizer.VocabularySize - 4, Tokenizer.VocabularySize - 3), Tokenizer.Special);
        Assert.Equal(DeepSeekTokenizer.Parse(Json).IdLimit, Tokenizer.VocabularySize);
    }

    [Fact]
    public void It_is_written_as_it_was_read()
    {
        using var stream = new MemoryStream();
        Tokenizer.Write(stream);
        Assert.Equal(Json, stream.ToArray());
    }

    [Fact]
    public void A_file_without_a_special_token_is_refused()
    {
        byte[] other = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(Json).Replace(DeepSeekTokens.FimEnd, "<fim_end>", StringComparison.Ordinal));
        string message = Assert.Throws<DataException>(() => TrainingTokenizer.Parse(other, "other.json")).Message;
        Assert.Contains("other.json", message, StringComparison.Ordinal);
        Assert.Contains(DeepSeekTokens.FimEnd, message, StringComparison.Ordinal);
    }
}
