using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary>A backend whose every method comes to one place as an <see cref="OperationCall"/>: for backends that time, record, change or spoil calls of another.</summary>
internal abstract class CallBackend : IBackend
{
    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public virtual bool Supports(Operation operation, Accumulation accumulation) => true;

    /// <summary>What every method does.</summary>
    protected abstract void Invoke(OperationCall call);

    /// <summary>What a method does, of a call that is made already: those of backward operations, whose result has an operand of its own beside what it is added to.</summary>
    internal void Make(OperationCall call) => Invoke(call);

    public void Embedding(Tensor weight, Tensor ids, Tensor y) => Invoke(new EmbeddingCall(weight, ids, y));

    public void Cast(Tensor x, Tensor y) => Invoke(new CastCall(x, y));

    public void Add(Tensor a, Tensor b, Tensor y) => Invoke(new AddCall(a, b, y));

    public void RmsNorm(Tensor x, Tensor weight, float epsilon, RmsNormRounding rounding, Tensor y) => Invoke(new RmsNormCall(x, weight, epsilon, rounding, y));

    public void Linear(Tensor x, Tensor weight, Accumulation accumulation, Tensor y) => Invoke(new LinearCall(x, weight, accumulation, y));

    public void GroupedLinear(Tensor x, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, Accumulation accumulation, Tensor y) =>
        Invoke(new GroupedLinearCall(x, offsets.ToArray(), weights, accumulation, y));

    public void Rope(Tensor x, Tensor positions, Tensor frequencies, RopeAttributes attributes, Tensor y) => Invoke(new RopeCall(x, positions, frequencies, attributes, y));

    public void AbsorbQuery(Tensor q, Tensor kvB, Accumulation accumulation, Tensor y) => Invoke(new AbsorbQueryCall(q, kvB, accumulation, y));

    public void AbsorbOutput(Tensor z, Tensor kvB, Accumulation accumulation, Tensor y) => Invoke(new AbsorbOutputCall(z, kvB, accumulation, y));

    public void ExpandKeys(Tensor kv, Tensor kPe, Tensor keys, Tensor values) => Invoke(new ExpandKeysCall(kv, kPe, keys, values));

    public void Attention(Tensor q, Tensor keys, Tensor? values, AttentionAttributes attributes, Tensor y, Tensor? logSumExp = null) =>
        Invoke(new AttentionCall(q, keys, values, attributes, y, logSumExp));

    public void SwiGlu(Tensor gate, Tensor up, SwiGluRounding rounding, Tensor y) => Invoke(new SwiGluCall(gate, up, rounding, y));

    public void Gate(Tensor logits, Tensor? bias, GateAttributes attributes, Tensor scores, Tensor indices, Tensor weights) =>
        Invoke(new GateCall(logits, bias, attributes, scores, indices, weights));

    public void Dispatch(Tensor x, ExpertPlan plan, Tensor y) => Invoke(new DispatchCall(x, plan, y));

    public void Combine(Tensor outputs, ExpertPlan plan, Tensor weights, Tensor? shared, CombineRounding rounding, Tensor y) =>
        Invoke(new CombineCall(outputs, plan, weights, shared, rounding, y));

    public void Softmax(Tensor x, Tensor y) => Invoke(new SoftmaxCall(x, y));

    public void LogSoftmax(Tensor x, Tensor y) => Invoke(new LogSoftmaxCall(x, y));

    public void MtpInput(Tensor embedding, Tensor hidden, MtpConcat order, Tensor y) => Invoke(new MtpInputCall(embedding, hidden, order, y));

    public void Quantize(Tensor x, QuantizeAttributes attributes, Tensor codes, Tensor scales) => Invoke(new QuantizeCall(x, attributes, codes, scales));

    public void Dequantize(Tensor codes, Tensor scales, QuantizationTile tile, Tensor y) => Invoke(new DequantizeCall(codes, scales, tile, y));

    public void ScaledLinear(Tensor x, Tensor xScale, Tensor weight, Tensor weightScale, ScaledProduct product, Tensor? c, Tensor y) =>
        Invoke(new ScaledLinearCall(x, xScale, weight, weightScale, product, c, y));

    public void GroupedScaledLinear(
        Tensor x, Tensor xScale, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y) =>
        Invoke(new GroupedScaledLinearCall(x, xScale, offsets.ToArray(), weights, weightScales, product, y));

    public void IndexedScaledLinear(
        Tensor x, Tensor xScale, Tensor groups, int alignment, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y) =>
        Invoke(new IndexedScaledLinearCall(x, xScale, groups, alignment, weights, weightScales, product, y));

    public void MaskedScaledLinear(
        Tensor x, Tensor xScale, Tensor counts, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y) =>
        Invoke(new MaskedScaledLinearCall(x, xScale, counts, weights, weightScales, product, y));
}
