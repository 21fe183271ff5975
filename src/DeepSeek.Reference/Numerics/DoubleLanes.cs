using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static DeepSeek.Reference.Numerics.Inlining;

namespace DeepSeek.Reference.Numerics;

/// <summary>For members of one operation, which are worth nothing as calls.</summary>
internal static class Inlining
{
    /// <summary>Inlined whatever the compiler's budget says.</summary>
    public const MethodImplOptions Always = MethodImplOptions.AggressiveInlining;
}

/// <summary>
/// A register of binary64 lanes: the only operations from which the element functions are made, so that one source serves
/// every vector width and each lane of each width gives the same bits.
/// </summary>
/// <typeparam name="D">The register itself.</typeparam>
internal interface IDoubleLanes<D> where D : struct, IDoubleLanes<D>
{
    /// <summary>The same value in every lane.</summary>
    static abstract D Of(double value);

    static abstract D operator +(D a, D b);
    static abstract D operator -(D a, D b);
    static abstract D operator *(D a, D b);
    static abstract D operator /(D a, D b);
    static abstract D operator -(D a);

    /// <summary>a·b + c, one rounding.</summary>
    static abstract D Fma(D a, D b, D c);

    /// <summary>√a, IEEE.</summary>
    static abstract D Sqrt(D a);

    /// <summary>The smaller; what comes out of a NaN is unspecified.</summary>
    static abstract D Min(D a, D b);

    /// <summary>Where |a| is less than limit: yes; elsewhere: no.</summary>
    static abstract D WhereBelow(D a, double limit, D yes, D no);

    /// <summary>Where a is zero: yes; elsewhere: no.</summary>
    static abstract D WhereZero(D a, D yes, D no);

    /// <summary>The magnitude of a constant with the sign bits of a.</summary>
    static abstract D WithSignOf(D a, double magnitude);

    /// <summary>The encodings added as 64-bit integers.</summary>
    static abstract D AddBits(D a, D b);

    /// <summary>The encodings subtracted as 64-bit integers.</summary>
    static abstract D SubtractBits(D a, D b);

    /// <summary>The encoding and a mask.</summary>
    static abstract D AndBits(D a, ulong mask);

    /// <summary>The encoding or a mask.</summary>
    static abstract D OrBits(D a, ulong mask);

    /// <summary>The encodings' exclusive or.</summary>
    static abstract D XorBits(D a, D b);

    /// <summary>The encoding shifted left.</summary>
    static abstract D ShiftLeft(D a, int count);

    /// <summary>The encoding shifted right, zeros in.</summary>
    static abstract D ShiftRight(D a, int count);

    /// <summary>An element of a table of sixteen by the low four bits of each lane's encoding.</summary>
    static abstract D Lookup(ReadOnlySpan<double> sixteen, D index);
}

/// <summary>Eight lanes in 512 bits.</summary>
internal readonly struct Double8(Vector512<double> v) : IDoubleLanes<Double8>
{
    public readonly Vector512<double> V = v;

    [MethodImpl(Always)] public static Double8 Of(double value) => new(Vector512.Create(value));
    [MethodImpl(Always)] public static Double8 operator +(Double8 a, Double8 b) => new(a.V + b.V);
    [MethodImpl(Always)] public static Double8 operator -(Double8 a, Double8 b) => new(a.V - b.V);
    [MethodImpl(Always)] public static Double8 operator *(Double8 a, Double8 b) => new(a.V * b.V);
    [MethodImpl(Always)] public static Double8 operator /(Double8 a, Double8 b) => new(a.V / b.V);
    [MethodImpl(Always)] public static Double8 operator -(Double8 a) => new(-a.V);
    [MethodImpl(Always)] public static Double8 Fma(Double8 a, Double8 b, Double8 c) => new(Vector512.FusedMultiplyAdd(a.V, b.V, c.V));
    [MethodImpl(Always)] public static Double8 Sqrt(Double8 a) => new(Vector512.Sqrt(a.V));
    [MethodImpl(Always)] public static Double8 Min(Double8 a, Double8 b) => new(Vector512.MinNative(a.V, b.V));
    [MethodImpl(Always)]
    public static Double8 WhereBelow(Double8 a, double limit, Double8 yes, Double8 no) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(Vector512.Abs(a.V), Vector512.Create(limit)), yes.V, no.V));
    [MethodImpl(Always)]
    public static Double8 WhereZero(Double8 a, Double8 yes, Double8 no) =>
        new(Vector512.ConditionalSelect(Vector512.Equals(a.V, Vector512<double>.Zero), yes.V, no.V));
    [MethodImpl(Always)] public static Double8 WithSignOf(Double8 a, double magnitude) => new((a.V & Vector512.Create(-0.0)) | Vector512.Create(magnitude));
    [MethodImpl(Always)] public static Double8 AddBits(Double8 a, Double8 b) => new((a.V.AsInt64() + b.V.AsInt64()).AsDouble());
    [MethodImpl(Always)] public static Double8 SubtractBits(Double8 a, Double8 b) => new((a.V.AsInt64() - b.V.AsInt64()).AsDouble());
    [MethodImpl(Always)] public static Double8 AndBits(Double8 a, ulong mask) => new((a.V.AsUInt64() & Vector512.Create(mask)).AsDouble());
    [MethodImpl(Always)] public static Double8 OrBits(Double8 a, ulong mask) => new((a.V.AsUInt64() | Vector512.Create(mask)).AsDouble());
    [MethodImpl(Always)] public static Double8 XorBits(Double8 a, Double8 b) => new((a.V.AsUInt64() ^ b.V.AsUInt64()).AsDouble());
    [MethodImpl(Always)] public static Double8 ShiftLeft(Double8 a, int count) => new((a.V.AsUInt64() << count).AsDouble());
    [MethodImpl(Always)] public static Double8 ShiftRight(Double8 a, int count) => new((a.V.AsUInt64() >> count).AsDouble());
    [MethodImpl(Always)]
    public static Double8 Lookup(ReadOnlySpan<double> sixteen, Double8 index) => new(Avx512F.PermuteVar8x64x2(
        Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(sixteen)), index.V.AsInt64(), Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(sixteen), 8)));
}

/// <summary>Four lanes in 256 bits.</summary>
internal readonly struct Double4(Vector256<double> v) : IDoubleLanes<Double4>
{
    public readonly Vector256<double> V = v;

    [MethodImpl(Always)] public static Double4 Of(double value) => new(Vector256.Create(value));
    [MethodImpl(Always)] public static Double4 operator +(Double4 a, Double4 b) => new(a.V + b.V);
    [MethodImpl(Always)] public static Double4 operator -(Double4 a, Double4 b) => new(a.V - b.V);
    [MethodImpl(Always)] public static Double4 operator *(Double4 a, Double4 b) => new(a.V * b.V);
    [MethodImpl(Always)] public static Double4 operator /(Double4 a, Double4 b) => new(a.V / b.V);
    [MethodImpl(Always)] public static Double4 operator -(Double4 a) => new(-a.V);
    [MethodImpl(Always)] public static Double4 Fma(Double4 a, Double4 b, Double4 c) => new(Vector256.FusedMultiplyAdd(a.V, b.V, c.V));
    [MethodImpl(Always)] public static Double4 Sqrt(Double4 a) => new(Vector256.Sqrt(a.V));
    [MethodImpl(Always)] public static Double4 Min(Double4 a, Double4 b) => new(Vector256.MinNative(a.V, b.V));
    [MethodImpl(Always)]
    public static Double4 WhereBelow(Double4 a, double limit, Double4 yes, Double4 no) =>
        new(Vector256.ConditionalSelect(Vector256.LessThan(Vector256.Abs(a.V), Vector256.Create(limit)), yes.V, no.V));
    [MethodImpl(Always)]
    public static Double4 WhereZero(Double4 a, Double4 yes, Double4 no) =>
        new(Vector256.ConditionalSelect(Vector256.Equals(a.V, Vector256<double>.Zero), yes.V, no.V));
    [MethodImpl(Always)] public static Double4 WithSignOf(Double4 a, double magnitude) => new((a.V & Vector256.Create(-0.0)) | Vector256.Create(magnitude));
    [MethodImpl(Always)] public static Double4 AddBits(Double4 a, Double4 b) => new((a.V.AsInt64() + b.V.AsInt64()).AsDouble());
    [MethodImpl(Always)] public static Double4 SubtractBits(Double4 a, Double4 b) => new((a.V.AsInt64() - b.V.AsInt64()).AsDouble());
    [MethodImpl(Always)] public static Double4 AndBits(Double4 a, ulong mask) => new((a.V.AsUInt64() & Vector256.Create(mask)).AsDouble());
    [MethodImpl(Always)] public static Double4 OrBits(Double4 a, ulong mask) => new((a.V.AsUInt64() | Vector256.Create(mask)).AsDouble());
    [MethodImpl(Always)] public static Double4 XorBits(Double4 a, Double4 b) => new((a.V.AsUInt64() ^ b.V.AsUInt64()).AsDouble());
    [MethodImpl(Always)] public static Double4 ShiftLeft(Double4 a, int count) => new((a.V.AsUInt64() << count).AsDouble());
    [MethodImpl(Always)] public static Double4 ShiftRight(Double4 a, int count) => new((a.V.AsUInt64() >> count).AsDouble());
    [MethodImpl(Always)]
    public static Double4 Lookup(ReadOnlySpan<double> sixteen, Double4 index) =>
        new(Vector256.Create(At(sixteen, index, 0), At(sixteen, index, 1), At(sixteen, index, 2), At(sixteen, index, 3)));

    // Four loads: no slower than a gather where that was measured.
    [MethodImpl(Always)]
    private static double At(ReadOnlySpan<double> sixteen, Double4 index, int lane) => sixteen[(int)index.V.AsInt64().GetElement(lane) & 15];
}

/// <summary>Two lanes in 128 bits.</summary>
internal readonly struct Double2(Vector128<double> v) : IDoubleLanes<Double2>
{
    public readonly Vector128<double> V = v;

    [MethodImpl(Always)] public static Double2 Of(double value) => new(Vector128.Create(value));
    [MethodImpl(Always)] public static Double2 operator +(Double2 a, Double2 b) => new(a.V + b.V);
    [MethodImpl(Always)] public static Double2 operator -(Double2 a, Double2 b) => new(a.V - b.V);
    [MethodImpl(Always)] public static Double2 operator *(Double2 a, Double2 b) => new(a.V * b.V);
    [MethodImpl(Always)] public static Double2 operator /(Double2 a, Double2 b) => new(a.V / b.V);
    [MethodImpl(Always)] public static Double2 operator -(Double2 a) => new(-a.V);
    [MethodImpl(Always)] public static Double2 Fma(Double2 a, Double2 b, Double2 c) => new(Vector128.FusedMultiplyAdd(a.V, b.V, c.V));
    [MethodImpl(Always)] public static Double2 Sqrt(Double2 a) => new(Vector128.Sqrt(a.V));
    [MethodImpl(Always)] public static Double2 Min(Double2 a, Double2 b) => new(Vector128.MinNative(a.V, b.V));
    [MethodImpl(Always)]
    public static Double2 WhereBelow(Double2 a, double limit, Double2 yes, Double2 no) =>
        new(Vector128.ConditionalSelect(Vector128.LessThan(Vector128.Abs(a.V), Vector128.Create(limit)), yes.V, no.V));
    [MethodImpl(Always)]
    public static Double2 WhereZero(Double2 a, Double2 yes, Double2 no) =>
        new(Vector128.ConditionalSelect(Vector128.Equals(a.V, Vector128<double>.Zero), yes.V, no.V));
    [MethodImpl(Always)] public static Double2 WithSignOf(Double2 a, double magnitude) => new((a.V & Vector128.Create(-0.0)) | Vector128.Create(magnitude));
    [MethodImpl(Always)] public static Double2 AddBits(Double2 a, Double2 b) => new((a.V.AsInt64() + b.V.AsInt64()).AsDouble());
    [MethodImpl(Always)] public static Double2 SubtractBits(Double2 a, Double2 b) => new((a.V.AsInt64() - b.V.AsInt64()).AsDouble());
    [MethodImpl(Always)] public static Double2 AndBits(Double2 a, ulong mask) => new((a.V.AsUInt64() & Vector128.Create(mask)).AsDouble());
    [MethodImpl(Always)] public static Double2 OrBits(Double2 a, ulong mask) => new((a.V.AsUInt64() | Vector128.Create(mask)).AsDouble());
    [MethodImpl(Always)] public static Double2 XorBits(Double2 a, Double2 b) => new((a.V.AsUInt64() ^ b.V.AsUInt64()).AsDouble());
    [MethodImpl(Always)] public static Double2 ShiftLeft(Double2 a, int count) => new((a.V.AsUInt64() << count).AsDouble());
    [MethodImpl(Always)] public static Double2 ShiftRight(Double2 a, int count) => new((a.V.AsUInt64() >> count).AsDouble());
    [MethodImpl(Always)]
    public static Double2 Lookup(ReadOnlySpan<double> sixteen, Double2 index) =>
        new(Vector128.Create(sixteen[(int)index.V.AsInt64().GetElement(0) & 15], sixteen[(int)index.V.AsInt64().GetElement(1) & 15]));
}

/// <summary>One lane: the scalar form.</summary>
internal readonly struct Double1(double v) : IDoubleLanes<Double1>
{
    public readonly double V = v;

    [MethodImpl(Always)] public static Double1 Of(double value) => new(value);
    [MethodImpl(Always)] public static Double1 operator +(Double1 a, Double1 b) => new(a.V + b.V);
    [MethodImpl(Always)] public static Double1 operator -(Double1 a, Double1 b) => new(a.V - b.V);
    [MethodImpl(Always)] public static Double1 operator *(Double1 a, Double1 b) => new(a.V * b.V);
    [MethodImpl(Always)] public static Double1 operator /(Double1 a, Double1 b) => new(a.V / b.V);
    [MethodImpl(Always)] public static Double1 operator -(Double1 a) => new(-a.V);
    [MethodImpl(Always)] public static Double1 Fma(Double1 a, Double1 b, Double1 c) => new(Math.FusedMultiplyAdd(a.V, b.V, c.V));
    [MethodImpl(Always)] public static Double1 Sqrt(Double1 a) => new(Math.Sqrt(a.V));
    [MethodImpl(Always)] public static Double1 Min(Double1 a, Double1 b) => a.V < b.V ? a : b;
    [MethodImpl(Always)] public static Double1 WhereBelow(Double1 a, double limit, Double1 yes, Double1 no) => Math.Abs(a.V) < limit ? yes : no;
    [MethodImpl(Always)] public static Double1 WhereZero(Double1 a, Double1 yes, Double1 no) => a.V == 0 ? yes : no;
    [MethodImpl(Always)] public static Double1 WithSignOf(Double1 a, double magnitude) => new(Math.CopySign(magnitude, a.V));
    [MethodImpl(Always)] public static Double1 AddBits(Double1 a, Double1 b) => From(Bits(a) + Bits(b));
    [MethodImpl(Always)] public static Double1 SubtractBits(Double1 a, Double1 b) => From(Bits(a) - Bits(b));
    [MethodImpl(Always)] public static Double1 AndBits(Double1 a, ulong mask) => From(Bits(a) & mask);
    [MethodImpl(Always)] public static Double1 OrBits(Double1 a, ulong mask) => From(Bits(a) | mask);
    [MethodImpl(Always)] public static Double1 XorBits(Double1 a, Double1 b) => From(Bits(a) ^ Bits(b));
    [MethodImpl(Always)] public static Double1 ShiftLeft(Double1 a, int count) => From(Bits(a) << count);
    [MethodImpl(Always)] public static Double1 ShiftRight(Double1 a, int count) => From(Bits(a) >> count);
    [MethodImpl(Always)] public static Double1 Lookup(ReadOnlySpan<double> sixteen, Double1 index) => new(sixteen[(int)Bits(index) & 15]);

    [MethodImpl(Always)] private static ulong Bits(Double1 a) => BitConverter.DoubleToUInt64Bits(a.V);
    [MethodImpl(Always)] private static Double1 From(ulong bits) => new(BitConverter.UInt64BitsToDouble(bits));
}
