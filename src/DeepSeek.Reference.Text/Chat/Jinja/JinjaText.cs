using System.Numerics;
using System.Text;

namespace DeepSeek.Reference.Text;

/// <summary>Strings as templates see them: Python's, of code points; half a surrogate pair is one character.</summary>
internal static class JinjaText
{
    /// <summary>The characters of a text.</summary>
    public static List<string> Characters(string text)
    {
        var all = new List<string>(text.Length);
        for (int i = 0; i < text.Length; i += all[^1].Length)
            all.Add(text.Substring(i, char.IsSurrogatePair(text, i) ? 2 : 1));
        return all;
    }

    /// <summary>How many characters a text has.</summary>
    public static int Length(string text)
    {
        int pairs = 0;
        for (int i = 1; i < text.Length; i++)
            pairs += char.IsSurrogatePair(text[i - 1], text[i]) ? 1 : 0;
        return text.Length - pairs;
    }

    /// <summary>The order of two texts: that of their first different code points.</summary>
    public static int Order(string a, string b)
    {
        int same = a.AsSpan().CommonPrefixLength(b);
        if (same == a.Length || same == b.Length)
            return a.Length.CompareTo(b.Length);

        // A difference inside of two pairs is one of their code points too.
        return CodePoint(a, same).CompareTo(CodePoint(b, same));
    }

    /// <summary>The text without white space, or without these characters, at its ends.</summary>
    public static string Strip(string text, string? characters, bool begin, bool end)
    {
        List<string> all = Characters(text);
        HashSet<string>? outer = characters is null ? null : [.. Characters(characters)];
        int first = 0, last = all.Count;
        while (begin && first < last && Goes(all[first]))
            first++;
        while (end && last > first && Goes(all[last - 1]))
            last--;
        return string.Concat(all[first..last]);

        bool Goes(string c) => outer?.Contains(c) ?? IsBlank(c[0]);
    }

    /// <summary>The text with one part in another's place, from the left, at most so often; below 0 everywhere.</summary>
    public static string Replace(string text, string part, string by, BigInteger most)
    {
        if (most < 0)
            most = int.MaxValue;
        var made = new StringBuilder();
        int at = 0;
        if (part.Length == 0)
        {
            // Before each character and behind the last.
            foreach (string c in Characters(text).TakeWhile(_ => most > 0))
            {
                made.Append(by).Append(c);
                at += c.Length;
                most--;
            }

            return made.Append(text, at, text.Length - at).Append(most > 0 ? by : "").ToString();
        }

        for (int found; most > 0 && (found = text.IndexOf(part, at, StringComparison.Ordinal)) >= 0; most--)
        {
            made.Append(text, at, found - at).Append(by);
            at = found + part.Length;
        }

        return made.Append(text, at, text.Length - at).ToString();
    }

    /// <summary>The parts between a separator, of which at most so many count; below 0 all.</summary>
    public static IEnumerable<string> Split(string text, string separator, BigInteger most) =>
        text.Split(separator, most < 0 || most >= int.MaxValue ? int.MaxValue : (int)most + 1);

    /// <summary>The parts between white space.</summary>
    public static IEnumerable<string> Words(string text)
    {
        int start = 0;
        for (int i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && !IsBlank(text[i]))
                continue;
            if (i > start)
                yield return text[start..i];
            start = i + 1;
        }
    }

    /// <summary>Whether Python takes a character for white space: the separators U+001C to U+001F too.</summary>
    public static bool IsBlank(char c) => char.IsWhiteSpace(c) || c is >= '\u001C' and <= '\u001F';

    private static int CodePoint(string text, int i)
    {
        if (char.IsLowSurrogate(text[i]) && i > 0 && char.IsHighSurrogate(text[i - 1]))
            i--;
        return char.IsSurrogatePair(text, i) ? char.ConvertToUtf32(text, i) : text[i];
    }
}
