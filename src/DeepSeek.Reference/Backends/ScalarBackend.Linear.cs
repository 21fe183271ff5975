using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class ScalarBackend
{
    /// <inheritdoc/>
    public void Linear(Tensor x, Tensor weight, Accumulation accumulation, Tensor y) => throw new ContractException("not offered yet");

    /// <inheritdoc/>
    public void GroupedLinear(Tensor x, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, Accumulation accumulation, Tensor y) => throw new ContractException("not offered yet");
}
