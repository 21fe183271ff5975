using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class ScalarBackend
{
    /// <inheritdoc/>
    public void Gate(Tensor logits, Tensor? bias, GateAttributes attributes, Tensor scores, Tensor indices, Tensor weights)
    {
        (_, int E, int K) = OperandChecks.Gate(logits, bias, attributes, scores, indices, weights);
        float[] s = new float[scores.ElementCount];
        float[] w = new float[weights.ElementCount];
        ReadOnlySpan<float> b = bias is null ? default : bias.AsReadOnlySpan<float>();
        Ops.Gate.Define(Operands.Widen(logits), b, E, K, attributes, s, indices.AsSpan<int>(), w);
        Operands.Store(s, scores);
        Operands.Store(w, weights);
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
