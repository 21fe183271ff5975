using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static DeepSeek.Reference.Numerics.Inlining;

namespace DeepSeek.Reference.Numerics;

/// <summary>
/// A register of 32-bit words, which hold encodings of binary32 or of narrower formats: what casts are made of, so that one source serves every width with the same bits.
/// </summary>
/// <typeparam name="W">The register itself.</typeparam>
internal interface IWords<W> where W : struct, IWords<W>
{
    /// <summary>Words in a register.</summary>
    static abstract int Count { get; }

    /// <summary>The same word in every lane.</summary>
    static abstract W Create(uint word);

    /// <summary>The encodings of binary32 values.</summary>
    static abstract W Load(ref float from);

    /// <summary>The encodings of bfloat16 values as binary32.</summary>
    static abstract W LoadUpperHalves(ref ushort from);

    /// <summary>Bytes, zero-extended.</summary>
    static abstract W LoadBytes(ref byte from);

    /// <summary>Each word as a binary32.</summary>
    static abstract void Store(W x, ref float to);

    /// <summary>The upper half of each word.</summary>
    static abstract void StoreUpperHalves(W x, ref ushort to);

    /// <summary>The lowest byte of each word, which is all of it.</summary>
    static abstract void StoreBytes(W x, ref byte to);

    static abstract W operator &(W a, W b);

    static abstract W operator |(W a, W b);

    static abstract W operator +(W a, W b);

    static abstract W operator -(W a, W b);

    static abstract W operator <<(W a, int bits);

    /// <summary>Zeros come in from above.</summary>
    static abstract W operator >>>(W a, int bits);

    static abstract W Min(W a, W b);

    static abstract W Max(W a, W b);

    /// <summary>Where a is below limit, below; elsewhere other. Words under 2^31.</summary>
    static abstract W WhereBelow(W a, W limit, W below, W other);

    /// <summary>The encoding of the binary32 sum.</summary>
    static abstract W AddAsFloats(W a, W b);
}

/// <summary>Sixteen words.</summary>
internal readonly struct Words512(Vector512<uint> v) : IWords<Words512>
{
    private readonly Vector512<uint> v = v;

    public static int Count => 16;

    [MethodImpl(Always)]
    public static Words512 Create(uint word) => new(Vector512.Create(word));

    [MethodImpl(Always)]
    public static Words512 Load(ref float from) => new(Vector512.LoadUnsafe(ref from).AsUInt32());

    [MethodImpl(Always)]
    public static Words512 LoadUpperHalves(ref ushort from) => new(BFloat16Spans.Widen16(ref from).AsUInt32());

    [MethodImpl(Always)]
    public static Words512 LoadBytes(ref byte from) => new(Avx512F.ConvertToVector512UInt32(Vector128.LoadUnsafe(ref from)));

    [MethodImpl(Always)]
    public static void Store(Words512 x, ref float to) => x.v.AsSingle().StoreUnsafe(ref to);

    [MethodImpl(Always)]
    public static void StoreUpperHalves(Words512 x, ref ushort to) => Avx512F.ConvertToVector256UInt16(x.v >>> 16).StoreUnsafe(ref to);

    [MethodImpl(Always)]
    public static void StoreBytes(Words512 x, ref byte to) => Avx512F.ConvertToVector128Byte(x.v).StoreUnsafe(ref to);

    [MethodImpl(Always)]
    public static Words512 operator &(Words512 a, Words512 b) => new(a.v & b.v);

    [MethodImpl(Always)]
    public static Words512 operator |(Words512 a, Words512 b) => new(a.v | b.v);

    [MethodImpl(Always)]
    public static Words512 operator +(Words512 a, Words512 b) => new(a.v + b.v);

    [MethodImpl(Always)]
    public static Words512 operator -(Words512 a, Words512 b) => new(a.v - b.v);

    [MethodImpl(Always)]
    public static Words512 operator <<(Words512 a, int bits) => new(a.v << bits);

    [MethodImpl(Always)]
    public static Words512 operator >>>(Words512 a, int bits) => new(a.v >>> bits);

    [MethodImpl(Always)]
    public static Words512 Min(Words512 a, Words512 b) => new(Vector512.Min(a.v, b.v));

    [MethodImpl(Always)]
    public static Words512 Max(Words512 a, Words512 b) => new(Vector512.Max(a.v, b.v));

    [MethodImpl(Always)]
    public static Words512 WhereBelow(Words512 a, Words512 limit, Words512 below, Words512 other) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(a.v.AsInt32(), limit.v.AsInt32()).AsUInt32(), below.v, other.v));

    [MethodImpl(Always)]
    public static Words512 AddAsFloats(Words512 a, Words512 b) => new((a.v.AsSingle() + b.v.AsSingle()).AsUInt32());
}

/// <summary>Eight words.</summary>
internal readonly struct Words256(Vector256<uint> v) : IWords<Words256>
{
    private readonly Vector256<uint> v = v;

    public static int Count => 8;

    [MethodImpl(Always)]
    public static Words256 Create(uint word) => new(Vector256.Create(word));

    [MethodImpl(Always)]
    public static Words256 Load(ref float from) => new(Vector256.LoadUnsafe(ref from).AsUInt32());

    [MethodImpl(Always)]
    public static Words256 LoadUpperHalves(ref ushort from) => new(Avx2.ConvertToVector256Int32(Vector128.LoadUnsafe(ref from)).AsUInt32() << 16);

    [MethodImpl(Always)]
    public static Words256 LoadBytes(ref byte from) =>
        new(Avx2.ConvertToVector256Int32(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref from)).AsByte()).AsUInt32());

    [MethodImpl(Always)]
    public static void Store(Words256 x, ref float to) => x.v.AsSingle().StoreUnsafe(ref to);

    [MethodImpl(Always)]
    public static void StoreUpperHalves(Words256 x, ref ushort to)
    {
        Vector256<uint> halves = x.v >>> 16;
        Vector128.Narrow(halves.GetLower(), halves.GetUpper()).StoreUnsafe(ref to);
    }

    [MethodImpl(Always)]
    public static void StoreBytes(Words256 x, ref byte to)
    {
        Vector128<ushort> halves = Vector128.Narrow(x.v.GetLower(), x.v.GetUpper());
        Unsafe.WriteUnaligned(ref to, Vector128.Narrow(halves, halves).AsUInt64().ToScalar());
    }

    [MethodImpl(Always)]
    public static Words256 operator &(Words256 a, Words256 b) => new(a.v & b.v);

    [MethodImpl(Always)]
    public static Words256 operator |(Words256 a, Words256 b) => new(a.v | b.v);

    [MethodImpl(Always)]
    public static Words256 operator +(Words256 a, Words256 b) => new(a.v + b.v);

    [MethodImpl(Always)]
    public static Words256 operator -(Words256 a, Words256 b) => new(a.v - b.v);

    [MethodImpl(Always)]
    public static Words256 operator <<(Words256 a, int bits) => new(a.v << bits);

    [MethodImpl(Always)]
    public static Words256 operator >>>(Words256 a, int bits) => new(a.v >>> bits);

    [MethodImpl(Always)]
    public static Words256 Min(Words256 a, Words256 b) => new(Vector256.Min(a.v, b.v));

    [MethodImpl(Always)]
    public static Words256 Max(Words256 a, Words256 b) => new(Vector256.Max(a.v, b.v));

    [MethodImpl(Always)]
    public static Words256 WhereBelow(Words256 a, Words256 limit, Words256 below, Words256 other) =>
        new(Vector256.ConditionalSelect(Vector256.LessThan(a.v.AsInt32(), limit.v.AsInt32()).AsUInt32(), below.v, other.v));

    [MethodImpl(Always)]
    public static Words256 AddAsFloats(Words256 a, Words256 b) => new((a.v.AsSingle() + b.v.AsSingle()).AsUInt32());
}

/// <summary>Four words.</summary>
internal readonly struct Words128(Vector128<uint> v) : IWords<Words128>
{
    private readonly Vector128<uint> v = v;

    public static int Count => 4;

    [MethodImpl(Always)]
    public static Words128 Create(uint word) => new(Vector128.Create(word));

    [MethodImpl(Always)]
    public static Words128 Load(ref float from) => new(Vector128.LoadUnsafe(ref from).AsUInt32());

    [MethodImpl(Always)]
    public static Words128 LoadUpperHalves(ref ushort from) =>
        new(Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref Unsafe.As<ushort, byte>(ref from))).AsUInt16()) << 16);

    [MethodImpl(Always)]
    public static Words128 LoadBytes(ref byte from) =>
        new(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(ref from)).AsByte())));

    [MethodImpl(Always)]
    public static void Store(Words128 x, ref float to) => x.v.AsSingle().StoreUnsafe(ref to);

    [MethodImpl(Always)]
    public static void StoreUpperHalves(Words128 x, ref ushort to)
    {
        Vector128<uint> halves = x.v >>> 16;
        Unsafe.WriteUnaligned(ref Unsafe.As<ushort, byte>(ref to), Vector128.Narrow(halves, halves).AsUInt64().ToScalar());
    }

    [MethodImpl(Always)]
    public static void StoreBytes(Words128 x, ref byte to)
    {
        Vector128<ushort> halves = Vector128.Narrow(x.v, x.v);
        Unsafe.WriteUnaligned(ref to, Vector128.Narrow(halves, halves).AsUInt32().ToScalar());
    }

    [MethodImpl(Always)]
    public static Words128 operator &(Words128 a, Words128 b) => new(a.v & b.v);

    [MethodImpl(Always)]
    public static Words128 operator |(Words128 a, Words128 b) => new(a.v | b.v);

    [MethodImpl(Always)]
    public static Words128 operator +(Words128 a, Words128 b) => new(a.v + b.v);

    [MethodImpl(Always)]
    public static Words128 operator -(Words128 a, Words128 b) => new(a.v - b.v);

    [MethodImpl(Always)]
    public static Words128 operator <<(Words128 a, int bits) => new(a.v << bits);

    [MethodImpl(Always)]
    public static Words128 operator >>>(Words128 a, int bits) => new(a.v >>> bits);

    [MethodImpl(Always)]
    public static Words128 Min(Words128 a, Words128 b) => new(Vector128.Min(a.v, b.v));

    [MethodImpl(Always)]
    public static Words128 Max(Words128 a, Words128 b) => new(Vector128.Max(a.v, b.v));

    [MethodImpl(Always)]
    public static Words128 WhereBelow(Words128 a, Words128 limit, Words128 below, Words128 other) =>
        new(Vector128.ConditionalSelect(Vector128.LessThan(a.v.AsInt32(), limit.v.AsInt32()).AsUInt32(), below.v, other.v));

    [MethodImpl(Always)]
    public static Words128 AddAsFloats(Words128 a, Words128 b) => new((a.v.AsSingle() + b.v.AsSingle()).AsUInt32());
}
