namespace DeepSeek.Reference.Layouts;

/// <summary>Sequences one after the other without padding, told apart by cumulative lengths (cu_seqlens).</summary>
/// <remarks>
/// <code>
/// varlen[offsets=0:...]        row t stays row t; sequence b has rows offsets[b] to offsets[b+1]
/// </code>
/// FlashMLA, flash_attn_varlen_func: cu_seqlens_qo, cu_seqlens_kv and the longest length.
/// </remarks>
internal sealed class SequenceRows(long[]? offsets) : RowPlacement
{
    public override string Text => LayoutText.Write("varlen", ("offsets", LayoutText.Join(offsets)));

    public override bool NeedsOffsets => offsets is null;

    public override RowPlacement With(long[]? groups) => new SequenceRows(groups);

    public override PlacedRows Place(long rows, Layout layout)
    {
        long[] of = RowGroups.Of(offsets, rows, layout);
        var rowOf = new long[rows];
        for (long t = 0; t < rows; t++)
            rowOf[t] = t;
        return new PlacedRows(rowOf, [rows], [rows], new Dictionary<string, IReadOnlyList<long>>
        {
            ["cu_seqlens"] = of,
            ["longest"] = [RowGroups.Counts(of).DefaultIfEmpty().Max()],
        });
    }
}
