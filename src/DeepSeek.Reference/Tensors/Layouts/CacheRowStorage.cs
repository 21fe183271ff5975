using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Layouts;

/// <summary>Rows of FlashMLA's FP8 cache: 512 E4M3 codes, four binary32 scales, 64 bfloat16, 656 bytes in all; <see cref="Fp8CacheRow"/> has the format and the one quantiser.</summary>
/// <remarks>
/// The logical tensor is BF16 [..., 576]: the keys that the kernel computes with. Not all bfloat16 rows can be held; one that a row has no codes for is refused,
/// so that unpacking gives back every bit. A kernel finds U8 [..., 656].
/// </remarks>
internal sealed class CacheRowStorage : ElementStorage
{
    public override string Text => "fp8row";

    public override DType CodedType(DType dtype) => DType.U8;

    public override Shape CodedShape(DType dtype, Shape shape)
    {
        if (dtype != DType.BF16 || shape.Rank < 1 || shape[^1] != Fp8CacheRow.Values)
            throw new ShapeException($"layout fp8row holds keys BF16 [..., {Fp8CacheRow.Values}], not {dtype.Name()} {shape}");
        long[] dimensions = shape.Dimensions.ToArray();
        dimensions[^1] = Fp8CacheRow.Bytes;
        return new Shape(dimensions);
    }

    public override Tensor Encode(Tensor tensor)
    {
        var codes = new Tensor(DType.U8, CodedShape(tensor.DType, tensor.Shape));
        ReadOnlySpan<BFloat16> keys = tensor.AsReadOnlySpan<BFloat16>();
        Span<byte> bytes = codes.AsSpan<byte>();
        var wide = new float[Fp8CacheRow.Values];
        var back = new BFloat16[Fp8CacheRow.Values];
        for (int row = 0; row < keys.Length / Fp8CacheRow.Values; row++)
        {
            ReadOnlySpan<BFloat16> key = keys.Slice(row * Fp8CacheRow.Values, Fp8CacheRow.Values);
            for (int k = 0; k < wide.Length; k++)
                wide[k] = key[k].ToSingle();
            Span<byte> to = bytes.Slice(row * Fp8CacheRow.Bytes, Fp8CacheRow.Bytes);
            Fp8CacheRow.Write(wide, to);
            Fp8CacheRow.Read(to, back);
            for (int k = 0; k < back.Length; k++)
            {
                if (back[k].Bits != key[k].Bits)
                    throw new DataException($"layout fp8row: value {k} of row {row} is {wide[k]:R} (0x{key[k].Bits:X4}), which an FP8 cache row would hold as {back[k].ToSingle():R}; take keys that were read from such a cache");
            }
        }

        return codes;
    }

    public override Tensor Decode(Tensor codes, DType dtype, Shape shape)
    {
        var keys = new Tensor(DType.BF16, shape);
        ReadOnlySpan<byte> bytes = codes.AsBytes();
        Span<BFloat16> to = keys.AsSpan<BFloat16>();
        for (int row = 0; row < to.Length / Fp8CacheRow.Values; row++)
            Fp8CacheRow.Read(bytes.Slice(row * Fp8CacheRow.Bytes, Fp8CacheRow.Bytes), to.Slice(row * Fp8CacheRow.Values, Fp8CacheRow.Values));
        return keys;
    }

    public override StorageMap Map(DType dtype, Shape allocated, Shape viewed, Layout layout) => new StridedStorage().Map(dtype, allocated, viewed, layout);
}
