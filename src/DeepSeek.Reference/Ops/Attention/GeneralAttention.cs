using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>Attention under any contract but <see cref="AttentionSchedule.WarpgroupPairs"/>: the definition where no preset has one, and a second one of the presets'.</summary>
/// <remarks>
/// <code>
/// for each part of the keys (all of them, or the splits):
///     m = InitialMaximum, L = +0, O_c = +0
///     for each block, ascending (two passes: one block):
///         s_j   = Σ_d q_d k_{j,d} of the keys that the row sees; masked ones have MaskValue, or are absent
///         m'    = max(m, max_j rn(s_j a))    or max(m, rn(max_j s_j · a)); a block without scores, or m' = -∞, is passed over
///         corr  = b^(m - m')
///         w_j   = b^(x_j - m')               or b^fma(s_j, a, -m')
///         L     = fma(L, corr, Σ w_j)        two passes: Σ w_j
///         O_c   = rn(O_c corr) + Σ ⟦w_j⟧ v   two passes: Σ ⟦w_j⟧ v, or Σ ⟦w_j / L⟧ v
///     y_c = O_c / L, lse = m + ln L, or as the contract says
/// </code>
/// Masked keys whose weight is +0 are left out of P·V, so that what their values hold does not matter; a masked key with another weight counts as any, with +0 for a value behind
/// the last key. Rule N23; docs/spec/attention-contract.md 3.
/// </remarks>
internal static class GeneralAttention
{
    /// <summary>One row; returns its log-sum-exp.</summary>
    /// <param name="row">The query, and the keys and values that it meets.</param>
    /// <param name="attributes">Scale, contract, split of the channels.</param>
    /// <param name="output">The format y will be stored in.</param>
    /// <param name="y">Dv values.</param>
    internal static float Define(AttentionRow row, AttentionAttributes attributes, DType output, Span<float> y)
    {
        AttentionContract contract = attributes.Contract!;
        IReadOnlyList<BlockRange> parts = Parts(contract, row.T);
        if (parts.Count == 1)
            return Part(row, attributes, parts[0], partial: false, output, y);

        float[] O = new float[parts.Count * row.Dv];
        float[] lse = new float[parts.Count];
        for (int i = 0; i < parts.Count; i++)
        {
            Span<float> o = O.AsSpan(i * row.Dv, row.Dv);
            lse[i] = Part(row, attributes, parts[i], partial: true, DType.F32, o);
            for (int c = 0; c < o.Length; c++)
                o[c] = ContractSteps.Round(o[c], contract.Partials);
        }

        return GeneralCombine.Define(O, lse, contract, y);
    }

    /// <summary>The keys of each part, in positions; the last may reach behind the last key where masked keys have a value.</summary>
    private static IReadOnlyList<BlockRange> Parts(AttentionContract contract, int T)
    {
        if (contract.Block == 0)
            return [new(0, T)];
        int blocks = (int)(((long)T + contract.Block - 1) / contract.Block);
        int each = Math.Max(1, (blocks + contract.Parts - 1) / contract.Parts);
        IReadOnlyList<BlockRange> ranges = contract.Split switch
        {
            KeySplit.FlashMla => SplitSchedule.Of([T], contract.Parts, contract.Block).Of(0),
            KeySplit.Even => [.. Enumerable.Range(0, Math.Max(1, (blocks + each - 1) / each)).Select(i => new BlockRange(i * each, Math.Min(blocks, (i + 1) * each)))],
            _ => [new(0, blocks)],
        };
        return [.. ranges.Select(r => new BlockRange(checked(r.From * contract.Block), checked(r.To * contract.Block)))];
    }

    /// <summary>One part: y, and the log-sum-exp, of base b where parts follow.</summary>
    private static float Part(AttentionRow row, AttentionAttributes attributes, BlockRange keys, bool partial, DType output, Span<float> y)
    {
        AttentionContract contract = attributes.Contract!;
        float a = contract.Multiplier(attributes.Scale);
        bool twoPass = contract.Schedule == AttentionSchedule.TwoPass;
        int block = twoPass || contract.Block == 0 ? keys.To - keys.From : contract.Block;

        float m = contract.InitialMaximum;
        var total = new WeightTotal(contract.Order);
        float[] O = new float[row.Dv];
        for (int from = keys.From; from < keys.To; from += block)
        {
            int end = contract.MaskValue is null ? Math.Min(from + block, row.Visible) : from + block;
            if (end <= from)
                continue;

            float[] s = Scores(row, attributes, a, from, end);
            float largest = float.NegativeInfinity;
            foreach (float x in s)
                largest = ContractSteps.Maximum(contract.Maximum, largest, x);
            if (contract.Scaling == ScoreScaling.AfterMaximum)
                largest = largest * a;
            float mNew = ContractSteps.Maximum(contract.Maximum, m, largest);
            if (mNew == float.NegativeInfinity)
                continue;

            float corr = Power(contract, m - mNew);
            float[] w = new float[s.Length];
            float[] rounded = new float[s.Length];
            for (int j = 0; j < s.Length; j++)
            {
                w[j] = Power(contract, contract.Scaling == ScoreScaling.AfterMaximum ? MathF.FusedMultiplyAdd(s[j], a, -mNew) : s[j] - mNew);
                rounded[j] = ContractSteps.Round(w[j], contract.Weights);
            }

            float[] summed = contract.Denominator == WeightSum.Rounded ? rounded : w;
            total.Add(summed, twoPass ? null : corr);
            if (contract.Division == AttentionDivision.BeforeValues)
            {
                float L = total.Fold();
                for (int j = 0; j < s.Length; j++)
                    rounded[j] = ContractSteps.Round(w[j] / L, contract.Weights);
            }

            AddValues(row, contract, from, w, rounded, twoPass ? null : corr, output, O);
            m = mNew;
        }

        return Finish(contract, m, total.Fold(), partial, O, y);
    }

    /// <summary>Scaled scores, or raw ones where the multiplier comes after the maximum.</summary>
    private static float[] Scores(AttentionRow row, AttentionAttributes attributes, float a, int from, int end)
    {
        AttentionContract contract = attributes.Contract!;
        float[] s = new float[end - from];
        for (int j = 0; j < s.Length; j++)
        {
            if (from + j >= row.Visible)
                s[j] = contract.MaskValue!.Value;
            else if (contract.Scores == ScoreRounding.EveryStep)
                s[j] = RoundedScore(row.Q, row.Key(from + j), attributes.ScoreSplit, contract.QueryKey, a);
            else
                s[j] = DotProduct.Define(row.Q, row.Key(from + j), contract.QueryKey, DType.F32) * (contract.Scaling == ScoreScaling.BeforeMaximum ? a : 1f);
        }

        return s;
    }

    /// <summary>⟦⟦⟦Σ_{d &lt; c} q k⟧ + ⟦Σ_{d ≥ c} q k⟧⟧ · a⟧; without a split ⟦⟦Σ q k⟧ · a⟧.</summary>
    private static float RoundedScore(ReadOnlySpan<float> q, ReadOnlySpan<float> k, int c, Accumulation accumulation, float a)
    {
        float dot = BFloat16.RoundToFloat(DotProduct.Define(q[c..], k[c..], accumulation, DType.BF16));
        if (c > 0)
            dot = BFloat16.RoundToFloat(BFloat16.RoundToFloat(DotProduct.Define(q[..c], k[..c], accumulation, DType.BF16)) + dot);
        return BFloat16.RoundToFloat(dot * a);
    }

    private static void AddValues(AttentionRow row, AttentionContract contract, int from, float[] w, float[] rounded, float? corr, DType output, float[] O)
    {
        var taken = new List<int>();
        for (int j = 0; j < w.Length; j++)
        {
            if (from + j < row.Visible || w[j] != 0f)
                taken.Add(j);
        }

        float[] p = [.. taken.Select(j => rounded[j])];
        float[] column = new float[taken.Count];
        DType end = contract.Division == AttentionDivision.BeforeValues ? output : DType.F32;
        for (int c = 0; c < O.Length; c++)
        {
            for (int i = 0; i < taken.Count; i++)
                column[i] = row.Value(from + taken[i], c);
            O[c] = corr is float rescale
                ? ContractSteps.Accumulate(O[c] * rescale, p, column, contract.WeightValue)
                : DotProduct.Define(p, column, contract.WeightValue, end);
        }
    }

    private static float Finish(AttentionContract contract, float m, float L, bool partial, float[] O, Span<float> y)
    {
        bool flashMla = contract.Empty == EmptyRow.PositiveInfinity;
        bool undivided = L == 0f || flashMla && float.IsNaN(L);
        for (int c = 0; c < y.Length; c++)
        {
            if (contract.Division == AttentionDivision.BeforeValues || undivided && flashMla)
                y[c] = O[c];
            else if (undivided)
                y[c] = 0f;
            else
                y[c] = contract.Division == AttentionDivision.Reciprocal ? O[c] * contract.Functions.Divide(1f, L) : contract.Functions.Divide(O[c], L);
        }

        if (undivided)
            return flashMla && !partial ? float.PositiveInfinity : float.NegativeInfinity;
        if (contract.Base == SoftmaxBase.E)
            return m + Correct.Log(L);
        return partial ? contract.Functions.Log2(L) + m : contract.Functions.LogSumExp(m, L);
    }

    /// <summary>b^x.</summary>
    internal static float Power(AttentionContract contract, float x) => contract.Base == SoftmaxBase.E ? Correct.Exp(x) : contract.Functions.Exp2(x);
}
