using System.Runtime.CompilerServices;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Bench;

/// <summary>A training step's operations, forward and backward, with the time that each took.</summary>
internal sealed class TimedTraining(SimdBackend inner) : TimedBackend(inner), IBackwardBackend
{
    private readonly SimdBackend inner = inner;

    /// <summary>Called when the head's gradient begins: all that the backward needs is held then.</summary>
    public Action? AtHead { get; set; }

    public void EmbeddingBackward(Tensor dy, Tensor ids, Tensor dWeight) => Time(() => inner.EmbeddingBackward(dy, ids, dWeight));

    public void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, float epsilon, Tensor dx, Tensor dWeight) => Time(() => inner.RmsNormBackward(dy, x, weight, epsilon, dx, dWeight));

    public void LinearDgrad(Tensor dy, Tensor weight, Accumulation accumulation, Tensor dx) => Time(() => inner.LinearDgrad(dy, weight, accumulation, dx));

    public void LinearWgrad(Tensor dy, Tensor x, Accumulation accumulation, Tensor dWeight) => Time(() => inner.LinearWgrad(dy, x, accumulation, dWeight));

    public void GroupedLinearDgrad(Tensor dy, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, Accumulation accumulation, Tensor dx)
    {
        int[] copy = offsets.ToArray();
        Time(() => inner.GroupedLinearDgrad(dy, copy, weights, accumulation, dx));
    }

    public void GroupedLinearWgrad(Tensor dy, Tensor x, ReadOnlySpan<int> offsets, Accumulation accumulation, IReadOnlyList<Tensor> dWeights)
    {
        int[] copy = offsets.ToArray();
        Time(() => inner.GroupedLinearWgrad(dy, x, copy, accumulation, dWeights));
    }

    public void RopeBackward(Tensor dy, Tensor positions, Tensor frequencies, RopeAttributes attributes, Tensor dx) => Time(() => inner.RopeBackward(dy, positions, frequencies, attributes, dx));

    public void ExpandKeysBackward(Tensor dKeys, Tensor dValues, Tensor dKv, Tensor dKPe) => Time(() => inner.ExpandKeysBackward(dKeys, dValues, dKv, dKPe));

    public void AttentionBackward(
        Tensor q, Tensor keys, Tensor values, Tensor y, Tensor logSumExp, Tensor dy, AttentionAttributes attributes, Tensor dq, Tensor dKeys, Tensor dValues) =>
        Time(() => inner.AttentionBackward(q, keys, values, y, logSumExp, dy, attributes, dq, dKeys, dValues));

    public void SwiGluBackward(Tensor dy, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) => Time(() => inner.SwiGluBackward(dy, gate, up, dGate, dUp));

    public void GateBackward(Tensor logits, Tensor scores, Tensor indices, GateAttributes attributes, Tensor dWeights, Tensor? dScores, Tensor dLogits) =>
        Time(() => inner.GateBackward(logits, scores, indices, attributes, dWeights, dScores, dLogits));

    public void DispatchBackward(Tensor dy, ExpertPlan plan, Tensor dx) => Time(() => inner.DispatchBackward(dy, plan, dx));

    public void CombineBackward(Tensor dy, Tensor outputs, ExpertPlan plan, Tensor weights, Tensor dOutputs, Tensor dWeights) =>
        Time(() => inner.CombineBackward(dy, outputs, plan, weights, dOutputs, dWeights));

    public void MtpInputBackward(Tensor dy, MtpConcat order, Tensor dEmbedding, Tensor dHidden) => Time(() => inner.MtpInputBackward(dy, order, dEmbedding, dHidden));

    public void CrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor statistics) => Time(() => inner.CrossEntropy(logits, targets, losses, statistics));

    public void CrossEntropyBackward(Tensor logits, int first, Tensor targets, Tensor statistics, float scale, Tensor dLogits)
    {
        AtHead?.Invoke();
        Time(() => inner.CrossEntropyBackward(logits, first, targets, statistics, scale, dLogits));
    }

    public void BalanceLoss(Tensor scores, Tensor indices, float alpha, Tensor loss, Tensor dScores) => Time(() => inner.BalanceLoss(scores, indices, alpha, loss, dScores));

    private void Time(Action action, [CallerMemberName] string operation = "") => Time(action, Enum.Parse<Operation>(operation));
}
