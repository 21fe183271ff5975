namespace DeepSeek.Reference.Inference;

/// <summary>Which drafts are taken, and what a token is where one is not (docs/spec/generation.md 6).</summary>
public enum DraftAcceptance
{
    /// <summary>With probability min(1, p/q), else a draw from the rest of p: ids have the distribution of plain draws, and no rule takes more drafts.</summary>
    Rejection,

    /// <summary>Where the plain draw of that position gives the draft, which was drawn with the same random words: ids are those without drafts, one for one.</summary>
    SameDraw,
}
