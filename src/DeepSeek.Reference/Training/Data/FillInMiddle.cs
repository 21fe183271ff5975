using System.Diagnostics.CodeAnalysis;
using System.Text;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Training;

/// <summary>Fill-in-the-middle, prefix-suffix-middle, of whole documents before packing.</summary>
/// <remarks>
/// <code>
/// w_0 ... w_3 = block d of the stream "data.fim"                     d the document's number; N14
/// chosen      = w_0 &lt; ⌊rate · 2^32⌋
/// cuts        = ⌊w_1 (n + 1) / 2^32⌋ and ⌊w_2 (n + 1) / 2^32⌋, the smaller first; n characters (Unicode scalars)
/// tokens      = fim_begin prefix fim_hole suffix fim_end middle
/// </code>
/// A pure function of seed and document number. DeepSeek-V3 report 4.1: rate 0.1, this order; where documents are cut is not published: two uniform cuts.
/// </remarks>
public static class FillInMiddle
{
    private const string Stream = "data.fim";

    /// <summary>Whether a document is rearranged.</summary>
    public static bool Chosen(ulong seed, long document, double rate) => Words(seed, document).W0 < (ulong)(rate * 4294967296.0);

    /// <summary>The three parts of a document, in the order of the text.</summary>
    public static (string Prefix, string Middle, string Suffix) Cut(ulong seed, long document, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        (_, uint w1, uint w2, _) = Words(seed, document);
        var starts = new List<int>(text.Length + 1);
        int at = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            starts.Add(at);
            // Half a surrogate pair reads as U+FFFD, which has the one unit that it stands for.
            at += rune.Utf16SequenceLength;
        }

        starts.Add(text.Length);
        int a = starts[(int)((ulong)w1 * (uint)starts.Count >> 32)], b = starts[(int)((ulong)w2 * (uint)starts.Count >> 32)];
        (a, b) = (Math.Min(a, b), Math.Max(a, b));
        return (text[..a], text[a..b], text[b..]);
    }

    /// <summary>The parts' tokens in the order prefix, suffix, middle.</summary>
    public static int[] Arrange(ReadOnlySpan<int> prefix, ReadOnlySpan<int> middle, ReadOnlySpan<int> suffix, SpecialTokens special) =>
        [special.FimBegin, .. prefix, special.FimHole, .. suffix, special.FimEnd, .. middle];

    /// <summary>The document's tokens again, from what <see cref="Arrange"/> made; false where it made nothing of the kind.</summary>
    public static bool TryRestore(ReadOnlySpan<int> arranged, SpecialTokens special, [NotNullWhen(true)] out int[]? tokens)
    {
        tokens = null;
        int hole = arranged.IndexOf(special.FimHole), end = arranged.IndexOf(special.FimEnd);
        if (arranged.Length < 3 || arranged[0] != special.FimBegin || hole < 0 || end < hole)
            return false;
        tokens = [.. arranged[1..hole], .. arranged[(end + 1)..], .. arranged[(hole + 1)..end]];
        return true;
    }

    private static (uint W0, uint W1, uint W2, uint W3) Words(ulong seed, long document) => new RandomStream(seed, Stream).Block((ulong)document);
}
