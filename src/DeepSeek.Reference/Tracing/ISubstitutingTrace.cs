namespace DeepSeek.Reference.Tracing;

/// <summary>A trace that may write into the tensors it is shown: the pass goes on with what it wrote (docs/how-to/bisect-a-model.md).</summary>
/// <remarks>
/// Most probes show the buffer that the next operation reads. Of those that show a copy, the pass copies q_nope, q_pe and expert_out back; k_nope and v of naive
/// attention come after their use, and what is written there is lost.
/// </remarks>
internal interface ISubstitutingTrace : ITensorTrace;
