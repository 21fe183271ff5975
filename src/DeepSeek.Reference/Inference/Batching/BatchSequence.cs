namespace DeepSeek.Reference.Inference;

/// <summary>Where a sequence of <see cref="BatchGenerator"/> stands.</summary>
public enum BatchState
{
    /// <summary>It waits for room.</summary>
    Waiting,

    /// <summary>It takes part in passes.</summary>
    Running,

    /// <summary>It is complete.</summary>
    Finished,

    /// <summary>It was cancelled.</summary>
    Cancelled,

    /// <summary>It cannot go on; <see cref="BatchSequence.Error"/> says why. The others go on.</summary>
    Failed,
}

/// <summary>A sequence that a <see cref="BatchGenerator"/> continues.</summary>
public sealed class BatchSequence
{
    private volatile bool cancelled;

    internal BatchSequence(GenerationRow row)
    {
        Row = row;
        Drafts = row.Options.Drafts > 0 ? new DraftCounts(0, 0, 0) : null;
    }

    /// <summary>Its number, which callbacks are given as the row: 0, 1, ... in the order of adding.</summary>
    public int Id => Row.Index;

    /// <summary>The prompt's ids.</summary>
    public IReadOnlyList<int> Prompt => Row.Prompt;

    /// <summary>The new ids so far, without the one that ends a text.</summary>
    public IReadOnlyList<int> Ids => Row.Ids;

    /// <summary>Where it stands.</summary>
    public BatchState State { get; internal set; }

    /// <summary>Why it ended; null unless it is finished.</summary>
    public StopReason? Reason => State == BatchState.Finished ? Row.Reason ?? StopReason.MaxTokens : null;

    /// <summary>Why it failed.</summary>
    public string? Error { get; internal set; }

    /// <summary>Tokens that were not computed because an earlier sequence had left them.</summary>
    public int ReusedTokens { get; internal set; }

    /// <summary>How often it had to give its pages to an older sequence and begin its cache again.</summary>
    public int Preemptions { get; internal set; }

    /// <summary>What became of drafts; null where none were asked for.</summary>
    public DraftCounts? Drafts { get; internal set; }

    internal GenerationRow Row { get; }

    /// <summary>States [T, d] of its last tokens, which the MTP module has not followed yet; null before its prompt is taken, and without drafts.</summary>
    internal Tensor? States { get; set; }

    /// <summary>The drafts that the next pass judges.</summary>
    internal List<Draft> NextDrafts { get; } = [];

    /// <summary>The prefix index's node of the last page it knows, and the number of pages to it.</summary>
    internal PrefixNode? Node { get; set; }

    internal int IndexedPages { get; set; }

    internal bool IsCancelled => cancelled;

    internal bool HasEnded => State is BatchState.Finished or BatchState.Cancelled or BatchState.Failed;

    /// <summary>Ends it before the next pass. From any thread.</summary>
    public void Cancel() => cancelled = true;
}
