namespace DeepSeek.Reference.Layouts;

/// <summary>Where a row's elements stand in memory, and in what codes. One row is all dimensions but the last.</summary>
internal abstract class ElementStorage
{
    /// <summary>The names, for errors.</summary>
    public const string Names = "contiguous, strided, k, mn, ue8m0, fp8row, kgrouped";

    /// <summary>The canonical text.</summary>
    public abstract string Text { get; }

    /// <summary>Whether rows can be placed first: not where strides are given one by one, or the storage groups rows itself.</summary>
    public virtual bool TakesPlacement => true;

    /// <summary>Whether groups of rows are still to be given.</summary>
    public virtual bool NeedsOffsets => false;

    /// <summary>The storage of a text; null where it names none.</summary>
    public static ElementStorage? Parse(LayoutText text)
    {
        ElementStorage? storage = text.Name switch
        {
            "contiguous" => new StridedStorage(),
            "strided" => StridedStorage.Explicit(text),
            "k" => StridedStorage.Major(text, rowMajor: true),
            "mn" => StridedStorage.Major(text, rowMajor: false),
            "ue8m0" => new PackedScaleStorage(text.Whole("align", PackedScaleStorage.UsualAlignment, least: 1)),
            "fp8row" => new CacheRowStorage(),
            "kgrouped" => new GroupedColumnStorage(text.Whole("align", RowGroups.UsualAlignment, least: 1), RowGroups.Require(text.List("offsets"), "kgrouped")),
            _ => null,
        };
        if (storage is not null)
            text.Finish();
        return storage;
    }

    /// <summary>The same with its groups of rows.</summary>
    public virtual ElementStorage With(long[]? offsets) => this;

    /// <summary>The dtype that is stored.</summary>
    public virtual DType CodedType(DType dtype) => dtype;

    /// <summary>The shape in stored codes, before padding.</summary>
    /// <exception cref="ShapeException">The storage cannot hold such a tensor.</exception>
    public virtual Shape CodedShape(DType dtype, Shape shape) => shape;

    /// <summary>The tensor in stored codes.</summary>
    public virtual Tensor Encode(Tensor tensor) => tensor;

    /// <summary>The tensor of stored codes.</summary>
    public virtual Tensor Decode(Tensor codes, DType dtype, Shape shape) => codes;

    /// <summary>Where the elements of a tensor stand that has been placed: <paramref name="allocated"/> with rows of padding, <paramref name="viewed"/> as a kernel is told.</summary>
    public abstract StorageMap Map(DType dtype, Shape allocated, Shape viewed, Layout layout);
}

/// <summary>A storage of one shape.</summary>
internal abstract class StorageMap(StoredForm form, Shape allocated, int elementBytes)
{
    /// <summary>What a kernel finds.</summary>
    public StoredForm Form { get; } = form;

    /// <summary>The shape with rows of padding.</summary>
    public Shape Allocated { get; } = allocated;

    /// <summary>Bytes of a stored element.</summary>
    public int ElementBytes { get; } = elementBytes;

    /// <summary>Numbers that a kernel needs beside the bytes; null for none.</summary>
    public virtual IReadOnlyDictionary<string, IReadOnlyList<long>>? Parameters => null;

    /// <summary>The byte at which each element of a row begins.</summary>
    public abstract void Row(long row, Span<long> at);

    /// <summary>Writes zeros over the poison where the format has zeros beside its elements.</summary>
    public virtual void Prepare(Span<byte> bytes) { }
}
