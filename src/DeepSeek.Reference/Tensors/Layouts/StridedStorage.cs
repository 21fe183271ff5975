namespace DeepSeek.Reference.Layouts;

/// <summary>Elements at offset + Σ index · stride: row-major, K-major and MN-major with an aligned leading stride, or strides one by one.</summary>
/// <remarks>
/// <code>
/// contiguous                 strides of the shape itself
/// k[align=A,pad=P]           element (..., m, k) at batch + m · ld + k      ld = align(K + P, A bytes)
/// mn[align=A,pad=P]          element (..., m, k) at batch + k · ld + m      ld = align(M + P, A bytes)
/// strided[strides=..,offset=F]                       F + Σ i_d · stride_d, in elements
/// </code>
/// Batches (all dimensions but the last two) are M · ld or K · ld elements apart. DeepGEMM: operands of either major, csrc/utils/layout.hpp; scales are
/// mn[align=16], which TMA asks for (get_mn_major_tma_aligned_tensor, tests of stride(-1) in check_sf_layout).
/// </remarks>
internal sealed class StridedStorage : ElementStorage
{
    private readonly long[]? strides;
    private readonly long offset;
    private readonly long align = 1;
    private readonly long pad;
    private readonly bool rowMajor = true;
    private readonly string text = "contiguous";

    public StridedStorage() { }

    private StridedStorage(bool rowMajor, long align, long pad)
    {
        this.rowMajor = rowMajor;
        this.align = align;
        this.pad = pad;
        text = LayoutText.Write(rowMajor ? "k" : "mn", ("align", LayoutText.Unless(align, 1)), ("pad", LayoutText.Unless(pad, 0)));
    }

    private StridedStorage(long[] strides, long offset)
    {
        this.strides = strides;
        this.offset = offset;
        text = LayoutText.Write("strided", ("strides", LayoutText.Join(strides)), ("offset", LayoutText.Unless(offset, 0)));
    }

    public bool IsContiguous => text == "contiguous";

    public override bool TakesPlacement => strides is null;

    public override string Text => text;

    public static StridedStorage Major(LayoutText text, bool rowMajor) => new(rowMajor, text.Whole("align", 1, least: 1), text.Whole("pad", 0, least: 0));

    public static StridedStorage Explicit(LayoutText text) =>
        new(text.List("strides") ?? throw new ContractException("layout 'strided' needs its strides in elements, outermost first: strided[strides=20:1]"), text.Whole("offset", 0, least: 0));

    public override Shape CodedShape(DType dtype, Shape shape)
    {
        if (strides is not null && strides.Length != shape.Rank)
            throw new ShapeException($"layout {text} has {strides.Length} strides, but {dtype.Name()} {shape} has {shape.Rank} dimensions");
        if (!rowMajor && shape.Rank < 2)
            throw new ShapeException($"layout {text} orders the last two dimensions; {dtype.Name()} {shape} has {shape.Rank}");
        return shape;
    }

    public override StorageMap Map(DType dtype, Shape allocated, Shape viewed, Layout layout)
    {
        int width = dtype.Bits() / 8;
        long[] of = strides ?? Strides(allocated, width, layout);
        // A row of padding belongs to the memory, and so does what follows the last row up to its stride.
        long elements = strides is null ? Leading(allocated, of) : 0;
        if (strides is not null && allocated.ElementCount > 0)
        {
            elements = offset + 1;
            for (int d = 0; d < of.Length; d++)
                elements = checked(elements + (allocated[d] - 1) * of[d]);
        }

        return new StridedMap(new StoredForm(dtype, viewed, of, offset * width, checked(elements * width)), allocated, width, of, offset);
    }

    private long[] Strides(Shape shape, int width, Layout layout)
    {
        var of = new long[shape.Rank];
        if (of.Length == 0)
            return of;
        if (align % width != 0 && align != 1)
            throw new ShapeException($"layout {layout}: {align} bytes are no whole number of elements of {width} bytes");
        long multiple = Math.Max(1, align / width);
        int contiguous = rowMajor ? of.Length - 1 : of.Length - 2;
        of[contiguous] = 1;
        if (of.Length == 1)
            return of;
        int leading = rowMajor ? of.Length - 2 : of.Length - 1;
        of[leading] = LayoutText.Align(checked(shape[contiguous] + pad), multiple);
        long step = checked(of[leading] * shape[leading]);
        for (int d = of.Length - 3; d >= 0; d--)
        {
            of[d] = step;
            step = checked(step * shape[d]);
        }

        return of;
    }

    private long Leading(Shape shape, long[] of)
    {
        if (of.Length < 2 || shape.ElementCount == 0)
            return shape.ElementCount;
        long elements = rowMajor ? checked(of[^2] * shape[^2]) : checked(of[^1] * shape[^1]);
        for (int d = 0; d < of.Length - 2; d++)
            elements = checked(elements * shape[d]);
        return elements;
    }
}

/// <summary>Strides of one shape.</summary>
internal sealed class StridedMap(StoredForm form, Shape allocated, int width, long[] strides, long offset) : StorageMap(form, allocated, width)
{
    public override void Row(long row, Span<long> at)
    {
        long start = offset;
        for (int d = strides.Length - 2; d >= 0; d--)
        {
            start += row % Allocated[d] * strides[d];
            row /= Allocated[d];
        }

        long step = strides.Length == 0 ? 1 : strides[^1];
        for (int k = 0; k < at.Length; k++)
            at[k] = (start + k * step) * ElementBytes;
    }
}
