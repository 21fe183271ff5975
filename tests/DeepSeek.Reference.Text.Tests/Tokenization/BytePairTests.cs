using FsCheck.Xunit;

namespace DeepSeek.Reference.Text.Tests.Tokenization;

/// <summary>Byte-pair encoding against the rule said plainly: merge the pair of the lowest rank, the leftmost first, until none is left.</summary>
public sealed class BytePairTests
{
    private static readonly string[] Tokens = ["a", "b", "c", "aa", "ab", "aab", "ca", "aaaa", "bc", "abab"];
    private static readonly (string Left, string Right)[] Merges = [("a", "a"), ("a", "b"), ("a", "ab"), ("aa", "aa"), ("c", "a"), ("ab", "ab"), ("b", "c")];

    [Property(MaxTest = 2000)]
    public void A_short_piece_is_merged_by_the_rule(byte[] choices) => Same([.. choices.Take(90)]);

    [Property(MaxTest = 100)]
    public void A_long_piece_is_merged_by_the_rule(byte[] choices) => Same([.. Enumerable.Repeat(choices, 20).SelectMany(c => c), .. Enumerable.Repeat((byte)0, 97)]);

    [Fact]
    public void A_token_that_merges_do_not_reach_is_taken_whole_only_where_merges_are_ignored()
    {
        Assert.Equal([Id("ab"), Id("ca")], Encode("abca", ignore: false));
        Assert.Equal([Id("aab")], Encode("aab", ignore: true));
        Assert.Equal([Id("aa"), Id("b")], Encode("aab", ignore: false));
    }

    [Fact]
    public void A_byte_without_a_token_is_named()
    {
        var error = Assert.Throws<DataException>(() => Encode("ax", ignore: false));
        Assert.Contains("0x78", error.Message, StringComparison.Ordinal);
    }

    private static void Same(byte[] choices)
    {
        string text = string.Concat(choices.Select(b => "aabc"[b % 4]));
        if (text.Length > 0)
            Assert.Equal(Plain(text).Select(Id), Encode(text, ignore: false));
    }

    private static List<string> Plain(string text)
    {
        List<string> parts = [.. text.Select(c => c.ToString())];
        foreach (int _ in Enumerable.Range(0, text.Length))
        {
            int rank = Array.FindIndex(Merges, m => parts.Zip(parts.Skip(1)).Any(p => p == m));
            if (rank < 0)
                break;
            int at = Enumerable.Range(0, parts.Count - 1).First(i => (parts[i], parts[i + 1]) == Merges[rank]);
            parts[at] += parts[at + 1];
            parts.RemoveAt(at + 1);
        }

        return parts;
    }

    private static int Id(string token) => Array.IndexOf(Tokens, token);

    private static int[] Encode(string text, bool ignore)
    {
        var bytes = new List<byte>();
        var places = new List<(int, int, int)>();
        foreach (string token in Tokens)
        {
            places.Add((bytes.Count, token.Length, Id(token)));
            bytes.AddRange(token.Select(c => (byte)c));
        }

        var pairs = new BytePairs(new Vocabulary([.. bytes], places), new MergeTable([.. Merges.Select(m => (Id(m.Left), Id(m.Right), Id(m.Left + m.Right)))]), ignore, "test");
        var ids = new IdBuffer(0);
        pairs.Encode(text.Select(c => (byte)c).ToArray(), ids);
        return ids.ToArray();
    }
}
