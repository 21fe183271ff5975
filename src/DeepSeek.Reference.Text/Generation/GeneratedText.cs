using DeepSeek.Reference.Inference;

namespace DeepSeek.Reference.Text;

/// <summary>What a prompt was continued with.</summary>
/// <param name="Text">The new text, without special tokens and without a stop text and what follows it.</param>
/// <param name="PromptTokens">Ids of the prompt.</param>
/// <param name="Ids">The new ids, without the one that ended the text; those of a stop text are among them.</param>
/// <param name="Reason">Why it ended.</param>
/// <param name="Stop">The stop text that ended it, or null.</param>
public sealed record GeneratedText(string Text, int PromptTokens, IReadOnlyList<int> Ids, StopReason Reason, string? Stop)
{
    /// <summary>What became of drafts; null where none were asked for.</summary>
    public DraftCounts? Drafts { get; init; }
}
