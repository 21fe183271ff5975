namespace DeepSeek.Reference.Layouts;

/// <summary>Which row of memory holds a row of the tensor; a row is an index of the outermost dimension.</summary>
internal abstract class RowPlacement
{
    /// <summary>The names, for errors.</summary>
    public const string Names = "grouped, masked, varlen, paged";

    /// <summary>The canonical text.</summary>
    public abstract string Text { get; }

    /// <summary>Whether groups of rows are still to be given.</summary>
    public abstract bool NeedsOffsets { get; }

    /// <summary>The same with its groups of rows.</summary>
    public abstract RowPlacement With(long[]? offsets);

    /// <summary>The placement of a text; null where it names none.</summary>
    public static RowPlacement? Parse(LayoutText text)
    {
        RowPlacement? placement = text.Name switch
        {
            "grouped" => new GroupedRows(text.Whole("align", RowGroups.UsualAlignment, least: 1), text.Word("fill", "poison", "zero") == "zero", Groups(text)),
            "masked" => new MaskedRows(text.Whole("rows", 0, least: 0), Groups(text)),
            "varlen" => new SequenceRows(Groups(text)),
            "paged" => PagedRows.Parse(text, Groups(text)),
            _ => null,
        };
        if (placement is not null)
            text.Finish();
        return placement;
    }

    /// <summary>Places the rows of a tensor.</summary>
    /// <exception cref="ShapeException">They do not fit.</exception>
    public abstract PlacedRows Place(long rows, Layout layout);

    private static long[]? Groups(LayoutText text) => RowGroups.Require(text.List("offsets"), text.Name);
}

/// <summary>Rows that have been placed.</summary>
/// <param name="RowOf">Row of memory of each row.</param>
/// <param name="Allocated">Dimensions of memory that take the place of the outermost one.</param>
/// <param name="Viewed">The same as a kernel is told, without spare rows at the end of a page.</param>
/// <param name="Parameters">Numbers that a kernel needs.</param>
internal sealed record PlacedRows(long[] RowOf, long[] Allocated, long[] Viewed, IReadOnlyDictionary<string, IReadOnlyList<long>> Parameters)
{
    /// <summary>Whether rows of padding hold zeros in place of poison.</summary>
    public bool ZeroFill { get; init; }
}
