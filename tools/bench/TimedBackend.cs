using System.Diagnostics;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Bench;

/// <summary>Another backend with the time that each operation took.</summary>
internal sealed class TimedBackend(IBackend inner) : IBackend
{
    private readonly Dictionary<Operation, (long Ticks, int Calls)> spent = [];

    public string Name => inner.Name;

    public IEnumerable<(Operation Operation, double Seconds, int Calls)> Spent =>
        spent.OrderByDescending(s => s.Value.Ticks).Select(s => (s.Key, s.Value.Ticks / (double)Stopwatch.Frequency, s.Value.Calls));

    public bool Supports(Operation operation, Accumulation accumulation) => inner.Supports(operation, accumulation);

    public void Clear() => spent.Clear();

    public void Embedding(Tensor weight, Tensor ids, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Embedding(weight, ids, y);
        Took(Operation.Embedding, start);
    }

    public void Cast(Tensor x, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Cast(x, y);
        Took(Operation.Cast, start);
    }

    public void Add(Tensor a, Tensor b, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Add(a, b, y);
        Took(Operation.Add, start);
    }

    public void RmsNorm(Tensor x, Tensor weight, float epsilon, RmsNormRounding rounding, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.RmsNorm(x, weight, epsilon, rounding, y);
        Took(Operation.RmsNorm, start);
    }

    public void Linear(Tensor x, Tensor weight, Accumulation accumulation, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Linear(x, weight, accumulation, y);
        Took(Operation.Linear, start);
    }

    public void GroupedLinear(Tensor x, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, Accumulation accumulation, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.GroupedLinear(x, offsets, weights, accumulation, y);
        Took(Operation.GroupedLinear, start);
    }

    public void Rope(Tensor x, Tensor positions, Tensor frequencies, RopeAttributes attributes, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Rope(x, positions, frequencies, attributes, y);
        Took(Operation.Rope, start);
    }

    public void AbsorbQuery(Tensor q, Tensor kvB, Accumulation accumulation, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.AbsorbQuery(q, kvB, accumulation, y);
        Took(Operation.AbsorbQuery, start);
    }

    public void AbsorbOutput(Tensor z, Tensor kvB, Accumulation accumulation, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.AbsorbOutput(z, kvB, accumulation, y);
        Took(Operation.AbsorbOutput, start);
    }

    public void ExpandKeys(Tensor kv, Tensor kPe, Tensor keys, Tensor values)
    {
        long start = Stopwatch.GetTimestamp();
        inner.ExpandKeys(kv, kPe, keys, values);
        Took(Operation.ExpandKeys, start);
    }

    public void Attention(Tensor q, Tensor keys, Tensor? values, AttentionAttributes attributes, Tensor y, Tensor? logSumExp = null)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Attention(q, keys, values, attributes, y, logSumExp);
        Took(Operation.Attention, start);
    }

    public void SwiGlu(Tensor gate, Tensor up, SwiGluRounding rounding, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.SwiGlu(gate, up, rounding, y);
        Took(Operation.SwiGlu, start);
    }

    public void Gate(Tensor logits, Tensor? bias, GateAttributes attributes, Tensor scores, Tensor indices, Tensor weights)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Gate(logits, bias, attributes, scores, indices, weights);
        Took(Operation.Gate, start);
    }

    public void Dispatch(Tensor x, ExpertPlan plan, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Dispatch(x, plan, y);
        Took(Operation.Dispatch, start);
    }

    public void Combine(Tensor outputs, ExpertPlan plan, Tensor weights, Tensor? shared, CombineRounding rounding, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Combine(outputs, plan, weights, shared, rounding, y);
        Took(Operation.Combine, start);
    }

    public void Softmax(Tensor x, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Softmax(x, y);
        Took(Operation.Softmax, start);
    }

    public void LogSoftmax(Tensor x, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.LogSoftmax(x, y);
        Took(Operation.LogSoftmax, start);
    }

    public void MtpInput(Tensor embedding, Tensor hidden, MtpConcat order, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.MtpInput(embedding, hidden, order, y);
        Took(Operation.MtpInput, start);
    }

    public void Quantize(Tensor x, QuantizeAttributes attributes, Tensor codes, Tensor scales)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Quantize(x, attributes, codes, scales);
        Took(Operation.Quantize, start);
    }

    public void Dequantize(Tensor codes, Tensor scales, QuantizationTile tile, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Dequantize(codes, scales, tile, y);
        Took(Operation.Dequantize, start);
    }

    public void ScaledLinear(
        Tensor x, Tensor xScale, Tensor weight, Tensor weightScale, ScaledProduct product, Tensor? c, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.ScaledLinear(x, xScale, weight, weightScale, product, c, y);
        Took(Operation.ScaledLinear, start);
    }

    public void GroupedScaledLinear(
        Tensor x, Tensor xScale, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.GroupedScaledLinear(x, xScale, offsets, weights, weightScales, product, y);
        Took(Operation.GroupedScaledLinear, start);
    }

    public void IndexedScaledLinear(
        Tensor x, Tensor xScale, Tensor groups, int alignment, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.IndexedScaledLinear(x, xScale, groups, alignment, weights, weightScales, product, y);
        Took(Operation.IndexedScaledLinear, start);
    }

    public void MaskedScaledLinear(
        Tensor x, Tensor xScale, Tensor counts, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.MaskedScaledLinear(x, xScale, counts, weights, weightScales, product, y);
        Took(Operation.MaskedScaledLinear, start);
    }

    private void Took(Operation operation, long start)
    {
        (long ticks, int calls) = spent.GetValueOrDefault(operation);
        spent[operation] = (ticks + Stopwatch.GetTimestamp() - start, calls + 1);
    }
}
