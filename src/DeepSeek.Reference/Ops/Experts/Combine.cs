namespace DeepSeek.Reference.Ops;

/// <summary>Adds up the outputs of a token's experts, weighted, in ascending expert id, then the shared expert's.</summary>
/// <remarks>
/// <code>
/// y = +0
/// y = y + w · o                in ascending expert id, rounded as CombineRounding says
/// y = y + z                    the shared expert's output, when given
/// </code>
/// o [R, d] (rows of the plan), w [T, K], z [T, d] or none, y [T, d]; F32, or BF16 widened exactly. Rows of a plan are sorted by expert, so a token's rows in
/// ascending order are its experts in ascending order. Rule N16. docs/spec/moe.md 5.
/// </remarks>
public static partial class Combine
{
    /// <summary>The definition: what every backend must equal, bit for bit. y may be z.</summary>
    /// <exception cref="ShapeException">The sizes do not fit the plan.</exception>
    public static void Define(
        ReadOnlySpan<float> o, int d, ExpertPlan plan, ReadOnlySpan<float> w, ReadOnlySpan<float> z, CombineRounding rounding, Span<float> y)
    {
        int T = plan.TokenCount;
        int K = plan.Slots;
        if (o.Length != (long)plan.Rows * d || w.Length != (long)T * K || y.Length != (long)T * d || !z.IsEmpty && z.Length != y.Length)
            throw new ShapeException($"Combine: outputs of {o.Length}, weights of {w.Length}, shared of {z.Length}, result of {y.Length} for {T} tokens, {K} slots, {plan.Rows} rows of {d}");

        Span<int> slots = new int[K];
        for (int t = 0; t < T; t++)
        {
            int used = SlotsByExpert(plan.RowOfSpan.Slice(t * K, K), slots);
            for (int k = 0; k < d; k++)
            {
                float sum = 0f;
                foreach (int slot in slots[..used])
                    sum = Step(rounding, w[t * K + slot], o[plan.RowOf[t * K + slot] * d + k], sum);
                if (rounding == CombineRounding.SeparateThenRound)
                    sum = BFloat16.RoundToFloat(sum);
                y[t * d + k] = z.IsEmpty ? sum : sum + z[t * d + k];
            }
        }
    }

    private static float Step(CombineRounding rounding, float w, float o, float y) => rounding switch
    {
        CombineRounding.Fused => MathF.FusedMultiplyAdd(w, o, y),
        CombineRounding.Separate or CombineRounding.SeparateThenRound => y + w * o,
        CombineRounding.EveryStep => BFloat16.RoundToFloat(y + BFloat16.RoundToFloat(w * o)),
        _ => throw new ContractException($"CombineRounding {rounding} is not defined"),
    };

    /// <summary>The used slots of one token, ascending by row: by expert, then slot. Returns their number.</summary>
    private static int SlotsByExpert(ReadOnlySpan<int> rows, Span<int> slots)
    {
        int used = 0;
        for (int slot = 0; slot < rows.Length; slot++)
        {
            if (rows[slot] < 0)
                continue;
            int place = used++;
            for (; place > 0 && rows[slots[place - 1]] > rows[slot]; place--)
                slots[place] = slots[place - 1];
            slots[place] = slot;
        }

        return used;
    }
}
