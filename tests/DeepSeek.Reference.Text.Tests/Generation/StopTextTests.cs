using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace DeepSeek.Reference.Text.Tests.Generation;

/// <summary>Where a text ends is a function of the text and its stop texts, however it comes in parts.</summary>
public sealed class StopTextTests
{
    /// <summary>A text in parts, and what ends it.</summary>
    public sealed record Streamed(string[] Parts, string[] Stops)
    {
        public override string ToString() => $"{string.Join('|', Parts)} until {string.Join('|', Stops)}";
    }

    public static Arbitrary<Streamed> Texts()
    {
        Gen<string> letters(int least, int most) => from length in Gen.Choose(least, most) from all in Gen.Elements('a', 'b').ArrayOf(length) select new string(all);
        return (from parts in letters(0, 4).ListOf() from count in Gen.Choose(1, 3) from stops in letters(1, 5).ArrayOf(count) select new Streamed([.. parts], stops)).ToArbitrary();
    }

    [Property(Arbitrary = [typeof(StopTextTests)], MaxTest = 5000)]
    public void A_text_ends_where_it_does_in_one_part_and_no_more_is_held_back_than_must_be(Streamed streamed)
    {
        string whole = string.Concat(streamed.Parts);
        (int length, string? stop) = End(whole, streamed.Stops);
        var until = new StopText(streamed.Stops);
        string come = "", shown = "";
        foreach (string part in streamed.Parts)
        {
            come += part;
            shown += until.Append(part);
            string sure = End(come, streamed.Stops) is (var ends, not null) ? come[..ends] : come[..^Undecided(come, streamed.Stops)];
            Assert.Equal(sure, shown);
        }

        Assert.Equal((whole[..length], stop), (shown + until.Finish(), until.Found));
    }

    [Theory]
    [InlineData(" and| H|ouse", " ", " and", "an")]
    [InlineData(" and| H|ouse", "", " an", "an", "n")]
    [InlineData(" and| H|ouse", " ", " and H", "and")]
    [InlineData("xabcd", "xa", "abcde", "bc")]
    [InlineData("xabc", "x", "bc", "abc")]
    [InlineData("aab|ab", "a", "abb", "abab", "bb")]
    public void The_stop_text_that_is_complete_first_ends_it_and_of_those_the_longest(string parts, string shown, params string[] stops)
    {
        foreach (string[] split in new[] { parts.Split('|'), [parts.Replace("|", "", StringComparison.Ordinal)], [.. parts.Replace("|", "", StringComparison.Ordinal).Select(c => c.ToString())] })
        {
            var until = new StopText(stops);
            Assert.Equal(shown, string.Concat(split.Select(until.Append)) + until.Finish());
        }
    }

    [Theory]
    [InlineData("stop text 1 is null", "a", null)]
    [InlineData("stop text 0 is empty", "")]
    public void A_stop_text_that_is_none_is_refused_by_its_place(string says, params string?[] stops) =>
        Assert.Contains(says, Assert.Throws<ContractException>(() => new StopText(stops!)).Message, StringComparison.Ordinal);

    [Fact]
    public void Half_a_surrogate_pair_is_no_text_to_stop_at() =>
        Assert.Contains("stop text 1 holds half a surrogate pair", Assert.Throws<ContractException>(() => new StopText(["𝄞", "𝄞"[..1]])).Message, StringComparison.Ordinal);

    private static (int Length, string? Stop) End(string text, string[] stops)
    {
        for (int end = 1; end <= text.Length; end++)
        {
            if (stops.Where(s => text.AsSpan(0, end).EndsWith(s)).MaxBy(s => s.Length) is { } stop)
                return (end - stop.Length, stop);
        }

        return (text.Length, null);
    }

    private static int Undecided(string text, string[] stops) =>
        Enumerable.Range(0, text.Length + 1).Last(length => length == 0 || Array.Exists(stops, s => s.Length > length && s.StartsWith(text[^length..], StringComparison.Ordinal)));
}
