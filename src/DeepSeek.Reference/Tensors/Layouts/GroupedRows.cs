namespace DeepSeek.Reference.Layouts;

/// <summary>Groups one after the other, each beginning at a multiple of a tile's rows: DeepGEMM's M-grouped contiguous layout, and the rows of K-grouped operands.</summary>
/// <remarks>
/// <code>
/// grouped[align=A,fill=poison|zero,offsets=0:...]
/// starts[0] = 0,  starts[g+1] = starts[g] + align(M_g, A)        row t of group g at starts[g] + t - offsets[g]
/// index[r]  = g for rows of group g, -1 for padding              m_indices
/// ends[g]   = starts[g] + M_g                                    the prefix sums of DeepGEMM's psum form
/// </code>
/// fill=zero is for K in groups, [Σ K_g, M]: rows of padding are summed there and must be zero. DeepGEMM README and csrc/apis/gemm.hpp; the alignment is 128 on Hopper.
/// </remarks>
internal sealed class GroupedRows(long align, bool zeroFill, long[]? offsets) : RowPlacement
{
    public override string Text => LayoutText.Write("grouped",
        ("align", LayoutText.Unless(align, RowGroups.UsualAlignment)), ("fill", zeroFill ? "zero" : null), ("offsets", LayoutText.Join(offsets)));

    public override bool NeedsOffsets => offsets is null;

    public override RowPlacement With(long[]? groups) => new GroupedRows(align, zeroFill, groups);

    public override PlacedRows Place(long rows, Layout layout)
    {
        long[] of = RowGroups.Of(offsets, rows, layout), starts = RowGroups.Starts(of, align);
        var rowOf = new long[rows];
        var index = new long[starts[^1]];
        Array.Fill(index, -1);
        for (int g = 0; g + 1 < of.Length; g++)
        {
            for (long t = of[g]; t < of[g + 1]; t++)
            {
                rowOf[t] = starts[g] + t - of[g];
                index[rowOf[t]] = g;
            }
        }

        long[] ends = [.. starts.Zip(RowGroups.Counts(of), (start, count) => start + count)];
        return new PlacedRows(rowOf, [starts[^1]], [starts[^1]], new Dictionary<string, IReadOnlyList<long>>
        {
            ["offsets"] = of,
            ["starts"] = starts,
            ["ends"] = ends,
            ["index"] = index,
        })
        { ZeroFill = zeroFill };
    }
}
