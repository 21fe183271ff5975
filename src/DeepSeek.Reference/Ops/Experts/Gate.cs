using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>Chooses K of E experts for each token and weighs them.</summary>
/// <remarks>
/// <code>
/// s_i  = sigmoid(l_i), or softmax over the experts       correctly rounded sigmoid; rule N10
/// c_i  = s_i + b_i                                        binary32, for the choice only
/// g_j  = sum of the two largest c of group j, or the largest
/// keep the KeptGroups groups of largest g; c of the others is masked
/// idx  = the K largest c, larger first, then lower index  rule N9
/// w_k  = (s_idx[k] / (Σ s_idx + ε)) · scale               Sequential sum in slot order, each step one rounding; rule N16
/// </code>
/// logits [T, E], bias [E] or none, scores [T, E] (s, without bias), indices [T, K] (descending c), weights [T, K]. Groups are E / Groups consecutive
/// experts; a group of one expert scores its c. Without normalisation w_k = s · scale. <see cref="GateRounding.EveryStep"/> rounds s, the sum (and again
/// after adding ε), the quotient and the scaled weight to bfloat16; with softmax the scaled weight alone. <see cref="GroupMask.NegativeInfinity"/> leaves masked experts out by index;
/// <see cref="GroupMask.Zero"/> gives them c = +0. DeepSeek-V3 report 2.1.2; docs/spec/moe.md 2 to 4.
/// </remarks>
public static partial class Gate
{
    /// <summary>The definition: what every backend must equal, bit for bit.</summary>
    /// <exception cref="ShapeException">The sizes do not fit together, or fewer than K experts may be chosen.</exception>
    /// <exception cref="NotANumberException">A biased score or a group's score is NaN; names the token's row.</exception>
    public static void Define(
        ReadOnlySpan<float> logits, ReadOnlySpan<float> bias, int E, int K, GateAttributes attributes,
        Span<float> scores, Span<int> indices, Span<float> weights) =>
        DefineRows(logits, bias, E, K, attributes, scores, indices, weights, firstToken: 0);

    /// <summary>As <see cref="Define"/>, for rows that begin at <paramref name="firstToken"/> of a larger tensor, which errors name.</summary>
    internal static void DefineRows(
        ReadOnlySpan<float> logits, ReadOnlySpan<float> bias, int E, int K, GateAttributes attributes,
        Span<float> scores, Span<int> indices, Span<float> weights, int firstToken)
    {
        int T = CheckedRows(logits, bias, E, K, attributes, scores, indices, weights);
        Span<float> c = new float[E];
        for (int t = 0; t < T; t++)
        {
            Span<float> s = scores.Slice(t * E, E);
            if (attributes.Scoring == ScoringFunction.Softmax)
                Softmax.Define(logits.Slice(t * E, E), E, s);
            for (int i = 0; i < E; i++)
            {
                if (attributes.Scoring == ScoringFunction.Sigmoid)
                    s[i] = Correct.Sigmoid(logits[t * E + i]);
                s[i] = Rounded(s[i], attributes.RoundsScores);
                c[i] = bias.IsEmpty ? s[i] : s[i] + bias[i];
            }

            Span<int> idx = indices.Slice(t * K, K);
            if (!TryChoose(c, attributes, idx))
                throw NotANumber(firstToken + t);
            Weigh(s, idx, attributes, weights.Slice(t * K, K));
        }
    }

    /// <summary>Steps 3 to 6: group scores, kept groups, mask, choice. c is overwritten. False when a NaN has to be ordered.</summary>
    internal static bool TryChoose(Span<float> c, GateAttributes attributes, Span<int> idx)
    {
        int G = attributes.Groups;
        if (attributes.KeptGroups >= G)
            return TopK.TryChoose(c, idx);

        int size = c.Length / G;
        Span<float> g = G <= 256 ? stackalloc float[G] : new float[G];
        for (int j = 0; j < G; j++)
            g[j] = ScoreOfGroup(c.Slice(j * size, size), attributes.GroupScore);
        Span<int> kept = G <= 256 ? stackalloc int[attributes.KeptGroups] : new int[attributes.KeptGroups];
        if (!TopK.TryChoose(g, kept))
            return false;

        if (attributes.Mask == GroupMask.Zero)
        {
            for (int j = 0; j < G; j++)
            {
                if (!kept.Contains(j))
                    c.Slice(j * size, size).Clear();
            }

            return TopK.TryChoose(c, idx);
        }

        // The kept groups' experts alone, in ascending order, so that an index among them keeps the order of ids.
        kept.Sort();
        for (int j = 0; j < kept.Length; j++)
            c.Slice(kept[j] * size, size).CopyTo(c.Slice(j * size, size));
        if (!TopK.TryChoose(c[..(kept.Length * size)], idx))
            return false;
        foreach (ref int i in idx)
            i = kept[i / size] * size + i % size;
        return true;
    }

    /// <summary>NaN when a score of the group is NaN: the order of groups is then undefined.</summary>
    private static float ScoreOfGroup(ReadOnlySpan<float> c, GroupScore rule)
    {
        float first = float.NegativeInfinity, second = float.NegativeInfinity;
        foreach (float v in c)
        {
            second = MathF.Max(second, MathF.Min(first, v));
            first = MathF.Max(first, v);
        }

        return rule == GroupScore.TopTwoSum && c.Length > 1 ? first + second : first;
    }

    /// <summary>The last step: weights of the chosen slots.</summary>
    internal static void Weigh(ReadOnlySpan<float> s, ReadOnlySpan<int> idx, GateAttributes attributes, Span<float> w)
    {
        float sum = 0f;
        foreach (int i in idx)
            sum += s[i];
        bool steps = attributes.RoundsScores;
        sum = Rounded(Rounded(sum, steps) + attributes.Epsilon, steps);

        for (int k = 0; k < idx.Length; k++)
        {
            float share = attributes.Normalize ? Rounded(s[idx[k]] / sum, steps) : s[idx[k]];
            w[k] = Rounded(share * attributes.Scale, attributes.Rounding == GateRounding.EveryStep);
        }
    }

    private static float Rounded(float x, bool rounds) => rounds ? BFloat16.RoundToFloat(x) : x;

    internal static NotANumberException NotANumber(int token) =>
        new($"the experts of token row {token} cannot be chosen: a biased score or group score is NaN; look for NaN in its router logits or in the bias");

    private static int CheckedRows(
        ReadOnlySpan<float> logits, ReadOnlySpan<float> bias, int E, int K, GateAttributes attributes,
        Span<float> scores, Span<int> indices, Span<float> weights)
    {
        int T = Shape.Rows(logits, E);
        if (!bias.IsEmpty && bias.Length != E)
            throw new ShapeException($"Gate: a bias of {bias.Length} for {E} experts");
        if (scores.Length != logits.Length || indices.Length != (long)T * K || weights.Length != (long)T * K)
            throw new ShapeException($"Gate: {T} tokens, {E} experts and {K} slots need {(long)T * E} scores and {(long)T * K} indices and weights; got {scores.Length}, {indices.Length}, {weights.Length}");
        RequireChoice(E, K, attributes);
        return T;
    }

    /// <summary>Throws unless K experts can be chosen.</summary>
    internal static void RequireChoice(int E, int K, GateAttributes attributes)
    {
        if (attributes.Groups < 1 || E % attributes.Groups != 0)
            throw new ShapeException($"Gate: {E} experts do not divide into {attributes.Groups} groups");
        if (attributes.KeptGroups < 1 || attributes.KeptGroups > attributes.Groups)
            throw new ShapeException($"Gate: {attributes.KeptGroups} of {attributes.Groups} groups cannot be kept");
        int choice = attributes.Mask == GroupMask.Zero ? E : E / attributes.Groups * attributes.KeptGroups;
        if (K < 0 || K > choice)
            throw new ShapeException($"Gate: {K} experts cannot be chosen among {choice} of {E}, with {attributes.KeptGroups} of {attributes.Groups} groups kept");
    }
}
