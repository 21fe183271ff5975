using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>FlashMLA's combination of the splits of a row.</summary>
/// <remarks>
/// <code>
/// M     = max_i lse2_i                           0 where all are -∞
/// S     = Σ_i 2^(lse2_i - M)                     lane i mod 32, ascending; then lane_j + lane_(j+h) for h = 16, 8, 4, 2, 1
/// G     = log2(S) + M                            +∞ where S = 0
/// lse   = G / log2 e                             functions: <see cref="AttentionFunctions"/>
/// G     = G + log2(1 + 2^(σ log2 e - G))         with a sink σ; σ log2 e where G = +∞
/// y_c   = Σ_i 2^(lse2_i - G) O_{i,c}             one chain of fma from +0, ascending
/// </code>
/// lse2_i is the base-2 log-sum-exp of split i, O_i [Dv] its output, divided already. A sink changes weights, not lse. Rule N23; FlashMLA, combine; docs/spec/attention-contract.md 6.
/// </remarks>
public static class CombineSplits
{
    private const int Lanes = 32;
    private const float Log2E = (float)AttentionContract.Log2E;

    /// <summary>The definition; returns lse.</summary>
    /// <param name="partials">O, one row of Dv values a split.</param>
    /// <param name="lse2">One value a split.</param>
    /// <param name="functions">2^x and log2.</param>
    /// <param name="sink">attn_sink of the head, or null.</param>
    /// <param name="y">Dv values.</param>
    /// <exception cref="ShapeException">partials are not a row of y's length for each split.</exception>
    public static float Define(ReadOnlySpan<float> partials, ReadOnlySpan<float> lse2, AttentionFunctions functions, float? sink, Span<float> y)
    {
        ArgumentNullException.ThrowIfNull(functions);
        if (partials.Length != (long)lse2.Length * y.Length)
            throw new ShapeException($"{lse2.Length} splits of {y.Length} channels have {partials.Length} partial values, expected {(long)lse2.Length * y.Length}");

        float M = float.NegativeInfinity;
        for (int i = 0; i < lse2.Length; i++)
            M = ContractSteps.Maximum(MaximumRule.DropsNaN, M, lse2[i]);
        if (M == float.NegativeInfinity)
            M = 0f;

        float[] lane = new float[Lanes];
        for (int i = 0; i < lse2.Length; i++)
            lane[i % Lanes] = lane[i % Lanes] + functions.Exp2(lse2[i] - M);
        for (int h = Lanes / 2; h >= 1; h /= 2)
        {
            for (int j = 0; j < h; j++)
                lane[j] = lane[j] + lane[j + h];
        }

        float S = lane[0];
        float G = S == 0f ? float.PositiveInfinity : functions.Log2(S) + M;
        float lse = functions.Natural(G);

        if (sink is float sigma)
        {
            float s2 = sigma * Log2E;
            if (G != float.PositiveInfinity)
                G = G + functions.Log2(1f + functions.Exp2(MathF.FusedMultiplyAdd(sigma, Log2E, -G)));
            else
                G = s2 == float.NegativeInfinity ? float.PositiveInfinity : s2;
        }

        y.Clear();
        for (int i = 0; i < lse2.Length; i++)
        {
            float weight = functions.Exp2(lse2[i] - G);
            for (int c = 0; c < y.Length; c++)
                y[c] = MathF.FusedMultiplyAdd(weight, partials[i * y.Length + c], y[c]);
        }

        return lse;
    }
}
