using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class ScalarBackend
{
    /// <inheritdoc/>
    public void Gate(Tensor logits, Tensor? bias, GateAttributes attributes, Tensor scores, Tensor indices, Tensor weights)
    {
        (int T, int E, int K) = OperandChecks.Gate(logits, bias, attributes, scores, indices, weights);
        InBlocks(T, E, (start, count) =>
        {
            int n = Math.Max(1, E);
            int first = (int)(start / n), rows = count / n;
            float[] s = new float[count];
            float[] w = new float[rows * K];
            ReadOnlySpan<float> b = bias is null ? default : bias.AsReadOnlySpan<float>();
            Ops.Gate.DefineRows(Operands.Widen(logits, start, count), b, E, K, attributes, s, indices.AsSpan<int>().Slice(first * K, rows * K), w, first);
            Operands.Store(s, scores, start);
            Operands.Store(w, weights, (long)first * K);
        });
    }

    /// <inheritdoc/>
    public void Dispatch(Tensor x, ExpertPlan plan, Tensor y)
    {
        int d = OperandChecks.Dispatch(x, plan, y);
        float[] result = new float[y.ElementCount];
        Ops.Dispatch.Define(Operands.Widen(x), d, plan, result);
        Operands.Store(result, y);
    }

    /// <inheritdoc/>
    public void Combine(Tensor outputs, ExpertPlan plan, Tensor weights, Tensor? shared, CombineRounding rounding, Tensor y)
    {
        int d = OperandChecks.Combine(outputs, plan, weights, shared, rounding, y);
        float[] result = new float[y.ElementCount];
        ReadOnlySpan<float> z = shared is null ? default : Operands.Widen(shared);
        Ops.Combine.Define(Operands.Widen(outputs), d, plan, Operands.Widen(weights), z, rounding, result);
        Operands.Store(result, y);
    }
}
