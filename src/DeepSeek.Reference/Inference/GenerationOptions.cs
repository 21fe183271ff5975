namespace DeepSeek.Reference.Inference;

/// <summary>How <see cref="Generator"/> continues a prompt.</summary>
public sealed record GenerationOptions
{
    /// <summary>New tokens of each row, at most.</summary>
    public int MaxTokens { get; init; } = 128;

    /// <summary>0: the most probable token. Above: tokens are drawn from softmax(logits / temperature).</summary>
    public float Temperature { get; init; }

    /// <summary>Tokens that take part in a draw: the most probable ones; 0 takes all.</summary>
    public int TopK { get; init; }

    /// <summary>Share of the probability that takes part in a draw, the most probable tokens first; 1 takes all.</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Tokens less probable than this share of the most probable one's take no part; 0 takes all.</summary>
    public float MinP { get; init; }

    /// <summary>Divides positive logits, and multiplies others, of ids that the prompt or the new text has; 1 changes nothing.</summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>Taken from the logit of an id for each time it came in the new text.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Taken from the logit of an id that came in the new text.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Added to the logits of ids; -Infinity rules one out.</summary>
    public IReadOnlyDictionary<int, float>? LogitBias { get; init; }

    /// <summary>Key of the random numbers. The draw of a token depends on the seed, its position and the logits alone: never on the batch.</summary>
    public ulong Seed { get; init; }

    /// <summary>Whether to go on after the token that ends a text.</summary>
    public bool IgnoreEos { get; init; }

    /// <summary>Tokens of a prompt that one pass takes; 0 takes all. Changes memory and speed, never a bit.</summary>
    public int PrefillChunk { get; init; }

    /// <summary>Tokens that the MTP module drafts ahead of each pass, which then judges them all at once; 0 drafts none. The model needs an MTP module.</summary>
    public int Drafts { get; init; }

    /// <summary>Which drafts are taken. Greedy ids are those without drafts under either.</summary>
    public DraftAcceptance Acceptance { get; init; }

    /// <summary>Called after each pass over a part of a prompt: row, ids of it that the model has taken.</summary>
    public Action<int, int>? OnPrefill { get; init; }

    /// <summary>Called for each new token as it is chosen: row, step, id. The token that ends a text is not reported.</summary>
    public Action<int, int, int>? OnToken { get; init; }

    /// <summary>Asked after each new token: row, step, id. True ends the row, and the token is its last.</summary>
    public Func<int, int, int, bool>? StopAfter { get; init; }

    /// <summary>Called before each choice with the logits that the model gave: row, step, [1, V]. The tensor is reused after the call.</summary>
    public Action<int, int, Tensor>? OnLogits { get; init; }
}

/// <summary>Why a row ended.</summary>
public enum StopReason
{
    /// <summary>As many tokens as were asked for.</summary>
    MaxTokens,

    /// <summary>The token that ends a text was chosen.</summary>
    EndOfText,

    /// <summary>The model has no further position.</summary>
    MaxPositions,

    /// <summary><see cref="GenerationOptions.StopAfter"/> said so.</summary>
    Stopped,
}

/// <summary>What one row was continued with.</summary>
/// <param name="Ids">The new ids, without the one that ends a text.</param>
/// <param name="Reason">Why it ended.</param>
public sealed record GeneratedSequence(IReadOnlyList<int> Ids, StopReason Reason)
{
    /// <summary>What became of drafts; null where none were asked for.</summary>
    public DraftCounts? Drafts { get; init; }
}
