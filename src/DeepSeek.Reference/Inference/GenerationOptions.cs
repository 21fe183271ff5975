namespace DeepSeek.Reference.Inference;

/// <summary>How <see cref="Generator"/> continues a prompt.</summary>
public sealed record GenerationOptions
{
    /// <summary>New tokens of each row, at most.</summary>
    public int MaxTokens { get; init; } = 128;

    /// <summary>0: the most probable token. Above: tokens are drawn from softmax(logits / temperature).</summary>
    public float Temperature { get; init; }

    /// <summary>Key of the random numbers. The draw of a token depends on the seed, its position and the logits alone: never on the batch.</summary>
    public ulong Seed { get; init; }

    /// <summary>Whether to go on after the token that ends a text.</summary>
    public bool IgnoreEos { get; init; }

    /// <summary>Tokens of a prompt that one pass takes; 0 takes all. Changes memory and speed, never a bit.</summary>
    public int PrefillChunk { get; init; }

    /// <summary>Called after each pass over a part of a prompt: row, ids of it that the model has taken.</summary>
    public Action<int, int>? OnPrefill { get; init; }

    /// <summary>Called for each new token as it is chosen: row, step, id. The token that ends a text is not reported.</summary>
    public Action<int, int, int>? OnToken { get; init; }

    /// <summary>Called before each choice with the logits it is made from: row, step, [1, V]. The tensor is reused after the call.</summary>
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
}

/// <summary>What one row was continued with.</summary>
/// <param name="Ids">The new ids, without the one that ends a text.</param>
/// <param name="Reason">Why it ended.</param>
public sealed record GeneratedSequence(IReadOnlyList<int> Ids, StopReason Reason);
