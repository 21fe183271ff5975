using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>
/// Backward. The choice and the bias have no gradient; what was chosen is a given. With q_k = s_idx[k] / Σ, Σ = Σ s_idx + ε as the forward rounds them:
/// <code>
/// a     = Σ_k dw_k q_k                                Sequential in slot order, from +0, one fma a term
/// ds_k  = ((dw_k - a) · scale) / Σ                    with normalisation; without: dw_k · scale
/// ds_i  = +0 for experts that were not chosen; then + the balance loss's, where there is one
/// dl_i  = ds_i · (s_i · σ(-l_i))                      sigmoid: 1 - σ(l) = σ(-l), correctly rounded
/// dl_i  = s_i · (ds_i - Σ_j s_j ds_j)                 softmax: Lanes16 over the experts, one fma a term
/// </code>
/// <see cref="GateRounding.None"/> alone. DeepSeek-V3 report 2.1.2; rules N16, N24.
/// </remarks>
public static partial class Gate
{
    /// <summary>The definition of the backward: what every backend must equal, bit for bit.</summary>
    /// <param name="logits">T rows of E values, what the forward took.</param>
    /// <param name="scores">T rows of E values, what the forward gave.</param>
    /// <param name="indices">T rows of K experts, what the forward gave.</param>
    /// <param name="E">Experts.</param>
    /// <param name="K">Slots.</param>
    /// <param name="attributes">What the forward took.</param>
    /// <param name="dWeights">T rows of K values.</param>
    /// <param name="dScores">T rows of E values that are added to the scores' gradient, or empty.</param>
    /// <param name="dLogits">T rows of E values; may be dScores.</param>
    /// <exception cref="ShapeException">The sizes do not fit together.</exception>
    /// <exception cref="ContractException">A gate that rounds to bfloat16.</exception>
    public static void DefineBackward(
        ReadOnlySpan<float> logits, ReadOnlySpan<float> scores, ReadOnlySpan<int> indices, int E, int K, GateAttributes attributes,
        ReadOnlySpan<float> dWeights, ReadOnlySpan<float> dScores, Span<float> dLogits)
    {
        int T = CheckedBackward(logits, scores, indices, E, K, attributes, dWeights, dScores, dLogits);
        Span<float> ds = new float[E];
        for (int t = 0; t < T; t++)
        {
            ReadOnlySpan<float> l = logits.Slice(t * E, E);
            ReadOnlySpan<float> s = scores.Slice(t * E, E);
            Span<float> dl = dLogits.Slice(t * E, E);
            ScoreGradients(s, indices.Slice(t * K, K), attributes, dWeights.Slice(t * K, K), dScores.IsEmpty ? default : dScores.Slice(t * E, E), ds);

            if (attributes.Scoring == ScoringFunction.Sigmoid)
            {
                for (int i = 0; i < E; i++)
                    dl[i] = ds[i] * (s[i] * Correct.Sigmoid(-l[i]));
                continue;
            }

            var sum = new Lanes16();
            for (int i = 0; i < E; i++)
                sum.AddProduct(i, s[i], ds[i]);
            float c = sum.Fold();
            for (int i = 0; i < E; i++)
                dl[i] = s[i] * (ds[i] - c);
        }
    }

    /// <summary>The same bits as <see cref="DefineBackward"/> for one token, its functions and sums by vector instructions. ds is scratch of E values.</summary>
    internal static void SimdBackwardToken(
        ReadOnlySpan<float> l, ReadOnlySpan<float> s, ReadOnlySpan<int> idx, GateAttributes attributes,
        ReadOnlySpan<float> dw, ReadOnlySpan<float> dScores, Span<float> dl, Span<float> ds)
    {
        ScoreGradients(s, idx, attributes, dw, dScores, ds);
        if (attributes.Scoring == ScoringFunction.Sigmoid)
        {
            for (int i = 0; i < l.Length; i++)
                dl[i] = -l[i];
            Correct.Sigmoid(dl, dl);
            for (int i = 0; i < l.Length; i++)
                dl[i] = ds[i] * (s[i] * dl[i]);
            return;
        }

        float c = LaneSums.Dot(s, ds);
        for (int i = 0; i < l.Length; i++)
            dl[i] = s[i] * (ds[i] - c);
    }

    /// <summary>ds of one token: what the chosen slots give, then the other loss's.</summary>
    private static void ScoreGradients(
        ReadOnlySpan<float> s, ReadOnlySpan<int> idx, GateAttributes attributes, ReadOnlySpan<float> dw, ReadOnlySpan<float> dScores, Span<float> ds)
    {
        float sum = 0f;
        foreach (int i in idx)
            sum += s[i];
        sum += attributes.Epsilon;
        float a = 0f;
        for (int k = 0; k < idx.Length; k++)
            a = MathF.FusedMultiplyAdd(dw[k], s[idx[k]] / sum, a);

        ds.Clear();
        for (int k = 0; k < idx.Length; k++)
            ds[idx[k]] = attributes.Normalize ? (dw[k] - a) * attributes.Scale / sum : dw[k] * attributes.Scale;
        for (int i = 0; i < dScores.Length; i++)
            ds[i] = ds[i] + dScores[i];
    }

    private static int CheckedBackward(
        ReadOnlySpan<float> logits, ReadOnlySpan<float> scores, ReadOnlySpan<int> indices, int E, int K, GateAttributes attributes,
        ReadOnlySpan<float> dWeights, ReadOnlySpan<float> dScores, Span<float> dLogits)
    {
        RequireBackward(attributes);
        int T = Shape.Rows(logits, E);
        if (scores.Length != logits.Length || dLogits.Length != logits.Length || (!dScores.IsEmpty && dScores.Length != logits.Length)
            || indices.Length != (long)T * K || dWeights.Length != (long)T * K)
            throw new ShapeException($"Gate backward: {T} tokens, {E} experts and {K} slots do not fit {scores.Length} scores, {indices.Length} indices, {dWeights.Length} dWeights, {dScores.Length} dScores, {dLogits.Length} dLogits");
        foreach (int i in indices)
        {
            if (i < 0 || i >= E)
                throw new ShapeException($"Gate backward: expert index {i} is not in [0, {E})");
        }

        return T;
    }

    /// <summary>Throws for a gate whose backward is not defined.</summary>
    internal static void RequireBackward(GateAttributes attributes)
    {
        Operands.RequireDefined(attributes.Scoring);
        if (attributes.Rounding != GateRounding.None)
            throw new ContractException($"the gate's backward is defined in binary32 alone, not with {nameof(GateRounding)} {attributes.Rounding}; take {nameof(GateRounding.None)}");
    }
}
