using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class SimdBackend
{
    /// <inheritdoc/>
    public void Embedding(Tensor weight, Tensor ids, Tensor y) => throw new ContractException("not offered yet");

    /// <inheritdoc/>
    public void Cast(Tensor x, Tensor y) => throw new ContractException("not offered yet");

    /// <inheritdoc/>
    public void Add(Tensor a, Tensor b, Tensor y) => throw new ContractException("not offered yet");

    /// <inheritdoc/>
    public void RmsNorm(Tensor x, Tensor weight, float epsilon, RmsNormRounding rounding, Tensor y) => throw new ContractException("not offered yet");

    /// <inheritdoc/>
    public void Rope(Tensor x, Tensor positions, Tensor frequencies, RopeAttributes attributes, Tensor y) => throw new ContractException("not offered yet");

    /// <inheritdoc/>
    public void SwiGlu(Tensor gate, Tensor up, SwiGluRounding rounding, Tensor y) => throw new ContractException("not offered yet");

    /// <inheritdoc/>
    public void Softmax(Tensor x, Tensor y) => throw new ContractException("not offered yet");

    /// <inheritdoc/>
    public void LogSoftmax(Tensor x, Tensor y) => throw new ContractException("not offered yet");

    /// <inheritdoc/>
    public void MtpInput(Tensor embedding, Tensor hidden, MtpConcat order, Tensor y) => throw new ContractException("not offered yet");
}
