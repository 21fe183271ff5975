namespace DeepSeek.Reference.Tracing;

/// <summary>Receives named intermediate tensors of a forward pass. A null trace costs nothing.</summary>
/// <remarks>Names are stable and listed in docs/spec/probes.md. The tensor is reused after the call: keep a <see cref="Tensor.Clone"/>.</remarks>
public interface ITensorTrace
{
    /// <summary>Whether <see cref="Probe"/> would do something with this name; lets a model skip work for probes nobody wants.</summary>
    bool Wants(string name);

    /// <summary>An intermediate tensor and its name, for example <c>layers.3.self_attn.q_nope</c>.</summary>
    void Probe(string name, Tensor tensor);
}
