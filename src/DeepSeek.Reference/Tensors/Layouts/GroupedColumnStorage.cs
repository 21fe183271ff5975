namespace DeepSeek.Reference.Layouts;

/// <summary>K in groups: the rows of [K, M] are the summed dimension, and each group is stored on its own, transposed: M rows of its K.</summary>
/// <remarks>
/// <code>
/// group g: k from offsets[g] to offsets[g+1], K_g = align(offsets[g+1] - offsets[g], A), S_g = Σ_{h &lt; g} K_h
/// element (k, m) at M · S_g + m · K_g + (k - offsets[g])
/// beyond a group's last k: zero, since these elements are summed
/// </code>
/// A kernel finds a flat [M · Σ K_g]. DeepGEMM, k_grouped_fp8_gemm_nt_contiguous (SM90, gradients of experts' weights); its other form, [Σ K_g, M], is
/// grouped[align=128,fill=zero].
/// </remarks>
internal sealed class GroupedColumnStorage(long align, long[]? offsets) : ElementStorage
{
    public override string Text => LayoutText.Write("kgrouped", ("align", LayoutText.Unless(align, RowGroups.UsualAlignment)), ("offsets", LayoutText.Join(offsets)));

    public override bool TakesPlacement => false;

    public override bool NeedsOffsets => offsets is null;

    public override ElementStorage With(long[]? groups) => new GroupedColumnStorage(align, groups);

    public override Shape CodedShape(DType dtype, Shape shape) =>
        shape.Rank == 2 ? shape : throw new ShapeException($"layout kgrouped holds [K, M] with K in groups, not {dtype.Name()} {shape}");

    public override StorageMap Map(DType dtype, Shape allocated, Shape viewed, Layout layout)
    {
        long[] of = RowGroups.Of(offsets, allocated[0], layout), starts = RowGroups.Starts(of, align);
        long count = checked(starts[^1] * allocated[1]);
        int width = dtype.Bits() / 8;
        return new Groups(new StoredForm(dtype, new Shape(count), [1], 0, checked(count * width)), allocated, width, of, starts);
    }

    private sealed class Groups(StoredForm form, Shape allocated, int width, long[] offsets, long[] starts) : StorageMap(form, allocated, width)
    {
        public override IReadOnlyDictionary<string, IReadOnlyList<long>> Parameters { get; } = new Dictionary<string, IReadOnlyList<long>>
        {
            ["offsets"] = offsets,
            ["starts"] = starts,
        };

        public override void Row(long row, Span<long> at)
        {
            int g = 0;
            while (offsets[g + 1] <= row)
                g++;
            long start = Allocated[1] * starts[g] + row - offsets[g];
            for (int m = 0; m < at.Length; m++)
                at[m] = (start + m * (starts[g + 1] - starts[g])) * ElementBytes;
        }

        public override void Prepare(Span<byte> bytes) => bytes.Clear();
    }
}
