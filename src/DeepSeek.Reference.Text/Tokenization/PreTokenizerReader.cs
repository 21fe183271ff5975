namespace DeepSeek.Reference.Text;

/// <summary>Reads <c>pre_tokenizer</c> into the stages that cut a text.</summary>
internal static class PreTokenizerReader
{
    private const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>The stages, and whether the pieces become bytes at the end.</summary>
    public static (IReadOnlyList<SplitStage> Stages, bool ByteLevel) Read(TokenizerField field)
    {
        var stages = new List<SplitStage>();
        bool byteLevel = false;
        if (!field.IsNull)
            Append(field, stages, ref byteLevel);
        return (stages, byteLevel);
    }

    private static void Append(TokenizerField field, List<SplitStage> stages, ref bool byteLevel)
    {
        TokenizerField type = field.Required("type");
        if (byteLevel)
            throw type.Refuse("nothing comes behind ByteLevel, whose pieces are no longer text");
        switch (type.Text())
        {
            case "Sequence":
                field.Allow("type", "pretokenizers");
                foreach (TokenizerField inner in field.Required("pretokenizers").Items())
                    Append(inner, stages, ref byteLevel);
                break;
            case "Split":
                stages.Add(Split(field));
                break;
            case "Digits":
                field.Allow("type", "individual_digits");
                stages.Add(SplitStage.At(UnicodeClass.Number, field.Flag("individual_digits", false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous));
                break;
            case "Punctuation":
                field.Allow("type", "behavior");
                stages.Add(SplitStage.At(UnicodeClass.Punctuation, field.Optional("behavior") is { } behavior ? Behavior(behavior) : SplitBehavior.Isolated));
                break;
            case "ByteLevel":
                field.Allow("type", "add_prefix_space", "trim_offsets", "use_regex");
                if (field.Flag("add_prefix_space", true))
                    stages.Add(SplitStage.PrefixSpace());
                if (field.Flag("use_regex", true))
                    stages.Add(SplitStage.At(new Pattern(Gpt2, field.Path), SplitBehavior.Isolated));
                byteLevel = true;
                break;
            default:
                throw type.Refuse("Sequence, Split, Digits, Punctuation and ByteLevel are known");
        }
    }

    private static SplitStage Split(TokenizerField field)
    {
        field.Allow("type", "pattern", "behavior", "invert");
        SplitBehavior behavior = Behavior(field.Required("behavior"));
        bool invert = field.Flag("invert", false);
        TokenizerField pattern = field.Required("pattern");
        pattern.Allow("Regex", "String");
        if (pattern.Optional("Regex") is { } regex)
            return SplitStage.At(new Pattern(regex.Text(), $"{regex.Source}: {regex.Path}"), behavior, invert);
        string literal = pattern.Required("String").Text();
        return literal.Length > 0 ? SplitStage.At(literal, behavior, invert) : throw pattern.Refuse("the literal is empty");
    }

    private static SplitBehavior Behavior(TokenizerField field) => field.Text() switch
    {
        nameof(SplitBehavior.Isolated) => SplitBehavior.Isolated,
        nameof(SplitBehavior.Removed) => SplitBehavior.Removed,
        nameof(SplitBehavior.MergedWithPrevious) => SplitBehavior.MergedWithPrevious,
        nameof(SplitBehavior.MergedWithNext) => SplitBehavior.MergedWithNext,
        nameof(SplitBehavior.Contiguous) => SplitBehavior.Contiguous,
        _ => throw field.Refuse("Isolated, Removed, MergedWithPrevious, MergedWithNext and Contiguous are known"),
    };
}
