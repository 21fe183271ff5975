using DeepSeek.Reference.Tracing;

namespace DeepSeek.Reference.Tool;

/// <summary>Passes probes on, reports progress by them, and lets Ctrl-C end a forward pass at the next one.</summary>
internal sealed class InterruptibleTrace(ITensorTrace inner, Progress progress) : ITensorTrace
{
    /// <summary>Positions done, of how many.</summary>
    public (int Done, int Total) Positions { get; set; }

    /// <inheritdoc/>
    public bool Wants(string name)
    {
        progress.Report($"run, {name}, position", Positions.Done, Positions.Total);
        return inner.Wants(name);
    }

    /// <inheritdoc/>
    public void Probe(string name, Tensor tensor) => inner.Probe(name, tensor);
}
