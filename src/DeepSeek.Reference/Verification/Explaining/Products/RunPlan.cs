using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Where the runs of a sum begin and end, and which part of a split each belongs to.</summary>
internal sealed record RunPlan(int[] Start, int[] Count, int[] Part)
{
    /// <summary>The runs of K elements. Parts are cut at whole runs and whole scale blocks: each has ceil(blocks / parts) of them, the last the rest.</summary>
    /// <param name="K">Elements.</param>
    /// <param name="promotion">Elements of a run; 0: a part is one run.</param>
    /// <param name="parts">Parts of the split.</param>
    /// <param name="interleaved">Block i belongs to part i mod parts.</param>
    public static RunPlan Of(int K, int promotion, int parts, bool interleaved)
    {
        int unit = Math.Max(promotion, ScaledProduct.ScaleBlock);
        int blocks = Math.Max(1, (K + unit - 1) / unit);
        int stretch = (blocks + parts - 1) / parts * unit;
        int run = promotion == 0 ? stretch : promotion;
        int runs = Math.Max(1, (K + run - 1) / run);
        var plan = new RunPlan(new int[runs], new int[runs], new int[runs]);
        for (int i = 0; i < runs; i++)
        {
            int k = i * run;
            (plan.Start[i], plan.Count[i]) = (k, Math.Min(run, K - k));
            plan.Part[i] = interleaved ? k / unit % parts : k / stretch;
        }

        return plan;
    }

    /// <summary>Whether each part is one run.</summary>
    public bool HasOneRunAPart => Start.Length <= 1 || Part[^1] == Start.Length - 1;
}
