using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Faulty;

/// <summary>The gate in plain loops, every step of which a variant may replace; as it stands it chooses by sorting, with the contract's tie rule, in binary32.</summary>
internal sealed record GateLoop
{
    /// <summary>The scoring function of a logit.</summary>
    public Func<float, float> Sigmoid { get; init; } = Correct.Sigmoid;

    /// <summary>What a bias counts as.</summary>
    public Func<float, float> Bias { get; init; } = x => x;

    /// <summary>What a biased score counts as when experts are chosen.</summary>
    public Func<float, float> Choice { get; init; } = x => x;

    /// <summary>Among equals the higher index comes first.</summary>
    public bool HigherFirst { get; init; }

    /// <summary>The weights are made of biased scores.</summary>
    public bool WeighsBiased { get; init; }

    /// <summary>The weights are divided by the sum over all experts.</summary>
    public bool SumsAll { get; init; }

    /// <summary>Slots stand in ascending order of experts.</summary>
    public bool AscendingIds { get; init; }

    /// <summary>The last slot repeats the one before it.</summary>
    public bool RepeatsLast { get; init; }

    /// <summary>Weights stand in ascending order of experts, ids as they should.</summary>
    public bool MisplacesWeights { get; init; }

    /// <summary>Runs the call by this loop.</summary>
    public void Run(GateCall call)
    {
        int T = (int)call.Logits.Shape[0], E = (int)call.Logits.Shape[1], K = (int)call.Indices.Shape[1];
        float[] logits = Values.Of(call.Logits), bias = call.Bias is null ? new float[E] : Values.Of(call.Bias);
        float[] scores = new float[T * E], weights = new float[T * K];
        Span<int> indices = call.Indices.AsSpan<int>();
        GateAttributes a = call.Attributes;
        for (int t = 0; t < T; t++)
        {
            float[] s = Array.ConvertAll(logits.AsSpan(t * E, E).ToArray(), l => Sigmoid(l));
            float[] c = [.. s.Select((v, i) => Choice(v + Bias(bias[i])))];
            int[] chosen = Choose(c, K, a);
            s.CopyTo(scores, t * E);
            chosen.CopyTo(indices[(t * K)..]);
            Weigh(WeighsBiased ? c : s, MisplacesWeights ? [.. chosen.Order()] : chosen, a).CopyTo(weights, t * K);
        }

        Values.Store(scores, call.Scores);
        Values.Store(weights, call.Weights);
    }

    private int[] Choose(float[] c, int K, GateAttributes a)
    {
        int size = c.Length / a.Groups;
        float[] groups = [.. Enumerable.Range(0, a.Groups).Select(g => ScoreOf(c.AsSpan(g * size, size), a.GroupScore))];
        int[] kept = [.. Sorted(groups).Take(a.KeptGroups)];
        float[] masked = [.. c.Select((v, i) => kept.Contains(i / size) ? v : a.Mask == GroupMask.Zero ? 0f : float.NegativeInfinity)];
        int[] chosen = [.. Sorted(masked).Take(K)];
        if (RepeatsLast && K > 1)
            chosen[^1] = chosen[^2];
        if (AscendingIds)
            Array.Sort(chosen);
        return chosen;
    }

    private static float ScoreOf(ReadOnlySpan<float> c, GroupScore rule)
    {
        float[] sorted = c.ToArray();
        Array.Sort(sorted);
        return rule == GroupScore.Max || sorted.Length == 1 ? sorted[^1] : sorted[^1] + sorted[^2];
    }

    private IEnumerable<int> Sorted(float[] values) =>
        Enumerable.Range(0, values.Length).OrderByDescending(i => values[i]).ThenBy(i => HigherFirst ? -i : i);

    private float[] Weigh(float[] s, int[] chosen, GateAttributes a)
    {
        float sum = 0f;
        if (SumsAll)
        {
            foreach (float v in s)
                sum += v;
        }
        else
        {
            foreach (int i in chosen)
                sum += s[i];
        }

        sum += a.Epsilon;
        return Array.ConvertAll(chosen, i => (a.Normalize ? s[i] / sum : s[i]) * a.Scale);
    }
}
