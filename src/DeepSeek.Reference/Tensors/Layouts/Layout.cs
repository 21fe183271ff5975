namespace DeepSeek.Reference.Layouts;

/// <summary>How a tensor lies in a kernel's memory: a name with parameters, apart from the values. Operations know logical tensors; layouts live at the border.</summary>
/// <remarks>
/// <code>
/// layout    = [ placement "+" ] storage   |   placement
/// placement = grouped | masked | varlen | paged          which row of memory holds a row of the tensor
/// storage   = contiguous | strided | k | mn | ue8m0 | fp8row | kgrouped      where a row's elements stand
/// </code>
/// For example <c>mn[align=16]</c> or <c>grouped[align=128,offsets=0:3:5]+mn[align=16]</c>; docs/spec/layouts.md has every name, its formula and its source.
/// Bytes that hold no element are padding. Packing writes <see cref="Poison"/> there, a NaN in every floating-point format, so that a kernel that reads padding shows;
/// <see cref="FirstTouched"/> finds where one wrote. Padding that a kernel may read, since its format says zero, holds zero and must stay so.
/// </remarks>
public sealed class Layout : IEquatable<Layout>
{
    /// <summary>The byte of padding: all ones, which is NaN in E4M3, E5M2, E8M0, bfloat16, binary16, binary32 and binary64, and -1 in whole numbers.</summary>
    public const byte Poison = 0xFF;

    private readonly RowPlacement? placement;
    private readonly ElementStorage storage;

    private Layout(RowPlacement? placement, ElementStorage storage)
    {
        this.placement = placement;
        this.storage = storage;
    }

    /// <summary>Row-major without padding: what a tensor itself is.</summary>
    public static Layout Contiguous { get; } = new(null, new StridedStorage());

    /// <summary>Whether bytes are the tensor's own, so that nothing needs packing.</summary>
    public bool IsContiguous => placement is null && storage is StridedStorage { IsContiguous: true };

    /// <summary>Whether groups of rows are still to be given by <see cref="WithOffsets"/>.</summary>
    public bool NeedsOffsets => placement?.NeedsOffsets ?? storage.NeedsOffsets;

    /// <summary>The layout of a text.</summary>
    /// <exception cref="ContractException">There is no such layout, or a parameter is impossible.</exception>
    public static Layout Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split('+');
        if (parts.Length > 2)
            throw new ContractException($"layout '{text}' has {parts.Length} parts; one placement of rows and one storage make a layout");
        var first = new LayoutText(parts[0]);
        RowPlacement? rows = RowPlacement.Parse(first);
        if (rows is null && parts.Length == 2)
            throw new ContractException($"layout '{text}': '{first.Name}' places no rows; {RowPlacement.Names} do, and stand before the '+'");
        first = rows is null ? first : new LayoutText(parts.Length == 2 ? parts[1] : "contiguous");
        ElementStorage elements = ElementStorage.Parse(first)
            ?? throw new ContractException($"layout '{text}': there is no '{first.Name}'; there are {ElementStorage.Names}, and {RowPlacement.Names} before a '+'");
        return rows is null || elements.TakesPlacement
            ? new Layout(rows, elements)
            : throw new ContractException($"layout '{text}': {first.Name} places its rows itself and takes no placement before it");
    }

    /// <summary>The same layout with its rows in groups: group g has rows offsets[g] to offsets[g + 1]. A layout that has its groups, or knows none, stays as it is.</summary>
    /// <exception cref="ContractException">The offsets do not start at 0, or fall.</exception>
    public Layout WithOffsets(params ReadOnlySpan<int> offsets)
    {
        if (!NeedsOffsets)
            return this;
        var list = new long[offsets.Length];
        for (int g = 0; g < list.Length; g++)
            list[g] = offsets[g];
        return placement is null ? new Layout(null, storage.With(RowGroups.Require(list, ToString()))) : new Layout(placement.With(RowGroups.Require(list, ToString())), storage);
    }

    /// <summary>What a kernel finds in memory.</summary>
    /// <exception cref="ShapeException">The layout cannot hold such a tensor.</exception>
    public StoredForm Form(DType dtype, Shape shape) => new LayoutPlan(this, placement, storage, dtype, shape).Form;

    /// <summary>The numbers that a kernel needs beside the bytes, by name: row indices, prefix sums, block tables.</summary>
    /// <exception cref="ShapeException">As <see cref="Form"/>.</exception>
    public IReadOnlyDictionary<string, IReadOnlyList<long>> Parameters(DType dtype, Shape shape) => new LayoutPlan(this, placement, storage, dtype, shape).Parameters;

    /// <summary>The bytes of a tensor, its padding poisoned.</summary>
    /// <exception cref="ShapeException">The layout cannot hold such a tensor, or would have two elements share bytes.</exception>
    /// <exception cref="DataException">A value has no code in the layout's format.</exception>
    public byte[] Pack(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return new LayoutPlan(this, placement, storage, tensor.DType, tensor.Shape).Pack(tensor);
    }

    /// <summary>Memory whose elements all hold one byte: an output before it is written, in formats that cannot hold every value.</summary>
    internal byte[] Filled(byte value, DType dtype, Shape shape) => new LayoutPlan(this, placement, storage, dtype, shape).Filled(value);

    /// <summary>The tensor that bytes hold; padding is not looked at.</summary>
    /// <exception cref="ShapeException">The layout cannot hold such a tensor, or in another number of bytes.</exception>
    public Tensor Unpack(ReadOnlySpan<byte> bytes, DType dtype, Shape shape) => new LayoutPlan(this, placement, storage, dtype, shape).Unpack(bytes);

    /// <summary>The first byte of padding that is not as packing left it; -1 where all are.</summary>
    /// <exception cref="ShapeException">As <see cref="Unpack"/>.</exception>
    public long FirstTouched(ReadOnlySpan<byte> bytes, DType dtype, Shape shape) => new LayoutPlan(this, placement, storage, dtype, shape).FirstTouched(bytes);

    /// <summary>Whether all padding is as packing left it.</summary>
    /// <exception cref="ShapeException">As <see cref="Unpack"/>.</exception>
    public bool PaddingUntouched(ReadOnlySpan<byte> bytes, DType dtype, Shape shape) => FirstTouched(bytes, dtype, shape) < 0;

    /// <summary>The canonical text, which parses back to the same layout.</summary>
    public override string ToString() => placement is null ? storage.Text : storage is StridedStorage { IsContiguous: true } ? placement.Text : $"{placement.Text}+{storage.Text}";

    /// <inheritdoc/>
    public bool Equals(Layout? other) => other is not null && other.ToString() == ToString();

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Layout);

    /// <inheritdoc/>
    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);
}
