using System.Globalization;
using System.Text;

namespace DeepSeek.Reference.Text;

/// <summary>Upper and lower case as Python has them: Unicode's full mappings, where .NET maps one character to one.</summary>
internal static class JinjaCasing
{
    /// <summary>Of Unicode's SpecialCasing, what holds in every language: a character, and what it becomes.</summary>
    private const string Longer =
        "\u00DFSS \u0149\u02BCN \u01F0J\u030C \u0390\u0399\u0308\u0301 \u03B0\u03A5\u0308\u0301 \u0587\u0535\u0552 \u1E96H\u0331 \u1E97T\u0308 \u1E98W\u030A " +
        "\u1E99Y\u030A \u1E9AA\u02BE \u1F50\u03A5\u0313 \u1F52\u03A5\u0313\u0300 \u1F54\u03A5\u0313\u0301 \u1F56\u03A5\u0313\u0342 \u1F80\u1F08\u0399 " +
        "\u1F81\u1F09\u0399 \u1F82\u1F0A\u0399 \u1F83\u1F0B\u0399 \u1F84\u1F0C\u0399 \u1F85\u1F0D\u0399 \u1F86\u1F0E\u0399 \u1F87\u1F0F\u0399 " +
        "\u1F88\u1F08\u0399 \u1F89\u1F09\u0399 \u1F8A\u1F0A\u0399 \u1F8B\u1F0B\u0399 \u1F8C\u1F0C\u0399 \u1F8D\u1F0D\u0399 \u1F8E\u1F0E\u0399 " +
        "\u1F8F\u1F0F\u0399 \u1F90\u1F28\u0399 \u1F91\u1F29\u0399 \u1F92\u1F2A\u0399 \u1F93\u1F2B\u0399 \u1F94\u1F2C\u0399 \u1F95\u1F2D\u0399 " +
        "\u1F96\u1F2E\u0399 \u1F97\u1F2F\u0399 \u1F98\u1F28\u0399 \u1F99\u1F29\u0399 \u1F9A\u1F2A\u0399 \u1F9B\u1F2B\u0399 \u1F9C\u1F2C\u0399 " +
        "\u1F9D\u1F2D\u0399 \u1F9E\u1F2E\u0399 \u1F9F\u1F2F\u0399 \u1FA0\u1F68\u0399 \u1FA1\u1F69\u0399 \u1FA2\u1F6A\u0399 \u1FA3\u1F6B\u0399 " +
        "\u1FA4\u1F6C\u0399 \u1FA5\u1F6D\u0399 \u1FA6\u1F6E\u0399 \u1FA7\u1F6F\u0399 \u1FA8\u1F68\u0399 \u1FA9\u1F69\u0399 \u1FAA\u1F6A\u0399 " +
        "\u1FAB\u1F6B\u0399 \u1FAC\u1F6C\u0399 \u1FAD\u1F6D\u0399 \u1FAE\u1F6E\u0399 \u1FAF\u1F6F\u0399 \u1FB2\u1FBA\u0399 \u1FB3\u0391\u0399 " +
        "\u1FB4\u0386\u0399 \u1FB6\u0391\u0342 \u1FB7\u0391\u0342\u0399 \u1FBC\u0391\u0399 \u1FC2\u1FCA\u0399 \u1FC3\u0397\u0399 \u1FC4\u0389\u0399 " +
        "\u1FC6\u0397\u0342 \u1FC7\u0397\u0342\u0399 \u1FCC\u0397\u0399 \u1FD2\u0399\u0308\u0300 \u1FD3\u0399\u0308\u0301 \u1FD6\u0399\u0342 " +
        "\u1FD7\u0399\u0308\u0342 \u1FE2\u03A5\u0308\u0300 \u1FE3\u03A5\u0308\u0301 \u1FE4\u03A1\u0313 \u1FE6\u03A5\u0342 \u1FE7\u03A5\u0308\u0342 " +
        "\u1FF2\u1FFA\u0399 \u1FF3\u03A9\u0399 \u1FF4\u038F\u0399 \u1FF6\u03A9\u0342 \u1FF7\u03A9\u0342\u0399 \u1FFC\u03A9\u0399 \uFB00FF \uFB01FI \uFB02FL " +
        "\uFB03FFI \uFB04FFL \uFB05ST \uFB06ST \uFB13\u0544\u0546 \uFB14\u0544\u0535 \uFB15\u0544\u053B \uFB16\u054E\u0546 \uFB17\u0544\u053D";

    private const char Sigma = '\u03A3', FinalSigma = '\u03C2';

    // .NET leaves U+0131, the i without its dot, as it is.
    private static readonly Dictionary<char, string> Uppers = Longer.Split(' ').Append("\u0131I").ToDictionary(entry => entry[0], entry => entry[1..]);

    /// <summary>A text in upper case.</summary>
    public static string Upper(string text)
    {
        var made = new StringBuilder();
        foreach (string c in JinjaText.Characters(text))
            made.Append(Uppers.TryGetValue(c[0], out string? upper) ? upper : c.ToUpperInvariant());
        return made.ToString();
    }

    /// <summary>A text in lower case; a sigma that ends a word has a form of its own.</summary>
    public static string Lower(string text)
    {
        var made = new StringBuilder();
        List<string> all = JinjaText.Characters(text);
        for (int i = 0; i < all.Count; i++)
        {
            made.Append(all[i][0] switch
            {
                Sigma when HasCase(all, i, -1) && !HasCase(all, i, 1) => FinalSigma.ToString(),
                '\u0130' => "i\u0307",
                _ => all[i].ToLowerInvariant(),
            });
        }

        return made.ToString();
    }

    /// <summary>Whether the next character on one side that is not ignored has a case.</summary>
    private static bool HasCase(List<string> all, int i, int step)
    {
        do
            i += step;
        while (i >= 0 && i < all.Count && IsIgnored(all[i]));
        return i >= 0 && i < all.Count && IsCased(all[i]);
    }

    private static bool IsIgnored(string c) => CharUnicodeInfo.GetUnicodeCategory(c, 0)
            is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol
        || "'.:\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A".Contains(c, StringComparison.Ordinal);

    private static bool IsCased(string c) => CharUnicodeInfo.GetUnicodeCategory(c, 0) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
        || (c.Length == 1 ? c[0] : char.ConvertToUtf32(c, 0)) is 0xAA or 0xBA or (>= 0x2160 and <= 0x217F) or (>= 0x24B6 and <= 0x24E9) or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189);
}
