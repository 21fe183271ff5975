namespace DeepSeek.Reference.Text;

/// <summary>The names of DeepSeek-V3's tokens that mean something, and the expressions of its pre-tokenizer.</summary>
public static class DeepSeekTokens
{
    /// <summary>Begins a text.</summary>
    public const string BeginOfSentence = "<｜begin▁of▁sentence｜>";

    /// <summary>Ends a text, and an answer.</summary>
    public const string EndOfSentence = "<｜end▁of▁sentence｜>";

    /// <summary>Fills up a batch.</summary>
    public const string Pad = "<｜▁pad▁｜>";

    /// <summary>Where the missing middle lies.</summary>
    public const string FimHole = "<｜fim▁hole｜>";

    /// <summary>Before the prefix of a text whose middle is missing.</summary>
    public const string FimBegin = "<｜fim▁begin｜>";

    /// <summary>Behind the suffix; the middle follows.</summary>
    public const string FimEnd = "<｜fim▁end｜>";

    /// <summary>Begins what a user says.</summary>
    public const string User = "<｜User｜>";

    /// <summary>Begins an answer.</summary>
    public const string Assistant = "<｜Assistant｜>";

    /// <summary>Digits by three; CJK and kana; words, punctuation and white space.</summary>
    internal static IReadOnlyList<string> Splits { get; } =
    [
        "\\p{N}{1,3}",
        "[一-龥\u3040-ゟ゠-ヿ]+",
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
    ];
}
