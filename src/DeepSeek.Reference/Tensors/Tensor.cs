using System.Diagnostics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DeepSeek.Reference;

/// <summary>A dtype, a shape and contiguous row-major elements, in managed memory or in a mapped file.</summary>
/// <remarks>
/// A tensor is logical: how a kernel stores it (strides, padding, packing) is a matter of the border.
/// A view (<see cref="Reshape"/>, <see cref="Rows"/>) shares the elements. Mapped tensors are read-only.
/// The first element of an allocated tensor lies on a 64-byte boundary.
/// </remarks>
[DebuggerDisplay("{DebuggerDisplay,nq}")]
[DebuggerTypeProxy(typeof(TensorDebugView))]
public sealed class Tensor
{
    private readonly TensorStorage storage;
    private readonly long byteOffset;

    /// <summary>A tensor of zeros.</summary>
    /// <exception cref="ShapeException">The size is impossible.</exception>
    public Tensor(DType dtype, params ReadOnlySpan<long> shape) : this(dtype, new Shape(shape)) { }

    /// <summary>A tensor of zeros.</summary>
    public Tensor(DType dtype, Shape shape)
    {
        DType = dtype;
        Shape = shape;
        ByteCount = dtype.ByteCount(shape.ElementCount);
        storage = new ManagedStorage(ByteCount);
    }

    internal Tensor(DType dtype, Shape shape, TensorStorage storage, long byteOffset)
    {
        DType = dtype;
        Shape = shape;
        ByteCount = dtype.ByteCount(shape.ElementCount);
        this.storage = storage;
        this.byteOffset = byteOffset;
        if (byteOffset < 0 || byteOffset + ByteCount > storage.ByteLength)
            throw new ShapeException($"a {dtype.Name()} tensor {shape} at byte {byteOffset} does not fit its storage of {storage.ByteLength} bytes");
    }

    /// <summary>Element type.</summary>
    public DType DType { get; }

    /// <summary>Dimensions, outermost first.</summary>
    public Shape Shape { get; }

    /// <summary>Number of elements.</summary>
    public long ElementCount => Shape.ElementCount;

    /// <summary>Number of bytes the elements take.</summary>
    public long ByteCount { get; }

    /// <summary>True for tensors that lie in a mapped file.</summary>
    public bool IsReadOnly => storage.IsReadOnly;

    /// <summary>A binary32 tensor with a copy of the values.</summary>
    /// <exception cref="ShapeException">The count does not match the shape.</exception>
    public static Tensor From(ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) => Copy(DType.F32, values, shape);

    /// <summary>A signed 32-bit tensor with a copy of the values.</summary>
    /// <inheritdoc cref="From(ReadOnlySpan{float}, ReadOnlySpan{long})"/>
    public static Tensor From(ReadOnlySpan<int> values, params ReadOnlySpan<long> shape) => Copy(DType.I32, values, shape);

    /// <summary>A signed 64-bit tensor with a copy of the values.</summary>
    /// <inheritdoc cref="From(ReadOnlySpan{float}, ReadOnlySpan{long})"/>
    public static Tensor From(ReadOnlySpan<long> values, params ReadOnlySpan<long> shape) => Copy(DType.I64, values, shape);

    /// <summary>A bfloat16 tensor with a copy of the values.</summary>
    /// <inheritdoc cref="From(ReadOnlySpan{float}, ReadOnlySpan{long})"/>
    public static Tensor From(ReadOnlySpan<BFloat16> values, params ReadOnlySpan<long> shape) => Copy(DType.BF16, values, shape);

    /// <summary>An E4M3 tensor with a copy of the values.</summary>
    /// <inheritdoc cref="From(ReadOnlySpan{float}, ReadOnlySpan{long})"/>
    public static Tensor From(ReadOnlySpan<Float8E4M3> values, params ReadOnlySpan<long> shape) => Copy(DType.F8_E4M3, values, shape);

    /// <summary>An E5M2 tensor with a copy of the values.</summary>
    /// <inheritdoc cref="From(ReadOnlySpan{float}, ReadOnlySpan{long})"/>
    public static Tensor From(ReadOnlySpan<Float8E5M2> values, params ReadOnlySpan<long> shape) => Copy(DType.F8_E5M2, values, shape);

    /// <summary>An E8M0 tensor with a copy of the values.</summary>
    /// <inheritdoc cref="From(ReadOnlySpan{float}, ReadOnlySpan{long})"/>
    public static Tensor From(ReadOnlySpan<Float8E8M0> values, params ReadOnlySpan<long> shape) => Copy(DType.F8_E8M0, values, shape);

    /// <summary>The elements as a span of the .NET type of the dtype (BF16: <see cref="BFloat16"/>; F8_E4M3: <see cref="Float8E4M3"/>, and so on; codes as <see cref="byte"/> or <see cref="ushort"/> too).</summary>
    /// <exception cref="ShapeException">T is not the dtype's type, the tensor is read-only, or it has more than 2^31 - 1 elements (use <see cref="Rows"/>).</exception>
    public Span<T> AsSpan<T>() where T : unmanaged
    {
        if (IsReadOnly)
            throw new ShapeException($"a {DType.Name()} tensor {Shape} of a mapped checkpoint is read-only; copy it first");
        return MemoryMarshal.CreateSpan(ref First<T>(), SpanLength());
    }

    /// <summary>The elements for reading.</summary>
    /// <exception cref="ShapeException">T is not the dtype's type, or there are more than 2^31 - 1 elements (use <see cref="Rows"/>).</exception>
    public ReadOnlySpan<T> AsReadOnlySpan<T>() where T : unmanaged => MemoryMarshal.CreateReadOnlySpan(ref First<T>(), SpanLength());

    /// <summary>The elements as a System.Numerics.Tensors view of the same shape.</summary>
    /// <exception cref="ShapeException">As <see cref="AsReadOnlySpan"/>.</exception>
    public ReadOnlyTensorSpan<T> AsTensorSpan<T>() where T : unmanaged
    {
        var lengths = new nint[Shape.Rank];
        for (int i = 0; i < lengths.Length; i++)
            lengths[i] = (nint)Shape[i];
        return new ReadOnlyTensorSpan<T>(AsReadOnlySpan<T>(), lengths);
    }

    /// <summary>The raw bytes; at most 2^31 - 1 of them.</summary>
    /// <exception cref="ShapeException">The tensor is larger than a span can be (use <see cref="Rows"/>).</exception>
    public ReadOnlySpan<byte> AsBytes()
    {
        if (ByteCount > int.MaxValue)
            throw new ShapeException($"a {DType.Name()} tensor {Shape} has {ByteCount} bytes, more than one span can view; take Rows");
        return MemoryMarshal.CreateReadOnlySpan(ref ByteOrigin, (int)ByteCount);
    }

    /// <summary>The same elements under another shape of the same count.</summary>
    /// <exception cref="ShapeException">The counts differ.</exception>
    public Tensor Reshape(params ReadOnlySpan<long> shape)
    {
        var s = new Shape(shape);
        if (s.ElementCount != ElementCount)
            throw new ShapeException($"{Shape} has {ElementCount} elements and cannot be viewed as {s}");
        return new Tensor(DType, s, storage, byteOffset);
    }

    /// <summary>A view of rows <paramref name="start"/> to <paramref name="start"/> + <paramref name="count"/> of the outermost dimension.</summary>
    /// <exception cref="ShapeException">The range is not inside the tensor.</exception>
    public Tensor Rows(long start, long count)
    {
        if (Shape.Rank == 0 || start < 0 || count < 0 || start > Shape[0] - count)
            throw new ShapeException($"rows {start}..{start + count} are not inside {Shape}");
        Span<long> dims = Shape.Dimensions.ToArray();
        dims[0] = count;
        long rowElements = Shape[0] == 0 ? 0 : ElementCount / Shape[0];
        return new Tensor(DType, new Shape(dims), storage, byteOffset + DType.ByteCount(start * rowElements));
    }

    /// <summary>The same bytes as elements of another dtype of the same width: codes that came in whole numbers.</summary>
    /// <exception cref="ShapeException">The widths differ.</exception>
    internal Tensor WithDType(DType dtype) => dtype.Bits() == DType.Bits()
        ? new Tensor(dtype, Shape, storage, byteOffset)
        : throw new ShapeException($"{this} cannot be viewed as {dtype.Name()}, whose elements have another width");

    /// <summary>A copy in managed memory.</summary>
    public Tensor Clone()
    {
        var copy = new Tensor(DType, Shape);
        CopyBytesTo(copy);
        return copy;
    }

    /// <summary>Copies the elements into a tensor of the same dtype and count.</summary>
    /// <exception cref="ShapeException">Another dtype or count, or a read-only target.</exception>
    public void CopyTo(Tensor target)
    {
        if (target.DType != DType || target.ElementCount != ElementCount || target.IsReadOnly)
            throw new ShapeException($"cannot copy {DType.Name()} {Shape} into {(target.IsReadOnly ? "read-only " : "")}{target.DType.Name()} {target.Shape}");
        CopyBytesTo(target);
    }

    /// <summary>For example <c>BF16 [576, 7168]</c>.</summary>
    public override string ToString() => $"{DType.Name()} {Shape}";

    /// <summary>The first byte, also for tensors larger than a span; the caller keeps to <see cref="ByteCount"/>.</summary>
    internal ref byte ByteOrigin => ref Unsafe.AddByteOffset(ref storage.Origin, (nint)byteOffset);

    /// <summary>The first element, checked for its type.</summary>
    internal ref T First<T>() where T : unmanaged
    {
        if (!Holds<T>(DType))
            throw new ShapeException($"a {DType.Name()} tensor {Shape} cannot be viewed as {typeof(T).Name}");
        return ref Unsafe.As<byte, T>(ref ByteOrigin);
    }

    private static bool Holds<T>(DType dtype) => dtype switch
    {
        DType.F32 => typeof(T) == typeof(float),
        DType.BF16 => typeof(T) == typeof(BFloat16) || typeof(T) == typeof(ushort),
        DType.F16 => typeof(T) == typeof(Half) || typeof(T) == typeof(ushort),
        DType.F64 => typeof(T) == typeof(double),
        DType.I64 => typeof(T) == typeof(long),
        DType.I32 => typeof(T) == typeof(int),
        DType.I16 => typeof(T) == typeof(short),
        DType.I8 => typeof(T) == typeof(sbyte),
        DType.U64 => typeof(T) == typeof(ulong),
        DType.U32 => typeof(T) == typeof(uint),
        DType.U16 => typeof(T) == typeof(ushort),
        DType.Bool => typeof(T) == typeof(bool) || typeof(T) == typeof(byte),
        DType.F8_E4M3 => typeof(T) == typeof(Float8E4M3) || typeof(T) == typeof(byte),
        DType.F8_E5M2 => typeof(T) == typeof(Float8E5M2) || typeof(T) == typeof(byte),
        DType.F8_E8M0 => typeof(T) == typeof(Float8E8M0) || typeof(T) == typeof(byte),
        DType.F4 or DType.F6_E2M3 or DType.F6_E3M2 or DType.C64 => false,
        _ => typeof(T) == typeof(byte),
    };

    private static Tensor Copy<T>(DType dtype, ReadOnlySpan<T> values, ReadOnlySpan<long> shape) where T : unmanaged
    {
        var s = new Shape(shape);
        if (s.ElementCount != values.Length)
            throw new ShapeException($"{values.Length} values do not fill {s}");
        var tensor = new Tensor(dtype, s);
        values.CopyTo(tensor.AsSpan<T>());
        return tensor;
    }

    private int SpanLength()
    {
        if (ElementCount > int.MaxValue)
            throw new ShapeException($"a {DType.Name()} tensor {Shape} has more elements than one span can view; take Rows");
        return (int)ElementCount;
    }

    private unsafe void CopyBytesTo(Tensor target)
    {
        fixed (byte* from = &ByteOrigin, to = &target.ByteOrigin)
            Buffer.MemoryCopy(from, to, target.ByteCount, ByteCount);
    }

    private string DebuggerDisplay => TensorDebugView.Describe(this);
}
