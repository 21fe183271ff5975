namespace DeepSeek.Reference.Text;

/// <summary>A token that is found in the text as it stands, before any splitting: a line of <c>added_tokens</c>.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text.</param>
public sealed record AddedToken(int Id, string Content)
{
    /// <summary>Left out when text is decoded without special tokens.</summary>
    public bool Special { get; init; }

    /// <summary>Found after the others, in what they leave of the text.</summary>
    public bool Normalized { get; init; }

    /// <summary>Takes the white space before it.</summary>
    public bool LeftStrip { get; init; }

    /// <summary>Takes the white space behind it.</summary>
    public bool RightStrip { get; init; }

    /// <summary>Not found within a word.</summary>
    public bool SingleWord { get; init; }
}
