using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace DeepSeek.Reference.Text.Tests.Patterns;

/// <summary>Patterns find what Oniguruma finds; .NET's expressions are the second opinion wherever no character lies beyond U+FFFF.</summary>
public sealed class PatternTests
{
    private const string V3 = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+";
    private const string Cl100k = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    private const string Odd = @"a{2}b|(?:ab){1,3}c|(?=\d)[\d\p{L}]{2,}|[^\x41-\u0043\S]|x(?:y|z|)?|\P{Lu}q|[\]\-^]+|q.";

    public static Arbitrary<string> Texts() => Gen.OneOf(
        Gen.Elements("a", "b", "ab", "aabc", "S", "'s", "'LL", "x", "xy", "q", "A", "7", "42", " ", "  ", "\n", "\r", "\t", ".", "...", "-", "]", "^", "ß", "é", "語", "\u0301", "\u2028", "€", "ſ"),
        Gen.Choose(0, 0xD7FF).Select(c => ((char)c).ToString())).ListOf().Select(parts => string.Concat(parts)).ToArbitrary();

    [Property(Arbitrary = [typeof(PatternTests)], MaxTest = 500)]
    public void DeepSeeks_third_expression_matches_as_in_dotnet(string text) => Same(V3, text);

    [Property(Arbitrary = [typeof(PatternTests)], MaxTest = 500)]
    public void The_expressions_of_other_tokenizers_match_as_in_dotnet(string text)
    {
        Same(Gpt2, text);
        Same(Odd, text);
        if (!text.Contains('ſ') && !text.Contains('\u0130') && !text.Contains('\u212A'))
            Same(Cl100k, text);
    }

    [Theory]
    [InlineData(@"\p{L}+", "𠀋𝒜a🙂", "𠀋𝒜a")]
    [InlineData("[𠀀-𪛟]", "a𠀋", "𠀋")]
    [InlineData("[^a]", "𠀋", "𠀋")]
    [InlineData(".", "🙂", "🙂")]
    [InlineData(@"\p{So}", "🙂", "🙂")]
    [InlineData(@"\x{1F642}", "🙂", "🙂")]
    [InlineData(@"\p{L}*\p{Lu}", "𠀋𝒜a", "𠀋𝒜")]
    [InlineData(@"(?i:'s)", "it'ſ", "'ſ")]
    [InlineData(@"a++b|a", "aab", "aab")]
    [InlineData(@"a++a|b", "aab", "b")]
    [InlineData(@"\p{^L}", "a1", "1")]
    public void A_character_is_a_code_point(string expression, string text, string match) => Assert.Equal(match, Matches(expression, text)[0]);

    [Theory]
    [InlineData("a*", "match nothing")]
    [InlineData("a|", "match nothing")]
    [InlineData("^a", "anchor '^'")]
    [InlineData("a$", "anchor '$'")]
    [InlineData("a+?", "lazy")]
    [InlineData("(?<=a)b", "(?<")]
    [InlineData("(?m:a)", "(?m")]
    [InlineData("[a[b]]", "class within a class")]
    [InlineData("[a&&b]", "intersection")]
    [InlineData("[b-a]", "range")]
    [InlineData("[a", "'[' without")]
    [InlineData("(a", "'(' without")]
    [InlineData("a)", "')' without")]
    [InlineData(@"\p{Han}", @"\p{Han}")]
    [InlineData(@"\bword", @"escape \b")]
    [InlineData(@"\", "backslash at the end")]
    [InlineData("a{3,2}", "{n,m}")]
    [InlineData("(a*)*b", "can match nothing")]
    [InlineData("(ab)++", "possessive")]
    [InlineData("(?i:é)", "ASCII")]
    [InlineData("(((a{900}b){900}){900}){900}", "steps")]
    public void What_is_not_read_is_named(string expression, string part) =>
        Assert.Contains(part, Assert.Throws<DataException>(() => new Pattern(expression, "file: field")).Message, StringComparison.Ordinal);

    [Fact]
    public void An_expression_that_would_take_for_ever_is_refused()
    {
        var error = Assert.Throws<DataException>(() => Matches("(a+)+b", new string('a', 64)));
        Assert.Contains("file: field", error.Message, StringComparison.Ordinal);
    }

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<string, Pattern> Compiled = new();

    private static void Same(string expression, string text) =>
        Assert.Equal(Regex.Matches(text, expression, RegexOptions.CultureInvariant).Select(m => m.Value), Matches(expression, text));

    private static List<string> Matches(string expression, string text)
    {
        Pattern pattern = Compiled.GetOrAdd(expression, e => new Pattern(e, "file: field"));
        var state = new Backtracks(text.Length);
        var matches = new List<string>();
        for (int at = 0; pattern.Find(text, at, text.Length, state, out int start, out int end); at = end)
            matches.Add(text[start..end]);
        return matches;
    }
}
