using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class SimdBackend
{
    /// <inheritdoc/>
    public void Gate(Tensor logits, Tensor? bias, GateAttributes attributes, Tensor scores, Tensor indices, Tensor weights)
    {
        (int T, int E, int K) = OperandChecks.Gate(logits, bias, attributes, scores, indices, weights);
        int failed = T;
        ForRows(T, E, FunctionGrain, 3L * E + K, (from, to, scratch) =>
        {
            ReadOnlySpan<float> b = bias is null ? default : bias.AsReadOnlySpan<float>();
            for (int t = from; t < to; t++)
            {
                ReadOnlySpan<float> l = Operands.Slice(logits, (long)t * E, E, scratch);
                Span<float> s = Operands.Target(scores, (long)t * E, E, scratch.AsSpan(E));
                Span<float> w = Operands.Target(weights, (long)t * K, K, scratch.AsSpan(3 * E));
                if (!Ops.Gate.TrySimdToken(l, b, attributes, s, indices.AsSpan<int>().Slice(t * K, K), w, scratch.AsSpan(2 * E, E)))
                {
                    LowerTo(ref failed, t);
                    return;
                }

                Operands.Commit(s, scores, (long)t * E);
                Operands.Commit(w, weights, (long)t * K);
            }
        });

        // The lowest row, whichever thread found one first.
        if (failed < T)
            throw Ops.Gate.NotANumber(failed);
    }

    /// <inheritdoc/>
    public void Dispatch(Tensor x, ExpertPlan plan, Tensor y)
    {
        int d = OperandChecks.Dispatch(x, plan, y);
        ForRows(plan.Rows, d, ElementGrain, d, (from, to, scratch) =>
        {
            for (int r = from; r < to; r++)
                Operands.Store(Operands.Slice(x, (long)plan.TokenSpan[r] * d, d, scratch), y, (long)r * d);
        });
    }

    /// <inheritdoc/>
    public void Combine(Tensor outputs, ExpertPlan plan, Tensor weights, Tensor? shared, CombineRounding rounding, Tensor y)
    {
        int d = OperandChecks.Combine(outputs, plan, weights, shared, rounding, y);
        int K = plan.Slots;
        ForRows(plan.TokenCount, d * (K + 1L), ElementGrain, 3L * d + 2L * K, (from, to, scratch) =>
        {
            Span<int> slots = K <= 64 ? stackalloc int[K] : new int[K];
            Span<int> rows = K <= 64 ? stackalloc int[K] : new int[K];
            Span<float> result = scratch.AsSpan(0, d);
            Span<float> ordered = scratch.AsSpan(3 * d, K);
            for (int t = from; t < to; t++)
            {
                ReadOnlySpan<float> w = Operands.Slice(weights, (long)t * K, K, scratch.AsSpan(3 * d + K));
                int used = 0;
                foreach (int slot in Ops.Combine.OrderedSlots(plan, t, slots))
                    (rows[used], ordered[used++]) = (plan.RowOfSpan[t * K + slot], w[slot]);
                AddExperts(rounding, outputs, rows[..used], ordered[..used], result, scratch);
                if (rounding == CombineRounding.SeparateThenRound)
                    BFloat16Spans.RoundInPlace(result);
                if (shared is not null)
                    Ops.Add.Simd(result, Operands.Slice(shared, (long)t * d, d, scratch.AsSpan(d)), result);
                Operands.Store(result, y, (long)t * d);
            }
        });
    }

    /// <summary>The weighted sum of one token's rows. Scratch of 3d floats, the first d of them the result's.</summary>
    private static void AddExperts(CombineRounding rounding, Tensor outputs, ReadOnlySpan<int> rows, ReadOnlySpan<float> w, Span<float> result, float[] scratch)
    {
        int d = result.Length;
        if (Ops.Combine.InRegisters(rounding))
        {
            if (outputs.DType == DType.F32)
                Ops.Combine.SimdToken(rounding, ref outputs.First<float>(), rows, w, result);
            else
                Ops.Combine.SimdToken(rounding, ref outputs.First<ushort>(), rows, w, result);
            return;
        }

        result.Clear();
        for (int r = 0; r < rows.Length; r++)
            Ops.Combine.SimdStep(rounding, w[r], Operands.Slice(outputs, (long)rows[r] * d, d, scratch.AsSpan(d)), result, scratch.AsSpan(2 * d));
    }

    private static void LowerTo(ref int target, int value)
    {
        int seen = Volatile.Read(ref target);
        while (value < seen)
        {
            int before = Interlocked.CompareExchange(ref target, value, seen);
            if (before == seen)
                return;
            seen = before;
        }
    }
}
