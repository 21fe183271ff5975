namespace DeepSeek.Reference.Layouts;

/// <summary>Sequences in pages of a few rows, which lie anywhere: the cache of FlashMLA and of serving engines.</summary>
/// <remarks>
/// <code>
/// paged[block=B,spare=S,pages=N,offsets=0:...,table=p:p:...]
/// row j of sequence b at row j mod B of page table[b][j / B]; pages are B + S rows apart
/// </code>
/// A kernel finds [N, B, ...] with that stride, the table [sequences, width] and the lengths. The text lists the pages of all sequences one after the other, ceil(length/B) each.
/// Rows beyond a sequence's end, spare rows and pages of no sequence are padding; table entries beyond a sequence's pages are 2^31 - 1, which no kernel may follow.
/// Without a table the pages lie backwards and page 0 is nobody's, so that a kernel that takes them in order is found out. Without offsets there is one sequence.
/// FlashMLA has B = 64, and its tests one spare row, and a table whose unused entries are out of range (tests/test_flash_mla_dense_decoding.py, tests/quant.py).
/// </remarks>
internal sealed class PagedRows : RowPlacement
{
    private const long UsualBlock = 64;
    private readonly long block;
    private readonly long spare;
    private readonly long pages;
    private readonly long[]? offsets;
    private readonly long[]? table;

    private PagedRows(long block, long spare, long pages, long[]? offsets, long[]? table)
    {
        this.block = block;
        this.spare = spare;
        this.pages = pages;
        this.offsets = offsets;
        this.table = table;
    }

    public override string Text => LayoutText.Write("paged", ("block", LayoutText.Unless(block, UsualBlock)), ("spare", LayoutText.Unless(spare, 0)),
        ("pages", LayoutText.Unless(pages, 0)), ("offsets", LayoutText.Join(offsets)), ("table", LayoutText.Join(table)));

    public override bool NeedsOffsets => false;

    public static PagedRows Parse(LayoutText text, long[]? offsets) =>
        new(text.Whole("block", UsualBlock, least: 1), text.Whole("spare", 0, least: 0), text.Whole("pages", 0, least: 0), offsets, text.List("table"));

    public override RowPlacement With(long[]? groups) => new PagedRows(block, spare, pages, groups, table);

    public override PlacedRows Place(long rows, Layout layout)
    {
        long[] of = offsets is null ? [0, rows] : RowGroups.Of(offsets, rows, layout), lengths = RowGroups.Counts(of);
        long[] blocks = [.. lengths.Select(n => (n + block - 1) / block)];
        long needed = blocks.Sum(), width = blocks.DefaultIfEmpty().Max();
        long[] list = table ?? [.. Enumerable.Range(0, checked((int)needed)).Select(i => needed - i)];
        long count = pages > 0 ? pages : table is null ? needed + 1 : table.DefaultIfEmpty(-1).Max() + 1;
        if (list.Length != needed)
            throw new ShapeException($"layout {layout}: the table has {list.Length} pages, but sequences of {LayoutText.Join(lengths)} rows take {needed} of {block}");
        RequirePages(list, count, layout);

        var rowOf = new long[rows];
        var wide = new long[checked(lengths.Length * width)];
        Array.Fill(wide, int.MaxValue);
        long first = 0;
        for (int b = 0; b < lengths.Length; b++)
        {
            for (long i = 0; i < blocks[b]; i++)
                wide[b * width + i] = list[first + i];
            for (long j = 0; j < lengths[b]; j++)
                rowOf[of[b] + j] = list[first + j / block] * (block + spare) + j % block;
            first += blocks[b];
        }

        return new PlacedRows(rowOf, [count, block + spare], [count, block], new Dictionary<string, IReadOnlyList<long>>
        {
            ["table"] = wide,
            ["width"] = [width],
            ["lengths"] = lengths,
        });
    }

    private static void RequirePages(long[] pages, long count, Layout layout)
    {
        var owner = new Dictionary<long, int>();
        for (int i = 0; i < pages.Length; i++)
        {
            if (pages[i] >= count)
                throw new ShapeException($"layout {layout}: entry {i} of the table is page {pages[i]}; there are pages 0 to {count - 1}");
            if (!owner.TryAdd(pages[i], i))
                throw new ShapeException($"layout {layout}: page {pages[i]} is shared by entries {owner[pages[i]]} and {i} of the table; give each a page of its own");
        }
    }
}
