using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>FlashMLA's SM90 kernel for dense decoding, with the order in which its two warpgroups share a pair of blocks: the contract <see cref="AttentionContract.FlashMlaSm90"/>.</summary>
/// <remarks>
/// As <see cref="OnlineAttention"/>, but blocks come in pairs (A, B), from a split's first on, and the channels of the output in halves:
/// <code>
/// P_A    channels 0, 1, 2, ... of q and k;  P_B: channels 256 and up, then 0 to 255
/// A:  m_A = max(m, max P_A · a),    corr_A = 2^(m - m_A),     w_A = 2^fma(P_A, a, -m_A)
/// B:  m_B = max(m_A, max P_B · a),  corr_B = 2^(m_A - m_B),   w_B = 2^fma(P_B, a, -m_B)
/// L_A,t = rn(fma(L_A,t, corr_A, Σ w_A) · corr_B)              corr_AB = rn(corr_B · corr_A)
/// L_B,t = fma(L_B,t, corr_AB, Σ w_B)
/// c &lt; Dv/2:  O = rn(O · corr_A) + ⟦w_A⟧ V_A;  O = rn(O · corr_B) + ⟦w_B⟧ V_B
/// c ≥ Dv/2:  O = rn(O · corr_AB) + ⟦w_B⟧ V_B + ⟦w_A · corr_B⟧ V_A
/// L = L_A + L_B, each (L_0 + L_1) + (L_2 + L_3)
/// </code>
/// The upper half of the channels takes B before A, and A's weights are rescaled before they are rounded. A last A without a B has corr_B = 1 and no B.
/// Rule N23; FlashMLA, splitkv_mla.cuh at 9241ae3; docs/spec/attention-contract.md 5.
/// </remarks>
internal static class WarpgroupAttention
{
    private const int Block = OnlineAttention.Block;
    private const int FirstOfOddBlocks = 256;

    /// <summary>One row; returns its log-sum-exp.</summary>
    internal static float Define(AttentionRow row, AttentionAttributes attributes, Span<float> y)
    {
        AttentionContract contract = attributes.Contract!;
        float a = contract.Multiplier(attributes.Scale);
        IReadOnlyList<BlockRange> splits = SplitSchedule.Of([row.T], contract.Parts).Of(0);
        if (splits.Count == 1)
        {
            (float m, float L) = Pairs(row, contract, a, splits[0], y);
            return L == 0f || float.IsNaN(L) ? float.PositiveInfinity : contract.Functions.LogSumExp(m, L);
        }

        float[] O = new float[splits.Count * row.Dv];
        float[] lse2 = new float[splits.Count];
        for (int i = 0; i < splits.Count; i++)
        {
            (float m, float L) = Pairs(row, contract, a, splits[i], O.AsSpan(i * row.Dv, row.Dv));
            lse2[i] = L == 0f || float.IsNaN(L) ? float.NegativeInfinity : contract.Functions.Log2(L) + m;
        }

        return CombineSplits.Define(O, lse2, contract.Functions, null, y);
    }

    private static (float M, float L) Pairs(AttentionRow row, AttentionContract contract, float a, BlockRange blocks, Span<float> o)
    {
        float m = OnlineAttention.InitialMaximum;
        float[] lanesOfA = new float[4];
        float[] lanesOfB = new float[4];
        int half = o.Length / 2;
        o.Clear();
        for (int b = blocks.From; b < blocks.To; b += 2)
        {
            float[] wA = new float[Block];
            (float mA, float corrA) = Weights(row, contract, a, b, m, odd: false, wA);
            float[] wB = new float[Block];
            bool hasB = b + 1 < blocks.To;
            (float mB, float corrB) = hasB ? Weights(row, contract, a, b + 1, mA, odd: true, wB) : (mA, 1f);
            float corrAB = corrB * corrA;

            for (int t = 0; t < 4; t++)
            {
                lanesOfA[t] = MathF.FusedMultiplyAdd(lanesOfA[t], corrA, Quad(wA, t)) * corrB;
                lanesOfB[t] = MathF.FusedMultiplyAdd(lanesOfB[t], corrAB, Quad(wB, t));
            }

            float[] roundedA = new float[Block];
            float[] rescaledA = new float[Block];
            float[] roundedB = new float[Block];
            for (int j = 0; j < Block; j++)
            {
                roundedA[j] = BFloat16.RoundToFloat(wA[j]);
                rescaledA[j] = BFloat16.RoundToFloat(wA[j] * corrB);
                roundedB[j] = BFloat16.RoundToFloat(wB[j]);
            }

            for (int c = 0; c < half; c++)
            {
                o[c] = Add(row, contract, b, roundedA, c, o[c] * corrA);
                o[c] = Add(row, contract, b + 1, roundedB, c, o[c] * corrB);
            }

            for (int c = half; c < o.Length; c++)
            {
                o[c] = Add(row, contract, b + 1, roundedB, c, o[c] * corrAB);
                o[c] = Add(row, contract, b, rescaledA, c, o[c]);
            }

            m = mB;
        }

        float L = (lanesOfA[0] + lanesOfA[1]) + (lanesOfA[2] + lanesOfA[3]) + ((lanesOfB[0] + lanesOfB[1]) + (lanesOfB[2] + lanesOfB[3]));
        float divisor = L == 0f || float.IsNaN(L) ? 1f : L;
        for (int c = 0; c < o.Length; c++)
            o[c] = contract.Functions.Divide(o[c], divisor);
        return (m, L);
    }

    /// <summary>w of block b, the new maximum, and what earlier sums are multiplied with.</summary>
    private static (float M, float Corr) Weights(AttentionRow row, AttentionContract contract, float a, int b, float m, bool odd, float[] w)
    {
        int seen = Math.Clamp(row.Visible - b * Block, 0, Block);
        float[] P = new float[Block];
        float largest = OnlineAttention.Masked;
        for (int j = 0; j < Block; j++)
        {
            P[j] = j < seen ? Score(row.Q, row.Key(b * Block + j), odd, contract.QueryKey) : OnlineAttention.Masked;
            largest = ContractSteps.Maximum(MaximumRule.DropsNaN, largest, P[j]);
        }

        float mNew = ContractSteps.Maximum(MaximumRule.DropsNaN, m, largest * a);
        for (int j = 0; j < Block; j++)
            w[j] = contract.Functions.Exp2(MathF.FusedMultiplyAdd(P[j], a, -mNew));
        return (mNew, contract.Functions.Exp2(m - mNew));
    }

    private static float Score(ReadOnlySpan<float> q, ReadOnlySpan<float> k, bool odd, Accumulation accumulation)
    {
        if (!odd || q.Length <= FirstOfOddBlocks)
            return DotProduct.Define(q, k, accumulation, DType.F32);
        float[] turnedQ = [.. q[FirstOfOddBlocks..], .. q[..FirstOfOddBlocks]];
        float[] turnedK = [.. k[FirstOfOddBlocks..], .. k[..FirstOfOddBlocks]];
        return DotProduct.Define(turnedQ, turnedK, accumulation, DType.F32);
    }

    private static float Quad(float[] w, int t)
    {
        float sum = 0f;
        for (int i = 0; i < Block / 8; i++)
            sum = sum + (w[8 * i + 2 * t] + w[8 * i + 2 * t + 1]);
        return sum;
    }

    private static float Add(AttentionRow row, AttentionContract contract, int b, float[] rounded, int c, float start)
    {
        int seen = Math.Clamp(row.Visible - b * Block, 0, Block);
        float[] column = new float[seen];
        for (int j = 0; j < seen; j++)
            column[j] = row.Value(b * Block + j, c);
        return ContractSteps.Accumulate(start, rounded.AsSpan(0, seen), column, contract.WeightValue);
    }
}
