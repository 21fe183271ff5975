using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class ScalarBackend : IBackwardBackend
{
    /// <inheritdoc/>
    public void EmbeddingBackward(Tensor dy, Tensor ids, Tensor dWeight)
    {
        (_, int d) = BackwardChecks.Embedding(dy, ids, dWeight);
        Ops.Embedding.DefineBackward(Values(dy), d, ids.AsReadOnlySpan<int>(), dWeight.AsSpan<float>());
    }

    /// <inheritdoc/>
    public void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, float epsilon, Tensor dx, Tensor dWeight)
    {
        BackwardChecks.RmsNorm(dy, x, weight, dx, dWeight);
        Ops.RmsNorm.DefineBackward(Values(dy), Values(x), Operands.Widen(weight), epsilon, dx.AsSpan<float>(), dWeight.AsSpan<float>());
    }

    /// <inheritdoc/>
    public void LinearDgrad(Tensor dy, Tensor weight, Accumulation accumulation, Tensor dx)
    {
        (_, int N, int K) = BackwardChecks.Dgrad(dy, weight, accumulation, dx);
        Ops.Linear.DefineDgrad(Values(dy), Operands.Widen(weight), N, K, accumulation, dx.AsSpan<float>());
    }

    /// <inheritdoc/>
    public void LinearWgrad(Tensor dy, Tensor x, Accumulation accumulation, Tensor dWeight)
    {
        (_, int N, int K) = BackwardChecks.Wgrad(dy, x, accumulation, dWeight);
        Ops.Linear.DefineWgrad(Values(dy), Values(x), N, K, accumulation, dWeight.AsSpan<float>());
    }

    /// <inheritdoc/>
    public void GroupedLinearDgrad(Tensor dy, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, Accumulation accumulation, Tensor dx)
    {
        (int N, int K) = BackwardChecks.GroupedDgrad(dy, offsets, weights, accumulation, dx);
        for (int g = 0; g < weights.Count; g++)
        {
            (int from, int rows) = (offsets[g], offsets[g + 1] - offsets[g]);
            if (rows > 0)
                Ops.Linear.DefineDgrad(Values(dy.Rows(from, rows)), Operands.Widen(weights[g]), N, K, accumulation, dx.Rows(from, rows).AsSpan<float>());
        }
    }

    /// <inheritdoc/>
    public void GroupedLinearWgrad(Tensor dy, Tensor x, ReadOnlySpan<int> offsets, Accumulation accumulation, IReadOnlyList<Tensor> dWeights)
    {
        (int N, int K) = BackwardChecks.GroupedWgrad(dy, x, offsets, accumulation, dWeights);
        for (int g = 0; g < dWeights.Count; g++)
        {
            (int from, int rows) = (offsets[g], offsets[g + 1] - offsets[g]);
            if (rows > 0)
                Ops.Linear.DefineWgrad(Values(dy.Rows(from, rows)), Values(x.Rows(from, rows)), N, K, accumulation, dWeights[g].AsSpan<float>());
        }
    }

    /// <inheritdoc/>
    public void RopeBackward(Tensor dy, Tensor positions, Tensor frequencies, RopeAttributes attributes, Tensor dx)
    {
        (_, int H, int D) = BackwardChecks.Rope(dy, positions, frequencies, attributes, dx);
        Ops.Rope.DefineBackward(Values(dy), H, D, positions.AsReadOnlySpan<int>(), Values(frequencies), attributes, dx.AsSpan<float>());
    }

    /// <inheritdoc/>
    public void ExpandKeysBackward(Tensor dKeys, Tensor dValues, Tensor dKv, Tensor dKPe)
    {
        (int T, int H, int dn, int dr, int dv) = BackwardChecks.ExpandKeys(dKeys, dValues, dKv, dKPe);
        for (int t = 0; t < T; t++)
        {
            Ops.ExpandKeys.DefineBackward(
                Values(dKeys).Slice(t * H * (dn + dr), H * (dn + dr)), Values(dValues).Slice(t * H * dv, H * dv), H,
                dKv.AsSpan<float>().Slice(t * H * (dn + dv), H * (dn + dv)), dKPe.AsSpan<float>().Slice(t * dr, dr));
        }
    }

    /// <inheritdoc/>
    public void AttentionBackward(
        Tensor q, Tensor keys, Tensor values, Tensor y, Tensor logSumExp, Tensor dy, AttentionAttributes attributes, Tensor dq, Tensor dKeys, Tensor dValues)
    {
        AttentionShape shape = BackwardChecks.Attention(q, keys, values, y, logSumExp, dy, attributes, dq, dKeys, dValues);
        Ops.Attention.DefineBackward(
            Values(q), Values(keys), Values(values), Values(y), Values(logSumExp), Values(dy), shape, attributes,
            dq.AsSpan<float>(), dKeys.AsSpan<float>(), dValues.AsSpan<float>());
    }

    /// <inheritdoc/>
    public void SwiGluBackward(Tensor dy, Tensor gate, Tensor up, Tensor dGate, Tensor dUp)
    {
        BackwardChecks.SwiGlu(dy, gate, up, dGate, dUp);
        Ops.SwiGlu.DefineBackward(Values(dy), Values(gate), Values(up), dGate.AsSpan<float>(), dUp.AsSpan<float>());
    }

    /// <inheritdoc/>
    public void GateBackward(Tensor logits, Tensor scores, Tensor indices, GateAttributes attributes, Tensor dWeights, Tensor? dScores, Tensor dLogits)
    {
        (_, int E, int K) = BackwardChecks.Gate(logits, scores, indices, attributes, dWeights, dScores, dLogits);
        ReadOnlySpan<float> other = dScores is null ? default : Values(dScores);
        Ops.Gate.DefineBackward(Values(logits), Values(scores), indices.AsReadOnlySpan<int>(), E, K, attributes, Values(dWeights), other, dLogits.AsSpan<float>());
    }

    /// <inheritdoc/>
    public void DispatchBackward(Tensor dy, ExpertPlan plan, Tensor dx)
    {
        int d = BackwardChecks.Dispatch(dy, plan, dx);
        Ops.Dispatch.DefineBackward(Values(dy), d, plan, dx.AsSpan<float>());
    }

    /// <inheritdoc/>
    public void CombineBackward(Tensor dy, Tensor outputs, ExpertPlan plan, Tensor weights, Tensor dOutputs, Tensor dWeights)
    {
        int d = BackwardChecks.Combine(dy, outputs, plan, weights, dOutputs, dWeights);
        Ops.Combine.DefineBackward(Values(dy), Values(outputs), d, plan, Values(weights), dOutputs.AsSpan<float>(), dWeights.AsSpan<float>());
    }

    /// <inheritdoc/>
    public void MtpInputBackward(Tensor dy, MtpConcat order, Tensor dEmbedding, Tensor dHidden)
    {
        (_, int d) = BackwardChecks.MtpInput(dy, order, dEmbedding, dHidden);
        Ops.MtpInput.DefineBackward(Values(dy), d, order, dEmbedding.AsSpan<float>(), dHidden.AsSpan<float>());
    }

    /// <inheritdoc/>
    public void CrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor statistics)
    {
        (_, int V) = BackwardChecks.CrossEntropy(logits, targets, losses, statistics);
        Ops.CrossEntropy.Define(Values(logits), V, targets.AsReadOnlySpan<int>(), losses.AsSpan<float>(), statistics.AsSpan<float>());
    }

    /// <inheritdoc/>
    public void CrossEntropyBackward(Tensor logits, int first, Tensor targets, Tensor statistics, float scale, Tensor dLogits)
    {
        (_, int n) = BackwardChecks.CrossEntropyBackward(logits, targets, statistics, dLogits);
        Ops.CrossEntropy.DefineGradient(Values(logits), n, first, targets.AsReadOnlySpan<int>(), Values(statistics), scale, dLogits.AsSpan<float>());
    }

    /// <inheritdoc/>
    public void BalanceLoss(Tensor scores, Tensor indices, float alpha, Tensor loss, Tensor dScores)
    {
        (int E, int K) = BackwardChecks.BalanceLoss(scores, indices, loss, dScores);
        loss.AsSpan<float>()[0] = Ops.BalanceLoss.Define(Values(scores), indices.AsReadOnlySpan<int>(), E, K, alpha, dScores.AsSpan<float>());
    }

    private static ReadOnlySpan<float> Values(Tensor t) => t.AsReadOnlySpan<float>();
}
