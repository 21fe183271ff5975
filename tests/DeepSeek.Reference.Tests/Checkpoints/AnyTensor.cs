using FsCheck;
using FsCheck.Fluent;

namespace DeepSeek.Reference.Tests.Checkpoints;

/// <summary>Tensors of any dtype, rank 0 to 4, dimensions from 0, any bits. Packed formats fill whole bytes.</summary>
internal static class AnyTensor
{
    public static Gen<Tensor> Of(params DType[] dtypes) =>
        from dtype in Gen.Elements(dtypes)
        from rank in Gen.Choose(0, 4)
        from dims in Gen.Choose(0, 5).ArrayOf(rank)
        from seed in Gen.Choose(0, int.MaxValue)
        select Make(dtype, dims, seed);

    public static Gen<Tensor> Any() => Of(Enum.GetValues<DType>());

    public static bool SameBytes(Tensor a, Tensor b) => a.DType == b.DType && a.Shape == b.Shape && a.AsBytes().SequenceEqual(b.AsBytes());

    private static Tensor Make(DType dtype, int[] dims, int seed)
    {
        long[] shape = [.. dims.Select(d => (long)d)];
        if (dtype.Bits() % 8 != 0)
            shape = [.. shape, 4];
        var bytes = new byte[dtype.ByteCount(new Shape(shape).ElementCount)];
        new System.Random(seed).NextBytes(bytes);
        var tensor = new Tensor(dtype, shape);
        TensorStream.Read(new MemoryStream(bytes), tensor);
        return tensor;
    }
}
