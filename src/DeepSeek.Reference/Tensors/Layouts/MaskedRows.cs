namespace DeepSeek.Reference.Layouts;

/// <summary>A rectangle of rows for each group, filled from its start: DeepGEMM's M-grouped masked layout, DeepEP's low-latency receive buffer, a batch padded to its longest sequence.</summary>
/// <remarks>
/// <code>
/// masked[rows=R,offsets=0:...]        row t of group g at g · R + t - offsets[g]; the rows beyond counts[g] = offsets[g+1] - offsets[g] are padding
/// </code>
/// A kernel finds [groups, R, ...] and counts (masked_m). R is the largest count where it is not given.
/// </remarks>
internal sealed class MaskedRows(long most, long[]? offsets) : RowPlacement
{
    public override string Text => LayoutText.Write("masked", ("rows", LayoutText.Unless(most, 0)), ("offsets", LayoutText.Join(offsets)));

    public override bool NeedsOffsets => offsets is null;

    public override RowPlacement With(long[]? groups) => new MaskedRows(most, groups);

    public override PlacedRows Place(long rows, Layout layout)
    {
        long[] of = RowGroups.Of(offsets, rows, layout), counts = RowGroups.Counts(of);
        long rectangle = most > 0 ? most : counts.DefaultIfEmpty().Max();
        var rowOf = new long[rows];
        for (int g = 0; g < counts.Length; g++)
        {
            if (counts[g] > rectangle)
                throw new ShapeException($"layout {layout}: group {g} has {counts[g]} rows, more than the {rectangle} of its rectangle");
            for (long t = 0; t < counts[g]; t++)
                rowOf[of[g] + t] = g * rectangle + t;
        }

        return new PlacedRows(rowOf, [counts.Length, rectangle], [counts.Length, rectangle], new Dictionary<string, IReadOnlyList<long>> { ["counts"] = counts });
    }
}
