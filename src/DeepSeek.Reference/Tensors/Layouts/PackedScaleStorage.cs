using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Layouts;

/// <summary>Power-of-two scales as exponents, four along K in an int32, words column by column: <see cref="PackedScales"/> in memory.</summary>
/// <remarks>
/// <code>
/// scale (..., m, k): byte k mod 4 of word (k / 4) · ld + m      ld = align(M, A / 4), A bytes, 16 usually
/// beyond the last k of a word: byte 0         beyond the last m of a column: poison, which no kernel may use
/// </code>
/// F32 or F8_E8M0 [..., M, G]; a kernel finds I32 [..., M, ceil(G/4)] with strides (..., 1, ld). DeepGEMM, get_mn_major_tma_aligned_packed_ue8m0_tensor: its
/// packing kernel leaves the rows beyond M as they were, and zeroes the bytes beyond G.
/// </remarks>
internal sealed class PackedScaleStorage(long align) : ElementStorage
{
    /// <summary>Bytes to which TMA wants a column aligned.</summary>
    public const long UsualAlignment = 16;

    public override string Text => LayoutText.Write("ue8m0", ("align", LayoutText.Unless(align, UsualAlignment)));

    public override DType CodedType(DType dtype) => DType.F8_E8M0;

    public override Shape CodedShape(DType dtype, Shape shape)
    {
        if (dtype is not (DType.F32 or DType.F8_E8M0) || shape.Rank < 2)
            throw new ShapeException($"layout {Text} holds scales F32 or F8_E8M0 [..., M, G], not {dtype.Name()} {shape}");
        if (align % sizeof(int) != 0)
            throw new ShapeException($"layout {Text}: {align} bytes are no whole number of words of {sizeof(int)} bytes");
        return shape;
    }

    public override Tensor Encode(Tensor tensor)
    {
        if (tensor.DType == DType.F8_E8M0)
            return tensor;
        var codes = new Tensor(DType.F8_E8M0, tensor.Shape);
        ReadOnlySpan<float> scales = tensor.AsReadOnlySpan<float>();
        Span<byte> bytes = codes.AsSpan<byte>();
        int columns = checked((int)tensor.Shape[^1]);
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)PackedScales.Exponent(scales[i], i / columns, i % columns);
        return codes;
    }

    public override Tensor Decode(Tensor codes, DType dtype, Shape shape)
    {
        if (dtype == DType.F8_E8M0)
            return codes;
        var scales = new Tensor(DType.F32, shape);
        ReadOnlySpan<Float8E8M0> from = codes.AsReadOnlySpan<Float8E8M0>();
        Span<float> to = scales.AsSpan<float>();
        for (int i = 0; i < to.Length; i++)
            to[i] = from[i].ToSingle();
        return scales;
    }

    public override StorageMap Map(DType dtype, Shape allocated, Shape viewed, Layout layout)
    {
        long m = allocated[^2], words = (allocated[^1] + PackedScales.InWord - 1) / PackedScales.InWord;
        long leading = LayoutText.Align(m, align / sizeof(int)), matrix = checked(leading * words);
        long[] dimensions = viewed.Dimensions.ToArray();
        dimensions[^1] = words;
        var strides = new long[dimensions.Length];
        strides[^1] = leading;
        strides[^2] = 1;
        long count = matrix;
        for (int d = strides.Length - 3; d >= 0; d--)
        {
            strides[d] = count;
            count = checked(count * allocated[d]);
        }

        return new Words(new StoredForm(DType.I32, new Shape(dimensions), strides, 0, checked(count * sizeof(int))), allocated, leading, matrix);
    }

    private sealed class Words(StoredForm form, Shape allocated, long leading, long matrix) : StorageMap(form, allocated, 1)
    {
        public override void Row(long row, Span<long> at)
        {
            long m = row % Allocated[^2], start = row / Allocated[^2] * matrix;
            for (int k = 0; k < at.Length; k++)
                at[k] = (start + k / PackedScales.InWord * leading + m) * sizeof(int) + k % PackedScales.InWord;
        }

        public override void Prepare(Span<byte> bytes)
        {
            int columns = (int)Allocated[^1], used = columns % PackedScales.InWord;
            if (used == 0 || Allocated.ElementCount == 0)
                return;
            var at = new long[columns];
            for (long row = 0; row < Allocated.ElementCount / columns; row++)
            {
                Row(row, at);
                bytes.Slice((int)at[^1] + 1, PackedScales.InWord - used).Clear();
            }
        }
    }
}
