namespace DeepSeek.Reference.Inference;

/// <summary>What <see cref="BatchGenerator"/> may take of the machine. Nothing here changes a bit of a result.</summary>
public sealed record BatchOptions
{
    /// <summary>Memory of all latent caches together, at most; a quarter of a GiB by default.</summary>
    public long CacheBytes { get; init; } = 1L << 28;

    /// <summary>Tokens of one pass, at most: one of each sequence that decodes, or its drafts and one more; the rest of prompts.</summary>
    public int TokensPerStep { get; init; } = 256;

    /// <summary>Sequences that run at a time, at most.</summary>
    public int MaxRunning { get; init; } = 64;

    /// <summary>Sequences that wait, at most; more are refused.</summary>
    public int MaxWaiting { get; init; } = 4096;

    /// <summary>Whether full pages of earlier sequences are kept while there is room, for prompts that begin alike.</summary>
    public bool ReusePrefixes { get; init; } = true;

    /// <summary>Whether sequences may ask for drafts: pages then have room for the MTP module's layer too.</summary>
    public bool Drafts { get; init; }
}
