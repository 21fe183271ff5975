using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Faulty;

internal static partial class Bugs
{
    /// <summary>Grouped products: which rows meet which weights, and which rows are written.</summary>
    private static IEnumerable<Variant> Groups()
    {
        yield return Variant.Instead<GroupedLinearCall>("last-group-wrong", "The last group meets the weights of the group before.", ["grouped_linear[r=40,g=4,n=32,k=64]"],
            c => c with { Weights = [.. c.Weights.Take(c.Weights.Count - 1), c.Weights[^2]] });
        yield return Variant.Instead<GroupedLinearCall>("empty-group-skipped", "A group without rows does not advance the weights.", ["grouped_linear[r=12,g=9,n=16,k=32]"],
            c => c with { Weights = AfterEmpty(c) });
        yield return Variant.Instead<GroupedLinearCall>("expert-offset-late", "Each group begins one row too late: its first row meets the weights before it.", ["grouped_linear[r=40,g=4,n=32,k=64]", "grouped_linear[r=64,g=8,n=64,k=256,y=bf16]"],
            c => c with { Offsets = [.. c.Offsets.Select((o, g) => g > 0 && g < c.Offsets.Count - 1 ? Math.Min(o + 1, c.Offsets[^1]) : o)] });
        yield return Variant.Of<GroupedLinearCall>("last-row-of-group-not-written", "The last row of the last group is not written.", ["grouped_linear[r=40,g=4,n=32,k=64]"],
            (c, run) =>
            {
                Tensor own = Values.Like(c.Y);
                run.Right(c with { Y = own });
                long rows = c.Y.Shape[0] - 1;
                own.Rows(0, rows).CopyTo(c.Y.Rows(0, rows));
            });
        yield return Variant.Instead<GroupedScaledLinearCall>("group-scales-of-first", "All groups take the first group's weight scales.", ["grouped_scaled_linear[r=40,g=4,n=32,k=256]"],
            c => c with { WeightScales = [.. c.WeightScales.Select(_ => c.WeightScales[0])] });
        yield return Variant.Instead<GroupedScaledLinearCall>("grouped-fp8-offset-late", "Each group begins one row too late.", ["grouped_scaled_linear[r=64,g=4,n=64,k=256]"],
            c => c with { Offsets = [.. c.Offsets.Select((o, g) => g > 0 && g < c.Offsets.Count - 1 ? Math.Min(o + 1, c.Offsets[^1]) : o)] });
        yield return Variant.Of<IndexedScaledLinearCall>("padding-rows-written", "Rows of group -1 are written: zeros.", ["indexed_scaled_linear[r=32,g=2,n=32,k=128,align=8]"],
            (c, run) =>
            {
                run.Right(c);
                int N = (int)c.Y.Shape[1];
                ReadOnlySpan<int> groups = c.Groups.AsReadOnlySpan<int>();
                for (int t = 0; t < groups.Length; t++)
                {
                    if (groups[t] < 0)
                        Operands.Store(new float[N], c.Y, (long)t * N);
                }
            });
        yield return Variant.Instead<IndexedScaledLinearCall>("group-of-tile-before", "The first tile of a new group still meets the old group's weights.", ["indexed_scaled_linear[r=32,g=2,n=32,k=128,align=8]"],
            c => c with { Groups = TileBefore(c) });
        yield return Variant.Instead<MaskedScaledLinearCall>("mask-counts-ignored", "All rows of the masked layout are computed and written.", ["masked_scaled_linear[m=12,g=3,n=32,k=128]"],
            c => c with { Counts = Values.Map(c.Counts, _ => c.X.Shape[1]) });
        yield return Variant.Instead<MaskedScaledLinearCall>("mask-count-short", "The last valid row of each group is left out.", ["masked_scaled_linear[m=12,g=3,n=32,k=128]"],
            c => c with { Counts = Values.Map(c.Counts, n => Math.Max(0, n - 1)) });
        yield return Variant.Of<MaskedScaledLinearCall>("masked-weights-of-next-group", "The last group meets the first group's weights.", ["masked_scaled_linear[m=12,g=3,n=32,k=128]"],
            (c, run) => run.Right(c with { Weights = [.. c.Weights.Take(c.Weights.Count - 1), c.Weights[0]], WeightScales = [.. c.WeightScales.Take(c.Weights.Count - 1), c.WeightScales[0]] }));
    }

    /// <summary>Weights as a loop hands them out that counts only groups with rows.</summary>
    private static Tensor[] AfterEmpty(GroupedLinearCall c)
    {
        var weights = new Tensor[c.Weights.Count];
        int next = 0;
        for (int g = 0; g < weights.Length; g++)
            weights[g] = c.Offsets[g + 1] > c.Offsets[g] ? c.Weights[next++] : c.Weights[g];
        return weights;
    }

    private static Tensor TileBefore(IndexedScaledLinearCall c)
    {
        int[] groups = c.Groups.AsReadOnlySpan<int>().ToArray();
        for (int t = groups.Length - 1; t >= c.Alignment; t--)
        {
            if (groups[t] >= 0)
                groups[t] = Math.Max(groups[t - c.Alignment], 0);
        }

        return Tensor.From(groups, groups.Length);
    }
}
