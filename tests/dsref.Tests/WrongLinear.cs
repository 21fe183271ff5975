using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>A backend that is wrong on purpose: Linear with one bit of one element turned, a Cast that forgets to write, and nothing else.</summary>
internal sealed class WrongLinear(int row, int column) : IBackend
{
    private readonly ScalarBackend right = new();

    public string Name => "wrong";

    public bool Supports(Operation operation, Accumulation accumulation) => operation is Operation.Linear or Operation.Cast;

    public void Linear(Tensor x, Tensor weight, Accumulation accumulation, Tensor y)
    {
        right.Linear(x, weight, accumulation, y);
        ref float element = ref y.AsSpan<float>()[(row * (int)y.Shape[1]) + column];
        element = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(element) ^ 1);
    }

    public void Cast(Tensor x, Tensor y) { }

    public void Embedding(Tensor weight, Tensor ids, Tensor y) => throw Refused;

    public void Add(Tensor a, Tensor b, Tensor y) => throw Refused;

    public void RmsNorm(Tensor x, Tensor weight, float epsilon, RmsNormRounding rounding, Tensor y) => throw Refused;

    public void GroupedLinear(Tensor x, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, Accumulation accumulation, Tensor y) => throw Refused;

    public void Rope(Tensor x, Tensor positions, Tensor frequencies, RopeAttributes attributes, Tensor y) => throw Refused;

    public void AbsorbQuery(Tensor q, Tensor kvB, Accumulation accumulation, Tensor y) => throw Refused;

    public void AbsorbOutput(Tensor z, Tensor kvB, Accumulation accumulation, Tensor y) => throw Refused;

    public void ExpandKeys(Tensor kv, Tensor kPe, Tensor keys, Tensor values) => throw Refused;

    public void Attention(Tensor q, Tensor keys, Tensor? values, AttentionAttributes attributes, Tensor y, Tensor? logSumExp = null) => throw Refused;

    public void SwiGlu(Tensor gate, Tensor up, SwiGluRounding rounding, Tensor y) => throw Refused;

    public void Gate(Tensor logits, Tensor? bias, GateAttributes attributes, Tensor scores, Tensor indices, Tensor weights) => throw Refused;

    public void Dispatch(Tensor x, ExpertPlan plan, Tensor y) => throw Refused;

    public void Combine(Tensor outputs, ExpertPlan plan, Tensor weights, Tensor? shared, CombineRounding rounding, Tensor y) => throw Refused;

    public void Softmax(Tensor x, Tensor y) => throw Refused;

    public void LogSoftmax(Tensor x, Tensor y) => throw Refused;

    public void MtpInput(Tensor embedding, Tensor hidden, MtpConcat order, Tensor y) => throw Refused;

    public void Quantize(Tensor x, QuantizeAttributes attributes, Tensor codes, Tensor scales) => throw Refused;

    public void Dequantize(Tensor codes, Tensor scales, QuantizationTile tile, Tensor y) => throw Refused;

    public void ScaledLinear(
        Tensor x, Tensor xScale, Tensor weight, Tensor weightScale, ScaledProduct product, Tensor? c, Tensor y) =>
        throw Refused;

    public void GroupedScaledLinear(
        Tensor x, Tensor xScale, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y) =>
        throw Refused;

    public void IndexedScaledLinear(
        Tensor x, Tensor xScale, Tensor groups, int alignment, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y) =>
        throw Refused;

    public void MaskedScaledLinear(
        Tensor x, Tensor xScale, Tensor counts, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y) =>
        throw Refused;

    private static ContractException Refused => new("not offered");
}
