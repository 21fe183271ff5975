namespace DeepSeek.Reference.Inference;

/// <summary>What became of drafts.</summary>
/// <param name="Drafted">Tokens drafted and judged.</param>
/// <param name="Accepted">Of these, taken.</param>
/// <param name="Passes">Passes of the model after the prompt's.</param>
public sealed record DraftCounts(long Drafted, long Accepted, long Passes)
{
    /// <summary>The share of judged drafts that was taken; 0 where there were none.</summary>
    public double Rate => Drafted == 0 ? 0 : (double)Accepted / Drafted;
}
