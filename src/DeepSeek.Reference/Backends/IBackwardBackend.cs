using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary>A backend that also has the backward of each operation that training runs, and the losses.</summary>
/// <remarks>
/// Gradients, activations and what a forward saved are F32; weights F32 or BF16 (widened exactly). The definition of each is <c>DefineBackward</c> beside the forward's
/// <c>Define</c>. Gradients of weights are added to what the tensor holds, one addition a call, and a call is one sequence (rules N16, N24): so any split of a batch
/// at sequence boundaries gives the same bits. All other results are overwritten.
/// </remarks>
public interface IBackwardBackend : IBackend
{
    /// <summary>dWeight[v] += Σ dy[t] over the positions of id v: dy [T, d], ids I32 [T], dWeight [V, d].</summary>
    void EmbeddingBackward(Tensor dy, Tensor ids, Tensor dWeight);

    /// <summary>dx [T, n], and dWeight [n] += Σ_t dy x̂: dy and x [T, n], weight [n]. dx may be dy.</summary>
    void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, float epsilon, Tensor dx, Tensor dWeight);

    /// <summary>dx = dy W: dy [T, N], weight [N, K], dx [T, K].</summary>
    void LinearDgrad(Tensor dy, Tensor weight, Accumulation accumulation, Tensor dx);

    /// <summary>dWeight += dyᵀ x: dy [T, N], x [T, K], dWeight [N, K].</summary>
    void LinearWgrad(Tensor dy, Tensor x, Accumulation accumulation, Tensor dWeight);

    /// <summary>Rows offsets[g]..offsets[g+1] of dy [R, N] times weights[g] [N, K]: dx [R, K].</summary>
    void GroupedLinearDgrad(Tensor dy, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, Accumulation accumulation, Tensor dx);

    /// <summary>dWeights[g] [N, K] += the product of rows offsets[g]..offsets[g+1] of dy [R, N] and x [R, K]; a group without rows is left as it is.</summary>
    void GroupedLinearWgrad(Tensor dy, Tensor x, ReadOnlySpan<int> offsets, Accumulation accumulation, IReadOnlyList<Tensor> dWeights);

    /// <summary>The rotation by the opposite angle: dy and dx [T, H, D], positions I32 [T], frequencies F32 [dr/2]. dx may be dy.</summary>
    void RopeBackward(Tensor dy, Tensor positions, Tensor frequencies, RopeAttributes attributes, Tensor dx);

    /// <summary>dKv [T, H, dn + dv] and dKPe [T, dr] from dKeys [T, H, dn + dr] and dValues [T, H, dv]: the rotated key's is the sum over the heads.</summary>
    void ExpandKeysBackward(Tensor dKeys, Tensor dValues, Tensor dKv, Tensor dKPe);

    /// <summary>
    /// The backward of naive attention of one sequence: q [S, H, D], keys [T, H, D], values [T, H, Dv], y [S, H, Dv] and logSumExp [S, H] as the forward took and gave them,
    /// dy [S, H, Dv], to dq, dKeys, dValues of the shapes of q, keys, values.
    /// </summary>
    void AttentionBackward(
        Tensor q, Tensor keys, Tensor values, Tensor y, Tensor logSumExp, Tensor dy, AttentionAttributes attributes, Tensor dq, Tensor dKeys, Tensor dValues);

    /// <summary>dGate and dUp from dy, gate and up, all of one shape.</summary>
    void SwiGluBackward(Tensor dy, Tensor gate, Tensor up, Tensor dGate, Tensor dUp);

    /// <summary>dLogits [T, E] from logits and scores [T, E], indices I32 [T, K], dWeights [T, K], and dScores [T, E] of another loss, or null.</summary>
    void GateBackward(Tensor logits, Tensor scores, Tensor indices, GateAttributes attributes, Tensor dWeights, Tensor? dScores, Tensor dLogits);

    /// <summary>dx [T, d] from dy [R, d]: the sum of a token's rows in ascending expert id.</summary>
    void DispatchBackward(Tensor dy, ExpertPlan plan, Tensor dx);

    /// <summary>dOutputs [R, d] and dWeights [T, K] from dy [T, d], outputs [R, d] and weights [T, K]. dOutputs may be outputs.</summary>
    void CombineBackward(Tensor dy, Tensor outputs, ExpertPlan plan, Tensor weights, Tensor dOutputs, Tensor dWeights);

    /// <summary>dEmbedding and dHidden [T, d] from dy [T, 2d]: copies.</summary>
    void MtpInputBackward(Tensor dy, MtpConcat order, Tensor dEmbedding, Tensor dHidden);

    /// <summary>losses [T] and statistics [T, 2] (maximum and sum of exponentials) of logits [T, V] against targets I32 [T]; a negative target is not counted.</summary>
    void CrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor statistics);

    /// <summary>dLogits [T, n] of the ids first..first+n, from logits [T, n], targets I32 [T] and statistics [T, 2] of whole rows. dLogits may be logits.</summary>
    void CrossEntropyBackward(Tensor logits, int first, Tensor targets, Tensor statistics, float scale, Tensor dLogits);

    /// <summary>The sequence-wise balance loss of one sequence: scores [T, E], indices I32 [T, K], loss [1], dScores [T, E].</summary>
    void BalanceLoss(Tensor scores, Tensor indices, float alpha, Tensor loss, Tensor dScores);
}
