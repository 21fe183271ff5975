using System.Globalization;

namespace DeepSeek.Reference.Text;

/// <summary>A set of Unicode code points: what one place of a pattern matches.</summary>
/// <remarks>The basic plane is a table of bits; above it the parts are asked one by one. Categories are those of .NET's Unicode tables.</remarks>
internal sealed class CodePointSet
{
    private const int BasicPlane = 0x10000;

    private static readonly Lazy<byte[]> BasicCategories = new(() =>
    {
        var categories = new byte[BasicPlane];
        for (int c = 0; c < BasicPlane; c++)
            categories[c] = (byte)CharUnicodeInfo.GetUnicodeCategory(c);
        return categories;
    });

    private readonly ulong[] basic = new ulong[BasicPlane / 64];
    private readonly Part[] parts;
    private readonly bool negated;

    private CodePointSet(Part[] parts, bool negated)
    {
        this.parts = parts;
        this.negated = negated;
        if (!negated && Array.TrueForAll(parts, p => p is { Categories: 0, Negated: false }))
        {
            foreach (Part part in parts)
                Add(part);
            return;
        }

        byte[] categories = BasicCategories.Value;
        for (int c = 0; c < BasicPlane; c++)
        {
            if (Evaluate(c, categories[c]))
                basic[c >> 6] |= 1UL << c;
        }
    }

    /// <summary>A part that is a range or a whole set: most sets are of these, and a tokenizer has dozens.</summary>
    private void Add(Part part)
    {
        for (int i = 0; part.Set is not null && i < basic.Length; i++)
            basic[i] |= part.Set.basic[i];
        for (int c = part.First; part.Set is null && c <= part.Last && c < BasicPlane; c++)
            basic[c >> 6] |= 1UL << c;
    }

    /// <summary>The union of parts, or what lies outside it.</summary>
    public static CodePointSet Of(IEnumerable<Part> parts, bool negated = false) => new([.. parts], negated);

    /// <summary>What lies in any of several sets.</summary>
    public static CodePointSet Union(IEnumerable<CodePointSet> sets) => new([.. sets.Select(s => new Part { Set = s })], false);

    /// <summary>This set as a part of another.</summary>
    public Part AsPart() => new() { Set = this };

    /// <summary>Whether the set holds a code point.</summary>
    public bool Contains(int codePoint) => codePoint < BasicPlane
        ? (basic[codePoint >> 6] & (1UL << codePoint)) != 0
        : Evaluate(codePoint, (int)CharUnicodeInfo.GetUnicodeCategory(codePoint));

    /// <summary>The UTF-16 units of the code point at a place of well-formed text if the set holds it, else 0.</summary>
    public int Matches(ReadOnlySpan<char> text, int at)
    {
        char c = text[at];
        if (!char.IsHighSurrogate(c))
            return (basic[c >> 6] & (1UL << c)) != 0 ? 1 : 0;
        return Contains(char.ConvertToUtf32(c, text[at + 1])) ? 2 : 0;
    }

    private bool Evaluate(int codePoint, int category)
    {
        foreach (Part part in parts)
        {
            if (part.Holds(codePoint, category))
                return !negated;
        }

        return negated;
    }

    /// <summary>A range, a mask of general categories, or another set; each may be turned into what it leaves out.</summary>
    public readonly record struct Part
    {
        /// <summary>First code point of the range.</summary>
        public int First { get; init; }

        /// <summary>Last code point of the range; below <see cref="First"/> in a part without one.</summary>
        public int Last { get; init; }

        /// <summary>Bit c: <see cref="UnicodeCategory"/> c.</summary>
        public uint Categories { get; init; }

        /// <summary>Another set.</summary>
        public CodePointSet? Set { get; init; }

        /// <summary>Whether the part is what is outside.</summary>
        public bool Negated { get; init; }

        /// <summary>Code points from first to last.</summary>
        public static Part Range(int first, int last) => new() { First = first, Last = last };

        /// <summary>Code points of general categories.</summary>
        public static Part Of(uint categories, bool negated) => new() { Last = -1, Categories = categories, Negated = negated };

        /// <summary>Whether the part holds a code point of a category.</summary>
        public bool Holds(int codePoint, int category) => Negated != (Set is not null
            ? Set.Contains(codePoint)
            : (codePoint >= First && codePoint <= Last) || (Categories >> category & 1) != 0);
    }
}
