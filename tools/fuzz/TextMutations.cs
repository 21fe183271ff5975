using System.Text;

namespace DeepSeek.Reference.Fuzz;

/// <summary>Changes to text of JSON, Python's literals, tables and case strings: tokens replaced, members doubled, dropped and exchanged, nests opened.</summary>
/// <remarks>Text is taken as Latin-1, a byte a character, so that what is no UTF-8 passes through.</remarks>
internal static class TextMutations
{
    private static readonly string[] Numbers =
    [
        "0", "1", "-1", "2", "3", "16", "127", "128", "129", "255", "256", "4096", "65535", "65536", "16777216", "16777217", "2147483647", "2147483648", "4294967295", "4294967296",
        "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "1e9", "1e308", "1e400", "-0", "0.5", "1.5", "-0.0", "1E-400", "00", "0x7fffffff", "NaN", "Infinity",
        "123456789012345678901234567890123456789012345678901234567890",
    ];

    private static readonly string[] Words =
    [
        "\"\"", "null", "true", "false", "[]", "{}", "[[]]", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u0000\"", "\"\\n\"", "\"..\"", "\"/etc/passwd\"", "\"..\\\\x\"", "\"C:x\"", "\"a/../b\"",
        "\"F32\"", "\"BF16\"", "\"F8_E4M3\"", "\"F4\"", "\"I64\"", "\"BOOL\"", "\"C64\"", "'<f4'", "'>c8'", "'|V2'", "'<f16'", "(1,)", "()", "(", "True", "False", "\"__metadata__\"",
        ",", ":", "[", "]", "{", "}", "\"", "'", "\\", "\n", "\r\n", "\0", "\xEF\xBB\xBF", "\xFF", "\xC3", "\xF0\x9F\x98\x80", "=", "-", ".", " ", "\t", "\u000b",
    ];

    private static readonly string[] Nests = ["[", "{\"a\":", "(", "[[", "{\"a\":["];

    /// <summary>One change; <paramref name="words"/> are the target's own.</summary>
    public static byte[] Apply(byte[] from, byte[] other, IReadOnlyList<string> words, Randomness random)
    {
        if (from.Length == 0 || random.Percent(20))
            return ByteMutations.Apply(from, other, random);
        string text = Encoding.Latin1.GetString(from);
        (int start, int end) = Token(text, random.Below(text.Length));
        (int first, int last) = Part(text, random.Below(text.Length));
        string changed = random.Below(9) switch
        {
            0 => Replace(text, start, end, random.Pick(Numbers)),
            1 => Replace(text, start, end, random.Pick(Words)),
            2 => words.Count == 0 ? Replace(text, start, end, random.Pick(Words)) : Replace(text, start, end, random.Pick(words)),
            3 => Replace(text, start, start, random.Percent(50) ? random.Pick(Words) : random.Pick(Numbers)),
            4 => Replace(text, first, last, ""),
            5 => Replace(text, first, first, text[first..last] + ","),
            6 => Exchange(text, (first, last), Part(text, random.Below(text.Length))),
            7 => Replace(text, start, random.Percent(50) ? start : end, string.Concat(Enumerable.Repeat(random.Pick(Nests), 1 << random.Below(11)))),
            _ => Digits(text, start, end, random),
        };
        return ByteMutations.Cut(Encoding.Latin1.GetBytes(changed));
    }

    private static string Replace(string text, int start, int end, string by) => string.Concat(text.AsSpan(0, start), by, text.AsSpan(end));

    /// <summary>The run of letters and digits, or the quoted text, or the one sign at a place.</summary>
    private static (int Start, int End) Token(string text, int at)
    {
        if (!IsWord(text[at]))
            return (at, at + 1);
        int start = at, end = at + 1;
        while (start > 0 && IsWord(text[start - 1]))
            start--;
        while (end < text.Length && IsWord(text[end]))
            end++;
        return start > 0 && end < text.Length && text[start - 1] is '"' or '\'' && text[end] == text[start - 1] ? (start - 1, end + 1) : (start, end);
    }

    private static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-' or '+';

    /// <summary>From one comma or bracket to the next: a member, an element, a cell, an argument, a line.</summary>
    private static (int Start, int End) Part(string text, int at)
    {
        int start = at, end = at;
        while (start > 0 && text[start - 1] is not (',' or '{' or '[' or '(' or '\n'))
            start--;
        while (end < text.Length && text[end] is not (',' or '}' or ']' or ')' or '\n'))
            end++;
        return (start, Math.Max(start, end));
    }

    private static string Exchange(string text, (int Start, int End) a, (int Start, int End) b)
    {
        if (b.Start < a.Start)
            (a, b) = (b, a);
        return a.End > b.Start ? text : string.Concat(text[..a.Start], text[b.Start..b.End], text[a.End..b.Start], text[a.Start..a.End] + text[b.End..]);
    }

    /// <summary>A number moved by a little: what lengths and offsets must not survive.</summary>
    private static string Digits(string text, int start, int end, Randomness random) =>
        long.TryParse(text.AsSpan(start, end - start), out long number)
            ? Replace(text, start, end, unchecked(random.Below(4) switch { 0 => number + 1, 1 => number - 1, 2 => number * 2, _ => number ^ (1L << random.Below(63)) }).ToString(System.Globalization.CultureInfo.InvariantCulture))
            : Replace(text, start, end, text[start..end] + text[start..end]);
}
