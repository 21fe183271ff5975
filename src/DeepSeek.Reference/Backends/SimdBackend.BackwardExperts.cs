using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class SimdBackend
{
    /// <inheritdoc/>
    public void GateBackward(Tensor logits, Tensor scores, Tensor indices, GateAttributes attributes, Tensor dWeights, Tensor? dScores, Tensor dLogits)
    {
        (int T, int E, int K) = BackwardChecks.Gate(logits, scores, indices, attributes, dWeights, dScores, dLogits);
        ForRows(T, E, FunctionGrain, E, (from, to, scratch) =>
        {
            for (int t = from; t < to; t++)
            {
                Ops.Gate.SimdBackwardToken(
                    Row(logits, t, E), Row(scores, t, E), indices.AsReadOnlySpan<int>().Slice(t * K, K), attributes, Row(dWeights, t, K),
                    dScores is null ? default : Row(dScores, t, E), Operands.Target(dLogits, (long)t * E, E, []), scratch.AsSpan(0, E));
            }
        });
    }

    /// <inheritdoc/>
    public void DispatchBackward(Tensor dy, ExpertPlan plan, Tensor dx)
    {
        int d = BackwardChecks.Dispatch(dy, plan, dx);
        int K = plan.Slots;
        ForRows(plan.TokenCount, d * (K + 1L), ElementGrain, 0, (from, to, _) =>
        {
            int[] slots = new int[K];
            int[] rows = new int[K];
            for (int t = from; t < to; t++)
            {
                int used = 0;
                foreach (int slot in Ops.Combine.OrderedSlots(plan, t, slots))
                    rows[used++] = plan.RowOfSpan[t * K + slot];
                Ops.Dispatch.SimdBackwardToken(dy.AsReadOnlySpan<float>(), rows.AsSpan(0, used), Operands.Target(dx, (long)t * d, d, []));
            }
        });
    }

    /// <inheritdoc/>
    public void CombineBackward(Tensor dy, Tensor outputs, ExpertPlan plan, Tensor weights, Tensor dOutputs, Tensor dWeights)
    {
        int d = BackwardChecks.Combine(dy, outputs, plan, weights, dOutputs, dWeights);
        int K = plan.Slots;
        ForRows(plan.TokenCount, d * (K + 1L), ElementGrain, 0, (from, to, _) =>
        {
            Span<float> dw = dWeights.AsSpan<float>();
            for (int i = from * K; i < to * K; i++)
            {
                int r = plan.RowOfSpan[i];
                dw[i] = r < 0 ? 0f : Ops.Combine.SimdBackwardRow(
                    Row(dy, i / K, d), Row(outputs, r, d), weights.AsReadOnlySpan<float>()[i], Operands.Target(dOutputs, (long)r * d, d, []));
            }
        });
    }

    private static ReadOnlySpan<float> Row(Tensor x, int t, int n) => Operands.Slice(x, (long)t * n, n, []);
}
