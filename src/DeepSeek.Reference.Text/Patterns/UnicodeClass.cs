using static System.Globalization.UnicodeCategory;

namespace DeepSeek.Reference.Text;

/// <summary>The named classes of patterns: \s, \d, \w and \p{...} by general category.</summary>
internal static class UnicodeClass
{
    /// <summary>White_Space.</summary>
    public static CodePointSet Space { get; } = CodePointSet.Of(
    [
        CodePointSet.Part.Range(0x09, 0x0D), CodePointSet.Part.Range(0x20, 0x20), CodePointSet.Part.Range(0x85, 0x85), CodePointSet.Part.Of(Named("Z"), false),
    ]);

    /// <summary>Nd.</summary>
    public static CodePointSet Digit { get; } = CodePointSet.Of([CodePointSet.Part.Of(Named("Nd"), false)]);

    /// <summary>N: what the Digits pre-tokenizer calls a digit.</summary>
    public static CodePointSet Number { get; } = CodePointSet.Of([CodePointSet.Part.Of(Named("N"), false)]);

    /// <summary>ASCII punctuation, of category P or S, and P beyond ASCII: what the Punctuation pre-tokenizer means.</summary>
    public static CodePointSet Punctuation { get; } = CodePointSet.Of(
    [
        CodePointSet.Part.Range('!', '/'), CodePointSet.Part.Range(':', '@'), CodePointSet.Part.Range('[', '`'), CodePointSet.Part.Range('{', '~'), CodePointSet.Part.Of(Named("P"), false),
    ]);

    /// <summary>Alphabetic (letters, letter numbers, circled and squared Latin letters), M, Nd, Pc and the joiners.</summary>
    public static CodePointSet Word { get; } = CodePointSet.Of(
    [
        CodePointSet.Part.Of(Named("L") | Named("M") | Named("Nd") | Named("Nl") | Named("Pc"), false),
        CodePointSet.Part.Range(0x200C, 0x200D), CodePointSet.Part.Range(0x24B6, 0x24E9),
        CodePointSet.Part.Range(0x1F130, 0x1F149), CodePointSet.Part.Range(0x1F150, 0x1F169), CodePointSet.Part.Range(0x1F170, 0x1F189),
    ]);

    /// <summary>The mask of a general category or of a group of them, 0 where the name is none.</summary>
    public static uint Named(string name) => name switch
    {
        "L" => Named("Lu") | Named("Ll") | Named("Lt") | Named("Lm") | Named("Lo"),
        "LC" => Named("Lu") | Named("Ll") | Named("Lt"),
        "M" => Named("Mn") | Named("Mc") | Named("Me"),
        "N" => Named("Nd") | Named("Nl") | Named("No"),
        "P" => Named("Pc") | Named("Pd") | Named("Ps") | Named("Pe") | Named("Pi") | Named("Pf") | Named("Po"),
        "S" => Named("Sm") | Named("Sc") | Named("Sk") | Named("So"),
        "Z" => Named("Zs") | Named("Zl") | Named("Zp"),
        "C" => Named("Cc") | Named("Cf") | Named("Cs") | Named("Co") | Named("Cn"),
        "Lu" => 1u << (int)UppercaseLetter,
        "Ll" => 1u << (int)LowercaseLetter,
        "Lt" => 1u << (int)TitlecaseLetter,
        "Lm" => 1u << (int)ModifierLetter,
        "Lo" => 1u << (int)OtherLetter,
        "Mn" => 1u << (int)NonSpacingMark,
        "Mc" => 1u << (int)SpacingCombiningMark,
        "Me" => 1u << (int)EnclosingMark,
        "Nd" => 1u << (int)DecimalDigitNumber,
        "Nl" => 1u << (int)LetterNumber,
        "No" => 1u << (int)OtherNumber,
        "Pc" => 1u << (int)ConnectorPunctuation,
        "Pd" => 1u << (int)DashPunctuation,
        "Ps" => 1u << (int)OpenPunctuation,
        "Pe" => 1u << (int)ClosePunctuation,
        "Pi" => 1u << (int)InitialQuotePunctuation,
        "Pf" => 1u << (int)FinalQuotePunctuation,
        "Po" => 1u << (int)OtherPunctuation,
        "Sm" => 1u << (int)MathSymbol,
        "Sc" => 1u << (int)CurrencySymbol,
        "Sk" => 1u << (int)ModifierSymbol,
        "So" => 1u << (int)OtherSymbol,
        "Zs" => 1u << (int)SpaceSeparator,
        "Zl" => 1u << (int)LineSeparator,
        "Zp" => 1u << (int)ParagraphSeparator,
        "Cc" => 1u << (int)Control,
        "Cf" => 1u << (int)Format,
        "Cs" => 1u << (int)Surrogate,
        "Co" => 1u << (int)PrivateUse,
        "Cn" => 1u << (int)OtherNotAssigned,
        _ => 0,
    };
}
