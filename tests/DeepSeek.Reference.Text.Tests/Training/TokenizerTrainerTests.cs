using System.IO.Compression;
using System.Text;
using System.Text.Json;
using DeepSeek.Reference.Tests;
using FsCheck.Xunit;

namespace DeepSeek.Reference.Text.Tests.Training;

/// <summary>Training: the rule against itself said plainly, its ties, its file.</summary>
public sealed class TokenizerTrainerTests
{
    [Property(MaxTest = 100)]
    public void Merges_are_those_of_the_plain_rule(byte[] choices, byte room)
    {
        string text = string.Concat(choices.SelectMany(b => new[] { "ab", "aab", "c", "ca", " a" }[b % 5]));
        string[] merges = Merges(TokenizerTrainer.Train([text], TokenizerTrainer.LeastVocabulary + (room % 12)));
        Assert.Equal(Plain(text, room % 12), merges);
    }

    [Fact]
    public void Among_equal_counts_the_lower_ids_come_first() =>
        Assert.Equal(["a b", "c d", "ab cd"], Merges(TokenizerTrainer.Train(["abcd", "abcd"], 267)));

    [Fact]
    public void The_order_of_texts_changes_nothing()
    {
        string[] texts = ["the cat", "a hat", "that", "語 語", "12 123 1234"];
        Assert.Equal(TokenizerTrainer.Train(texts, 300, leastCount: 1), TokenizerTrainer.Train(texts.Reverse(), 300, leastCount: 1));
    }

    [Fact]
    public void The_vocabulary_is_as_large_as_asked_for_or_as_the_texts_allow()
    {
        string text = string.Concat(Enumerable.Range(0, 500).Select(i => $" word{i} and some"));
        Assert.Equal(300, DeepSeekTokenizer.Parse(TokenizerTrainer.Train([text], 300)).IdLimit);
        Assert.Equal(TokenizerTrainer.LeastVocabulary, DeepSeekTokenizer.Parse(TokenizerTrainer.Train(["abc"], 300)).IdLimit);
        Assert.Equal(TokenizerTrainer.Bytes(), TokenizerTrainer.Train([], 5000));
    }

    [Fact]
    public void A_run_merges_from_the_left()
    {
        byte[] json = TokenizerTrainer.Train(["aaaa", "aaaa", "aaa", "aaa"], 267);
        Assert.Equal(["a a", "aa a", "aa aa"], Merges(json));
        Assert.Equal(267, DeepSeekTokenizer.Parse(json).IdLimit);
    }

    [Fact]
    public void Every_byte_and_special_token_has_its_id()
    {
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Parse(TokenizerTrainer.Bytes());
        string[] special = [DeepSeekTokens.BeginOfSentence, DeepSeekTokens.EndOfSentence, DeepSeekTokens.Pad, DeepSeekTokens.FimHole, DeepSeekTokens.FimBegin, DeepSeekTokens.FimEnd, DeepSeekTokens.User, DeepSeekTokens.Assistant];
        Assert.Equal([0, 1, 2, 259, 260, 261, 262, 263], special.Select(t => tokenizer.IdOf(t)!.Value));
        Assert.Equal([3, 4, 35], tokenizer.Encode("!\"A").Select(id => id));
        Assert.Equal([0, 263, 3, 1], tokenizer.Encode("<｜begin▁of▁sentence｜><｜Assistant｜>!<｜end▁of▁sentence｜>"));
        string every = new([.. Enumerable.Range(0, 0x3000).Select(c => (char)c)]);
        Assert.Equal(every, tokenizer.Decode(tokenizer.Encode(every)));
        Assert.Equal(Encoding.UTF8.GetByteCount(every), tokenizer.Encode(every).Length);
    }

    [Fact]
    public void The_pre_tokenizer_is_DeepSeeks()
    {
        using var file = new BrotliStream(File.OpenRead(Golden.Path("tokenizer", "tokenizer.json.br")), CompressionMode.Decompress);
        using JsonDocument published = JsonDocument.Parse(file), made = JsonDocument.Parse(TokenizerTrainer.Bytes());
        foreach (string field in (string[])["pre_tokenizer", "post_processor", "decoder"])
            Assert.True(JsonElement.DeepEquals(published.RootElement.GetProperty(field), made.RootElement.GetProperty(field)), field);
    }

    [Theory]
    [InlineData(263, 2)]
    [InlineData(300, 0)]
    public void What_cannot_be_is_refused(int size, int least) => Assert.Throws<ContractException>(() => TokenizerTrainer.Train(["a"], size, least));

    private static string[] Merges(byte[] json) => [.. JsonDocument.Parse(json).RootElement.GetProperty("model").GetProperty("merges").EnumerateArray().Select(m => m.GetString()!)];

    /// <summary>Words by spaces and letters, as the pre-tokenizer cuts such a text; then count, choose, replace.</summary>
    private static List<string> Plain(string text, int room)
    {
        List<List<string>> pieces = [.. System.Text.RegularExpressions.Regex.Matches(text, " ?[a-c]+").Select(m => m.Value.Select(c => c == ' ' ? "Ġ" : c.ToString()).ToList())];
        List<string> order = ["a", "b", "c", "Ġ"];
        var merges = new List<string>();
        int made = 0;
        while (made < room)
        {
            var best = pieces.SelectMany(p => p.Zip(p.Skip(1))).GroupBy(p => p).Where(g => g.Count() >= 2)
                .OrderByDescending(g => g.Count()).ThenBy(g => order.IndexOf(g.Key.First)).ThenBy(g => order.IndexOf(g.Key.Second)).FirstOrDefault();
            if (best is null)
                break;
            (string left, string right) = best.Key;
            merges.Add($"{left} {right}");
            order.Add(left + right);
            made++;

            foreach (List<string> piece in pieces)
            {
                for (int i = 0; i + 1 < piece.Count; i++)
                {
                    if (piece[i] == left && piece[i + 1] == right)
                    {
                        piece[i] += right;
                        piece.RemoveAt(i + 1);
                    }
                }
            }
        }

        return merges;
    }
}
