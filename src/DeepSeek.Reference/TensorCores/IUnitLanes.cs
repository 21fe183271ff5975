using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static DeepSeek.Reference.Numerics.Inlining;

namespace DeepSeek.Reference.TensorCores;

/// <summary>
/// A register of 32-bit lanes, each of which is one output of a matrix unit: integers for exponents and sums, binary32 for values.
/// Every member is exact in each lane, so that the width changes no bit.
/// </summary>
internal unsafe interface IUnitLanes<V> where V : struct, IUnitLanes<V>
{
    /// <summary>Lanes.</summary>
    static abstract int Count { get; }

    static abstract V Load(void* from);

    static abstract void Store(V x, void* to);

    /// <summary>The same 32 bits in each lane.</summary>
    static abstract V Of(int bits);

    static abstract V Add(V a, V b);

    static abstract V Subtract(V a, V b);

    static abstract V Max(V a, V b);

    static abstract V Min(V a, V b);

    /// <summary>All ones where a &gt; b as integers.</summary>
    static abstract V Greater(V a, V b);

    /// <summary>All ones where a = b as integers.</summary>
    static abstract V Equal(V a, V b);

    static abstract V And(V a, V b);

    static abstract V Or(V a, V b);

    /// <summary>yes where mask is ones, else no.</summary>
    static abstract V Select(V mask, V yes, V no);

    static abstract V ShiftLeft(V a, int count);

    /// <summary>Zeros come in.</summary>
    static abstract V ShiftRight(V a, int count);

    /// <summary>The product of binary32 values.</summary>
    static abstract V Multiply(V a, V b);

    /// <summary>The integer part of binary32 values below 2^31; no meaning for others.</summary>
    static abstract V Truncate(V a);

    /// <summary>a + b of integers as binary32, of which the magnitude is cut to 24 bits.</summary>
    static abstract V SumTowardZero(V a, V b);

    /// <summary>Whether every lane is all ones.</summary>
    static abstract bool All(V mask);
}

/// <summary>Sixteen lanes in 512 bits.</summary>
internal readonly unsafe struct Unit16(Vector512<int> v) : IUnitLanes<Unit16>
{
    private const long HighBits = -1L << 29;
    private readonly Vector512<int> V = v;

    public static int Count => 16;
    [MethodImpl(Always)] public static Unit16 Load(void* from) => new(Vector512.Load((int*)from));
    [MethodImpl(Always)] public static void Store(Unit16 x, void* to) => x.V.Store((int*)to);
    [MethodImpl(Always)] public static Unit16 Of(int bits) => new(Vector512.Create(bits));
    [MethodImpl(Always)] public static Unit16 Add(Unit16 a, Unit16 b) => new(a.V + b.V);
    [MethodImpl(Always)] public static Unit16 Subtract(Unit16 a, Unit16 b) => new(a.V - b.V);
    [MethodImpl(Always)] public static Unit16 Max(Unit16 a, Unit16 b) => new(Vector512.Max(a.V, b.V));
    [MethodImpl(Always)] public static Unit16 Min(Unit16 a, Unit16 b) => new(Vector512.Min(a.V, b.V));
    [MethodImpl(Always)] public static Unit16 Greater(Unit16 a, Unit16 b) => new(Vector512.GreaterThan(a.V, b.V));
    [MethodImpl(Always)] public static Unit16 Equal(Unit16 a, Unit16 b) => new(Vector512.Equals(a.V, b.V));
    [MethodImpl(Always)] public static Unit16 And(Unit16 a, Unit16 b) => new(a.V & b.V);
    [MethodImpl(Always)] public static Unit16 Or(Unit16 a, Unit16 b) => new(a.V | b.V);
    [MethodImpl(Always)] public static Unit16 Select(Unit16 mask, Unit16 yes, Unit16 no) => new(Vector512.ConditionalSelect(mask.V, yes.V, no.V));
    [MethodImpl(Always)] public static Unit16 ShiftLeft(Unit16 a, int count) => new(a.V << count);
    [MethodImpl(Always)] public static Unit16 ShiftRight(Unit16 a, int count) => new(a.V >>> count);
    [MethodImpl(Always)] public static Unit16 Multiply(Unit16 a, Unit16 b) => new((a.V.AsSingle() * b.V.AsSingle()).AsInt32());
    [MethodImpl(Always)] public static Unit16 Truncate(Unit16 a) => new(Vector512.ConvertToInt32Native(a.V.AsSingle()));

    [MethodImpl(Always)]
    public static Unit16 SumTowardZero(Unit16 a, Unit16 b) => new(Vector512.Narrow(Cut(a.V.GetLower(), b.V.GetLower()), Cut(a.V.GetUpper(), b.V.GetUpper())).AsInt32());

    [MethodImpl(Always)] public static bool All(Unit16 mask) => Vector512.EqualsAll(mask.V, Vector512<int>.AllBitsSet);

    [MethodImpl(Always)]
    private static Vector512<double> Cut(Vector256<int> a, Vector256<int> b) =>
        ((Avx512F.ConvertToVector512Double(a) + Avx512F.ConvertToVector512Double(b)).AsInt64() & Vector512.Create(HighBits)).AsDouble();
}

/// <summary>Eight lanes in 256 bits.</summary>
internal readonly unsafe struct Unit8(Vector256<int> v) : IUnitLanes<Unit8>
{
    private const long HighBits = -1L << 29;
    private readonly Vector256<int> V = v;

    public static int Count => 8;
    [MethodImpl(Always)] public static Unit8 Load(void* from) => new(Vector256.Load((int*)from));
    [MethodImpl(Always)] public static void Store(Unit8 x, void* to) => x.V.Store((int*)to);
    [MethodImpl(Always)] public static Unit8 Of(int bits) => new(Vector256.Create(bits));
    [MethodImpl(Always)] public static Unit8 Add(Unit8 a, Unit8 b) => new(a.V + b.V);
    [MethodImpl(Always)] public static Unit8 Subtract(Unit8 a, Unit8 b) => new(a.V - b.V);
    [MethodImpl(Always)] public static Unit8 Max(Unit8 a, Unit8 b) => new(Vector256.Max(a.V, b.V));
    [MethodImpl(Always)] public static Unit8 Min(Unit8 a, Unit8 b) => new(Vector256.Min(a.V, b.V));
    [MethodImpl(Always)] public static Unit8 Greater(Unit8 a, Unit8 b) => new(Vector256.GreaterThan(a.V, b.V));
    [MethodImpl(Always)] public static Unit8 Equal(Unit8 a, Unit8 b) => new(Vector256.Equals(a.V, b.V));
    [MethodImpl(Always)] public static Unit8 And(Unit8 a, Unit8 b) => new(a.V & b.V);
    [MethodImpl(Always)] public static Unit8 Or(Unit8 a, Unit8 b) => new(a.V | b.V);
    [MethodImpl(Always)] public static Unit8 Select(Unit8 mask, Unit8 yes, Unit8 no) => new(Vector256.ConditionalSelect(mask.V, yes.V, no.V));
    [MethodImpl(Always)] public static Unit8 ShiftLeft(Unit8 a, int count) => new(a.V << count);
    [MethodImpl(Always)] public static Unit8 ShiftRight(Unit8 a, int count) => new(a.V >>> count);
    [MethodImpl(Always)] public static Unit8 Multiply(Unit8 a, Unit8 b) => new((a.V.AsSingle() * b.V.AsSingle()).AsInt32());
    [MethodImpl(Always)] public static Unit8 Truncate(Unit8 a) => new(Vector256.ConvertToInt32Native(a.V.AsSingle()));

    [MethodImpl(Always)]
    public static Unit8 SumTowardZero(Unit8 a, Unit8 b) => new(Vector256.Narrow(Cut(a.V.GetLower(), b.V.GetLower()), Cut(a.V.GetUpper(), b.V.GetUpper())).AsInt32());

    [MethodImpl(Always)] public static bool All(Unit8 mask) => Vector256.EqualsAll(mask.V, Vector256<int>.AllBitsSet);

    [MethodImpl(Always)]
    private static Vector256<double> Cut(Vector128<int> a, Vector128<int> b) =>
        ((Avx.ConvertToVector256Double(a) + Avx.ConvertToVector256Double(b)).AsInt64() & Vector256.Create(HighBits)).AsDouble();
}

/// <summary>Four lanes in 128 bits.</summary>
internal readonly unsafe struct Unit4(Vector128<int> v) : IUnitLanes<Unit4>
{
    private const long HighBits = -1L << 29;
    private readonly Vector128<int> V = v;

    public static int Count => 4;
    [MethodImpl(Always)] public static Unit4 Load(void* from) => new(Vector128.Load((int*)from));
    [MethodImpl(Always)] public static void Store(Unit4 x, void* to) => x.V.Store((int*)to);
    [MethodImpl(Always)] public static Unit4 Of(int bits) => new(Vector128.Create(bits));
    [MethodImpl(Always)] public static Unit4 Add(Unit4 a, Unit4 b) => new(a.V + b.V);
    [MethodImpl(Always)] public static Unit4 Subtract(Unit4 a, Unit4 b) => new(a.V - b.V);
    [MethodImpl(Always)] public static Unit4 Max(Unit4 a, Unit4 b) => new(Vector128.Max(a.V, b.V));
    [MethodImpl(Always)] public static Unit4 Min(Unit4 a, Unit4 b) => new(Vector128.Min(a.V, b.V));
    [MethodImpl(Always)] public static Unit4 Greater(Unit4 a, Unit4 b) => new(Vector128.GreaterThan(a.V, b.V));
    [MethodImpl(Always)] public static Unit4 Equal(Unit4 a, Unit4 b) => new(Vector128.Equals(a.V, b.V));
    [MethodImpl(Always)] public static Unit4 And(Unit4 a, Unit4 b) => new(a.V & b.V);
    [MethodImpl(Always)] public static Unit4 Or(Unit4 a, Unit4 b) => new(a.V | b.V);
    [MethodImpl(Always)] public static Unit4 Select(Unit4 mask, Unit4 yes, Unit4 no) => new(Vector128.ConditionalSelect(mask.V, yes.V, no.V));
    [MethodImpl(Always)] public static Unit4 ShiftLeft(Unit4 a, int count) => new(a.V << count);
    [MethodImpl(Always)] public static Unit4 ShiftRight(Unit4 a, int count) => new(a.V >>> count);
    [MethodImpl(Always)] public static Unit4 Multiply(Unit4 a, Unit4 b) => new((a.V.AsSingle() * b.V.AsSingle()).AsInt32());
    [MethodImpl(Always)] public static Unit4 Truncate(Unit4 a) => new(Vector128.ConvertToInt32Native(a.V.AsSingle()));

    [MethodImpl(Always)]
    public static Unit4 SumTowardZero(Unit4 a, Unit4 b)
    {
        Vector128<double> lower = Vector128.ConvertToDouble(Vector128.WidenLower(a.V) + Vector128.WidenLower(b.V));
        Vector128<double> upper = Vector128.ConvertToDouble(Vector128.WidenUpper(a.V) + Vector128.WidenUpper(b.V));
        Vector128<long> cut = Vector128.Create(HighBits);
        return new(Vector128.Narrow((lower.AsInt64() & cut).AsDouble(), (upper.AsInt64() & cut).AsDouble()).AsInt32());
    }

    [MethodImpl(Always)] public static bool All(Unit4 mask) => Vector128.EqualsAll(mask.V, Vector128<int>.AllBitsSet);
}
