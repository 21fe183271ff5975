using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class SimdBackend
{
    /// <inheritdoc/>
    public void Gate(Tensor logits, Tensor? bias, GateAttributes attributes, Tensor scores, Tensor indices, Tensor weights) => throw new ContractException("not offered yet");

    /// <inheritdoc/>
    public void Dispatch(Tensor x, ExpertPlan plan, Tensor y) => throw new ContractException("not offered yet");

    /// <inheritdoc/>
    public void Combine(Tensor outputs, ExpertPlan plan, Tensor weights, Tensor? shared, CombineRounding rounding, Tensor y) => throw new ContractException("not offered yet");
}
