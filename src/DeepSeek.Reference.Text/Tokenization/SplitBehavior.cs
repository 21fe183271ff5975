namespace DeepSeek.Reference.Text;

/// <summary>What a split does with its matches; names are those of tokenizer.json.</summary>
internal enum SplitBehavior
{
    /// <summary>A piece each.</summary>
    Isolated,

    /// <summary>Left out.</summary>
    Removed,

    /// <summary>Joined to the piece before.</summary>
    MergedWithPrevious,

    /// <summary>Joined to the piece behind.</summary>
    MergedWithNext,

    /// <summary>Neighbouring matches are one piece.</summary>
    Contiguous,
}
