using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>FlashMLA's dense decoding, block after block: the contract <see cref="AttentionContract.FlashMlaDense"/>.</summary>
/// <remarks>
/// <code>
/// a  = float(scale · log2 e);  m = -1e30, L_0..L_3 = +0, O_c = +0
/// for each block of 64 keys, ascending:
///     P_j   = Σ_d q_d k_{j,d}                    QueryKey; -1e33 where key j is masked
///     m'    = max(m, max_j P_j · a)              NaNs are left out
///     corr  = 2^(m - m')
///     w_j   = 2^fma(P_j, a, -m')
///     L_t   = fma(L_t, corr, Σ_i (w_(8i+2t) + w_(8i+2t+1)))      i = 0..7, from +0
///     O_c   = rn(O_c · corr) + Σ_j ⟦w_j⟧ v_{j,c} WeightValue, a chain from rn(O_c · corr); masked keys are left out
///     m     = m'
/// L   = (L_0 + L_1) + (L_2 + L_3)
/// y_c = O_c / L                                  O_c / 1 where L is 0 or NaN
/// lse = ln(L) + m / log2 e                       +∞ where L is 0 or NaN
/// </code>
/// With two splits or more (<see cref="SplitSchedule"/>) each is a row by itself that ends in y and lse2 = log2(L) + m, -∞ where L is 0 or NaN; <see cref="CombineSplits"/> joins them.
/// ⟦·⟧ rounds to bfloat16. The weight of a masked key is +0 since -1e33 · a &lt; -1e30, so that no masked value is multiplied.
/// Rule N23; FlashMLA, sm90 decode dense; docs/spec/attention-contract.md 4.
/// </remarks>
internal static class OnlineAttention
{
    /// <summary>Keys of a block, which is a page.</summary>
    public const int Block = 64;

    /// <summary>What the running maximum starts from.</summary>
    internal const float InitialMaximum = -1e30f;

    /// <summary>The score of a masked key.</summary>
    internal const float Masked = -1e33f;

    /// <summary>One row; returns its log-sum-exp.</summary>
    internal static float Define(AttentionRow row, AttentionAttributes attributes, Span<float> y)
    {
        AttentionContract contract = attributes.Contract!;
        float a = contract.Multiplier(attributes.Scale);
        IReadOnlyList<BlockRange> splits = SplitSchedule.Of([row.T], contract.Parts).Of(0);
        if (splits.Count == 1)
        {
            (float m, float L) = Blocks(row, contract, a, splits[0], y);
            return L == 0f || float.IsNaN(L) ? float.PositiveInfinity : contract.Functions.LogSumExp(m, L);
        }

        float[] O = new float[splits.Count * row.Dv];
        float[] lse2 = new float[splits.Count];
        for (int i = 0; i < splits.Count; i++)
        {
            (float m, float L) = Blocks(row, contract, a, splits[i], O.AsSpan(i * row.Dv, row.Dv));
            lse2[i] = L == 0f || float.IsNaN(L) ? float.NegativeInfinity : contract.Functions.Log2(L) + m;
        }

        return CombineSplits.Define(O, lse2, contract.Functions, null, y);
    }

    /// <summary>The blocks of one split: O / L in o, and m and L.</summary>
    private static (float M, float L) Blocks(AttentionRow row, AttentionContract contract, float a, BlockRange blocks, Span<float> o)
    {
        float m = InitialMaximum;
        float[] lanes = new float[4];
        o.Clear();

        float[] P = new float[Block];
        float[] w = new float[Block];
        float[] rounded = new float[Block];
        float[] column = new float[Block];
        for (int b = blocks.From; b < blocks.To; b++)
        {
            int seen = Math.Clamp(row.Visible - b * Block, 0, Block);
            for (int j = 0; j < Block; j++)
                P[j] = j < seen ? DotProduct.Define(row.Q, row.Key(b * Block + j), contract.QueryKey, DType.F32) : Masked;

            float largest = Masked;
            for (int j = 0; j < Block; j++)
                largest = ContractSteps.Maximum(MaximumRule.DropsNaN, largest, P[j]);
            float mNew = ContractSteps.Maximum(MaximumRule.DropsNaN, m, largest * a);
            float corr = contract.Functions.Exp2(m - mNew);

            for (int j = 0; j < Block; j++)
            {
                w[j] = contract.Functions.Exp2(MathF.FusedMultiplyAdd(P[j], a, -mNew));
                rounded[j] = BFloat16.RoundToFloat(w[j]);
            }

            for (int t = 0; t < 4; t++)
            {
                float sum = 0f;
                for (int i = 0; i < Block / 8; i++)
                    sum = sum + (w[8 * i + 2 * t] + w[8 * i + 2 * t + 1]);
                lanes[t] = MathF.FusedMultiplyAdd(lanes[t], corr, sum);
            }

            for (int c = 0; c < o.Length; c++)
            {
                for (int j = 0; j < seen; j++)
                    column[j] = row.Value(b * Block + j, c);
                o[c] = ContractSteps.Accumulate(o[c] * corr, rounded.AsSpan(0, seen), column.AsSpan(0, seen), contract.WeightValue);
            }

            m = mNew;
        }

        float L = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
        float divisor = L == 0f || float.IsNaN(L) ? 1f : L;
        for (int c = 0; c < o.Length; c++)
            o[c] = contract.Functions.Divide(o[c], divisor);
        return (m, L);
    }
}
