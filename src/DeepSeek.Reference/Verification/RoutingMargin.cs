using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>How clear a token's choice of experts was, and what another order of sums may do to it in bfloat16.</summary>
/// <remarks>
/// The scores of a BF16 router are rounded to BF16, so another order of the sums before them moves a score by a step or not at all.
/// With u the BF16 step at the row's largest score, a difference of two scores moves by at most 2u and a difference of two group scores
/// (sums of two scores) by at most 4u. A choice is clear, and must be the oracle's, where the least kept group beats the best dropped one by more
/// than 4u and the least chosen expert beats the best other one by more than 2u; its slots must stand in the oracle's order where neighbours
/// are more than 2u apart. On golden/oracles/bf16 no score of ours is more than one step from the official one.
/// </remarks>
internal static class RoutingMargin
{
    /// <summary>What is known of one row.</summary>
    /// <param name="SetIsClear">The set of experts must be equal.</param>
    /// <param name="OrderIsClear">So must their order.</param>
    public readonly record struct Clarity(bool SetIsClear, bool OrderIsClear);

    /// <summary>layers.3.topk_indices to layers.3.router_scores.</summary>
    public static string ScoresOf(string probe) => probe[..probe.LastIndexOf("topk_", StringComparison.Ordinal)] + "router_scores";

    /// <summary>The clarity of one row's choice of K experts.</summary>
    public static Clarity Of(ReadOnlySpan<double> scores, ReadOnlySpan<double> bias, int K, int groups, int keptGroups, GroupScore groupScore)
    {
        int E = scores.Length;
        var c = new double[E];
        double largest = 0;
        for (int e = 0; e < E; e++)
        {
            c[e] = scores[e] + (bias.IsEmpty ? 0 : bias[e]);
            largest = Math.Max(largest, Math.Abs(scores[e]));
        }

        double u = largest == 0 ? 0 : double.ScaleB(1, Math.ILogB(largest) - 7);
        int size = E / groups;
        double[] group = [.. Enumerable.Range(0, groups).Select(g => Score(c.AsSpan(g * size, size), groupScore))];
        int[] order = [.. Enumerable.Range(0, groups).OrderByDescending(g => group[g])];
        bool groupsClear = keptGroups >= groups || group[order[keptGroups - 1]] - group[order[keptGroups]] > (groupScore == GroupScore.TopTwoSum ? 4 : 2) * u;

        double[] candidates = [.. order.Take(keptGroups).SelectMany(g => c.Skip(g * size).Take(size)).OrderDescending()];
        bool set = groupsClear && (candidates.Length == K || candidates[K - 1] - candidates[K] > 2 * u);
        bool ordered = set;
        for (int k = 0; k + 1 < K; k++)
            ordered &= candidates[k] - candidates[k + 1] > 2 * u;
        return new Clarity(set, ordered);
    }

    private static double Score(ReadOnlySpan<double> c, GroupScore rule)
    {
        double first = double.NegativeInfinity, second = double.NegativeInfinity;
        foreach (double x in c)
        {
            if (x > first)
                (first, second) = (x, first);
            else if (x > second)
                second = x;
        }

        return rule == GroupScore.TopTwoSum && c.Length > 1 ? first + second : first;
    }
}
