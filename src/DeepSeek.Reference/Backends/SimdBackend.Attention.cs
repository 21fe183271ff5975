using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class SimdBackend
{
    /// <inheritdoc/>
    public void AbsorbQuery(Tensor q, Tensor kvB, Accumulation accumulation, Tensor y) => throw new ContractException("not offered yet");

    /// <inheritdoc/>
    public void AbsorbOutput(Tensor z, Tensor kvB, Accumulation accumulation, Tensor y) => throw new ContractException("not offered yet");

    /// <inheritdoc/>
    public void ExpandKeys(Tensor kv, Tensor kPe, Tensor keys, Tensor values) => throw new ContractException("not offered yet");

    /// <inheritdoc/>
    public void Attention(Tensor q, Tensor keys, Tensor? values, AttentionAttributes attributes, Tensor y, Tensor? logSumExp = null) => throw new ContractException("not offered yet");
}
