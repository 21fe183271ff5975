namespace DeepSeek.Reference.Layouts;

/// <summary>Rows in consecutive groups, by prefix sums: group g has rows offsets[g] to offsets[g + 1]. Sequences of a batch and tokens of an expert are such groups.</summary>
internal static class RowGroups
{
    /// <summary>Rows of a tile that belongs to one group: DeepGEMM's get_mk_alignment_for_contiguous_layout on Hopper.</summary>
    public const long UsualAlignment = 128;

    /// <summary>Refuses what are no prefix sums; null stays null.</summary>
    public static long[]? Require(long[]? offsets, string layout)
    {
        if (offsets is null)
            return null;
        if (offsets.Length == 0 || offsets[0] != 0)
            throw new ContractException($"layout '{layout}': offsets {LayoutText.Join(offsets)} do not begin with 0");
        for (int g = 1; g < offsets.Length; g++)
        {
            if (offsets[g] < offsets[g - 1])
                throw new ContractException($"layout '{layout}': offsets fall at group {g - 1}: {offsets[g - 1]}, {offsets[g]}");
        }

        return offsets;
    }

    /// <summary>The offsets, which must end at the tensor's rows.</summary>
    public static long[] Of(long[]? offsets, long rows, Layout layout)
    {
        if (offsets is null)
            throw new ShapeException($"layout {layout} needs the groups of the {rows} rows: offsets=0:...:{rows}");
        if (offsets[^1] != rows)
            throw new ShapeException($"layout {layout}: the offsets end at {offsets[^1]}, but the tensor has {rows} rows");
        return offsets;
    }

    /// <summary>Rows of each group.</summary>
    public static long[] Counts(long[] offsets) => [.. offsets.Skip(1).Zip(offsets, (end, start) => end - start)];

    /// <summary>Where each group begins, and the end, when each begins at a multiple.</summary>
    public static long[] Starts(long[] offsets, long multiple)
    {
        var starts = new long[offsets.Length];
        for (int g = 1; g < starts.Length; g++)
            starts[g] = checked(starts[g - 1] + LayoutText.Align(offsets[g] - offsets[g - 1], multiple));
        return starts;
    }
}
