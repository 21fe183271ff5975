using DeepSeek.Reference.Tracing;

namespace DeepSeek.Reference.Model;

/// <summary>What a forward pass gives besides its logits.</summary>
public sealed record ForwardOptions
{
    /// <summary>Receives intermediates by name; null costs nothing.</summary>
    public ITensorTrace? Trace { get; init; }

    /// <summary>Logits for the last position of each sequence only.</summary>
    public bool LastLogitsOnly { get; init; }

    /// <summary>Also runs the MTP modules; their results reach the trace as <c>mtp.*</c>.</summary>
    public bool Mtp { get; init; }

    /// <summary>What errors call each sequence; null: its index.</summary>
    internal IReadOnlyList<int>? RowLabels { get; init; }

    internal static ForwardOptions Default { get; } = new();
}
