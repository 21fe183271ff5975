using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static DeepSeek.Reference.Numerics.Inlining;

namespace DeepSeek.Reference.Numerics;

/// <summary>
/// A register of 32-bit lanes that is read as binary32 or as integers: what the twins of matrix units are made of. Every member is element-wise,
/// and either an IEEE operation or exact, so that each width gives the same bits.
/// </summary>
/// <typeparam name="V">The register itself.</typeparam>
internal unsafe interface IColumnLanes<V> where V : struct, IColumnLanes<V>
{
    /// <summary>Lanes of the register.</summary>
    static abstract int Count { get; }

    static abstract V Load(float* from);

    static abstract void Store(V x, float* to);

    static abstract V Of(float value);

    static abstract V OfInteger(int value);

    static abstract V operator +(V a, V b);

    static abstract V operator *(V a, V b);

    /// <summary>fma(a, b, c).</summary>
    static abstract V Fma(V a, V b, V c);

    static abstract V AddIntegers(V a, V b);

    static abstract V SubtractIntegers(V a, V b);

    static abstract V MaxIntegers(V a, V b);

    static abstract V MinIntegers(V a, V b);

    /// <summary>All ones where a &gt; b as integers.</summary>
    static abstract V Greater(V a, V b);

    /// <summary>All ones where a = b as integers.</summary>
    static abstract V Equal(V a, V b);

    /// <summary>yes where mask is ones, else no.</summary>
    static abstract V Select(V mask, V yes, V no);

    /// <summary>Whether every lane is all ones.</summary>
    static abstract bool All(V mask);

    static abstract V And(V a, V b);

    static abstract V Or(V a, V b);

    static abstract V ShiftLeft(V a, int count);

    /// <summary>Zeros come in.</summary>
    static abstract V ShiftRight(V a, int count);

    /// <summary>The integer that is left of a value below 2^31 when its fraction is cut.</summary>
    static abstract V Truncate(V a);

    /// <summary>An integer as binary32.</summary>
    static abstract V FromIntegers(V a);

    /// <summary>a + b of integers as binary32, of which the magnitude is cut to 24 bits.</summary>
    static abstract V SumTowardZero(V a, V b);

    /// <summary>Signed bytes as integers.</summary>
    static abstract V WidenBytes(sbyte* from);

    /// <summary>Σ a·b in binary64 over k = 0 ... count - 1 for two rows of a, every partial sum exact, rounded once: b is a panel with rows <paramref name="stride"/> apart.</summary>
    static abstract (V First, V Second) ExactDots(double* a0, double* a1, float* b, nint stride, int count);
}

internal static class ColumnLanes
{
    /// <summary>The bits of a binary64 number that a significand of 24 bits leaves.</summary>
    public const long HighBits = -1L << 29;
}

/// <summary>Sixteen lanes in 512 bits.</summary>
internal readonly unsafe struct Column16(Vector512<float> v) : IColumnLanes<Column16>
{
    private readonly Vector512<float> v = v;

    public static int Count => 16;

    [MethodImpl(Always)] public static Column16 Load(float* from) => new(Vector512.Load(from));
    [MethodImpl(Always)] public static void Store(Column16 x, float* to) => x.v.Store(to);
    [MethodImpl(Always)] public static Column16 Of(float value) => new(Vector512.Create(value));
    [MethodImpl(Always)] public static Column16 OfInteger(int value) => new(Vector512.Create(value).AsSingle());
    [MethodImpl(Always)] public static Column16 operator +(Column16 a, Column16 b) => new(a.v + b.v);
    [MethodImpl(Always)] public static Column16 operator *(Column16 a, Column16 b) => new(a.v * b.v);
    [MethodImpl(Always)] public static Column16 Fma(Column16 a, Column16 b, Column16 c) => new(Vector512.FusedMultiplyAdd(a.v, b.v, c.v));
    [MethodImpl(Always)] public static Column16 AddIntegers(Column16 a, Column16 b) => new((a.v.AsInt32() + b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column16 SubtractIntegers(Column16 a, Column16 b) => new((a.v.AsInt32() - b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column16 MaxIntegers(Column16 a, Column16 b) => new(Vector512.Max(a.v.AsInt32(), b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column16 MinIntegers(Column16 a, Column16 b) => new(Vector512.Min(a.v.AsInt32(), b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column16 Greater(Column16 a, Column16 b) => new(Vector512.GreaterThan(a.v.AsInt32(), b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column16 Equal(Column16 a, Column16 b) => new(Vector512.Equals(a.v.AsInt32(), b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column16 Select(Column16 mask, Column16 yes, Column16 no) => new(Vector512.ConditionalSelect(mask.v, yes.v, no.v));
    [MethodImpl(Always)] public static bool All(Column16 mask) => Vector512.EqualsAll(mask.v.AsInt32(), Vector512<int>.AllBitsSet);
    [MethodImpl(Always)] public static Column16 And(Column16 a, Column16 b) => new(a.v & b.v);
    [MethodImpl(Always)] public static Column16 Or(Column16 a, Column16 b) => new(a.v | b.v);
    [MethodImpl(Always)] public static Column16 ShiftLeft(Column16 a, int count) => new((a.v.AsInt32() << count).AsSingle());
    [MethodImpl(Always)] public static Column16 ShiftRight(Column16 a, int count) => new((a.v.AsUInt32() >> count).AsSingle());
    [MethodImpl(Always)] public static Column16 Truncate(Column16 a) => new(Vector512.ConvertToInt32Native(a.v).AsSingle());
    [MethodImpl(Always)] public static Column16 FromIntegers(Column16 a) => new(Vector512.ConvertToSingle(a.v.AsInt32()));

    [MethodImpl(Always)]
    public static Column16 SumTowardZero(Column16 a, Column16 b)
    {
        (Vector512<int> x, Vector512<int> y) = (a.v.AsInt32(), b.v.AsInt32());
        return new(Vector512.Narrow(Cut(x.GetLower(), y.GetLower()), Cut(x.GetUpper(), y.GetUpper())));
    }

    [MethodImpl(Always)]
    private static Vector512<double> Cut(Vector256<int> a, Vector256<int> b) =>
        ((Avx512F.ConvertToVector512Double(a) + Avx512F.ConvertToVector512Double(b)).AsInt64() & Vector512.Create(ColumnLanes.HighBits)).AsDouble();

    [MethodImpl(Always)]
    public static Column16 WidenBytes(sbyte* from)
    {
        Vector128<sbyte> bytes = Vector128.Load(from);
        if (Avx512F.IsSupported)
            return new(Avx512F.ConvertToVector512Int32(bytes).AsSingle());
        Vector256<short> w = Vector256.Create(Vector128.WidenLower(bytes), Vector128.WidenUpper(bytes));
        return new(Vector512.Create(Vector256.WidenLower(w), Vector256.WidenUpper(w)).AsSingle());
    }

    [MethodImpl(Always)]
    public static (Column16 First, Column16 Second) ExactDots(double* a0, double* a1, float* b, nint stride, int count)
    {
        Vector512<double> lower0 = Vector512<double>.Zero, upper0 = lower0, lower1 = lower0, upper1 = lower0;
        for (nint k = 0; k < count; k++)
        {
            (Vector512<double> lower, Vector512<double> upper) = Vector512.Widen(Vector512.Load(b + k * stride));
            Vector512<double> x = Vector512.Create(a0[k]);
            lower0 = Vector512.FusedMultiplyAdd(x, lower, lower0);
            upper0 = Vector512.FusedMultiplyAdd(x, upper, upper0);
            x = Vector512.Create(a1[k]);
            lower1 = Vector512.FusedMultiplyAdd(x, lower, lower1);
            upper1 = Vector512.FusedMultiplyAdd(x, upper, upper1);
        }

        return (new(Vector512.Narrow(lower0, upper0)), new(Vector512.Narrow(lower1, upper1)));
    }
}

/// <summary>Eight lanes in 256 bits.</summary>
internal readonly unsafe struct Column8(Vector256<float> v) : IColumnLanes<Column8>
{
    private readonly Vector256<float> v = v;

    public static int Count => 8;

    [MethodImpl(Always)] public static Column8 Load(float* from) => new(Vector256.Load(from));
    [MethodImpl(Always)] public static void Store(Column8 x, float* to) => x.v.Store(to);
    [MethodImpl(Always)] public static Column8 Of(float value) => new(Vector256.Create(value));
    [MethodImpl(Always)] public static Column8 OfInteger(int value) => new(Vector256.Create(value).AsSingle());
    [MethodImpl(Always)] public static Column8 operator +(Column8 a, Column8 b) => new(a.v + b.v);
    [MethodImpl(Always)] public static Column8 operator *(Column8 a, Column8 b) => new(a.v * b.v);
    [MethodImpl(Always)] public static Column8 Fma(Column8 a, Column8 b, Column8 c) => new(Vector256.FusedMultiplyAdd(a.v, b.v, c.v));
    [MethodImpl(Always)] public static Column8 AddIntegers(Column8 a, Column8 b) => new((a.v.AsInt32() + b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column8 SubtractIntegers(Column8 a, Column8 b) => new((a.v.AsInt32() - b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column8 MaxIntegers(Column8 a, Column8 b) => new(Vector256.Max(a.v.AsInt32(), b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column8 MinIntegers(Column8 a, Column8 b) => new(Vector256.Min(a.v.AsInt32(), b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column8 Greater(Column8 a, Column8 b) => new(Vector256.GreaterThan(a.v.AsInt32(), b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column8 Equal(Column8 a, Column8 b) => new(Vector256.Equals(a.v.AsInt32(), b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column8 Select(Column8 mask, Column8 yes, Column8 no) => new(Vector256.ConditionalSelect(mask.v, yes.v, no.v));
    [MethodImpl(Always)] public static bool All(Column8 mask) => Vector256.EqualsAll(mask.v.AsInt32(), Vector256<int>.AllBitsSet);
    [MethodImpl(Always)] public static Column8 And(Column8 a, Column8 b) => new(a.v & b.v);
    [MethodImpl(Always)] public static Column8 Or(Column8 a, Column8 b) => new(a.v | b.v);
    [MethodImpl(Always)] public static Column8 ShiftLeft(Column8 a, int count) => new((a.v.AsInt32() << count).AsSingle());
    [MethodImpl(Always)] public static Column8 ShiftRight(Column8 a, int count) => new((a.v.AsUInt32() >> count).AsSingle());
    [MethodImpl(Always)] public static Column8 Truncate(Column8 a) => new(Vector256.ConvertToInt32Native(a.v).AsSingle());
    [MethodImpl(Always)] public static Column8 FromIntegers(Column8 a) => new(Vector256.ConvertToSingle(a.v.AsInt32()));

    [MethodImpl(Always)]
    public static Column8 SumTowardZero(Column8 a, Column8 b)
    {
        (Vector256<int> x, Vector256<int> y) = (a.v.AsInt32(), b.v.AsInt32());
        return new(Vector256.Narrow(Cut(x.GetLower(), y.GetLower()), Cut(x.GetUpper(), y.GetUpper())));
    }

    [MethodImpl(Always)]
    private static Vector256<double> Cut(Vector128<int> a, Vector128<int> b) =>
        ((Avx.ConvertToVector256Double(a) + Avx.ConvertToVector256Double(b)).AsInt64() & Vector256.Create(ColumnLanes.HighBits)).AsDouble();

    [MethodImpl(Always)]
    public static Column8 WidenBytes(sbyte* from)
    {
        Vector128<sbyte> bytes = Vector128.CreateScalarUnsafe(*(long*)from).AsSByte();
        if (Avx2.IsSupported)
            return new(Avx2.ConvertToVector256Int32(bytes).AsSingle());
        Vector128<short> w = Vector128.WidenLower(bytes);
        return new(Vector256.Create(Vector128.WidenLower(w), Vector128.WidenUpper(w)).AsSingle());
    }

    [MethodImpl(Always)]
    public static (Column8 First, Column8 Second) ExactDots(double* a0, double* a1, float* b, nint stride, int count)
    {
        Vector256<double> lower0 = Vector256<double>.Zero, upper0 = lower0, lower1 = lower0, upper1 = lower0;
        for (nint k = 0; k < count; k++)
        {
            (Vector256<double> lower, Vector256<double> upper) = Vector256.Widen(Vector256.Load(b + k * stride));
            Vector256<double> x = Vector256.Create(a0[k]);
            lower0 = Vector256.FusedMultiplyAdd(x, lower, lower0);
            upper0 = Vector256.FusedMultiplyAdd(x, upper, upper0);
            x = Vector256.Create(a1[k]);
            lower1 = Vector256.FusedMultiplyAdd(x, lower, lower1);
            upper1 = Vector256.FusedMultiplyAdd(x, upper, upper1);
        }

        return (new(Vector256.Narrow(lower0, upper0)), new(Vector256.Narrow(lower1, upper1)));
    }
}

/// <summary>Four lanes in 128 bits.</summary>
internal readonly unsafe struct Column4(Vector128<float> v) : IColumnLanes<Column4>
{
    private readonly Vector128<float> v = v;

    public static int Count => 4;

    [MethodImpl(Always)] public static Column4 Load(float* from) => new(Vector128.Load(from));
    [MethodImpl(Always)] public static void Store(Column4 x, float* to) => x.v.Store(to);
    [MethodImpl(Always)] public static Column4 Of(float value) => new(Vector128.Create(value));
    [MethodImpl(Always)] public static Column4 OfInteger(int value) => new(Vector128.Create(value).AsSingle());
    [MethodImpl(Always)] public static Column4 operator +(Column4 a, Column4 b) => new(a.v + b.v);
    [MethodImpl(Always)] public static Column4 operator *(Column4 a, Column4 b) => new(a.v * b.v);
    [MethodImpl(Always)] public static Column4 Fma(Column4 a, Column4 b, Column4 c) => new(Vector128.FusedMultiplyAdd(a.v, b.v, c.v));
    [MethodImpl(Always)] public static Column4 AddIntegers(Column4 a, Column4 b) => new((a.v.AsInt32() + b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column4 SubtractIntegers(Column4 a, Column4 b) => new((a.v.AsInt32() - b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column4 MaxIntegers(Column4 a, Column4 b) => new(Vector128.Max(a.v.AsInt32(), b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column4 MinIntegers(Column4 a, Column4 b) => new(Vector128.Min(a.v.AsInt32(), b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column4 Greater(Column4 a, Column4 b) => new(Vector128.GreaterThan(a.v.AsInt32(), b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column4 Equal(Column4 a, Column4 b) => new(Vector128.Equals(a.v.AsInt32(), b.v.AsInt32()).AsSingle());
    [MethodImpl(Always)] public static Column4 Select(Column4 mask, Column4 yes, Column4 no) => new(Vector128.ConditionalSelect(mask.v, yes.v, no.v));
    [MethodImpl(Always)] public static bool All(Column4 mask) => Vector128.EqualsAll(mask.v.AsInt32(), Vector128<int>.AllBitsSet);
    [MethodImpl(Always)] public static Column4 And(Column4 a, Column4 b) => new(a.v & b.v);
    [MethodImpl(Always)] public static Column4 Or(Column4 a, Column4 b) => new(a.v | b.v);
    [MethodImpl(Always)] public static Column4 ShiftLeft(Column4 a, int count) => new((a.v.AsInt32() << count).AsSingle());
    [MethodImpl(Always)] public static Column4 ShiftRight(Column4 a, int count) => new((a.v.AsUInt32() >> count).AsSingle());
    [MethodImpl(Always)] public static Column4 Truncate(Column4 a) => new(Vector128.ConvertToInt32Native(a.v).AsSingle());
    [MethodImpl(Always)] public static Column4 FromIntegers(Column4 a) => new(Vector128.ConvertToSingle(a.v.AsInt32()));

    [MethodImpl(Always)]
    public static Column4 SumTowardZero(Column4 a, Column4 b)
    {
        (Vector128<int> x, Vector128<int> y) = (a.v.AsInt32(), b.v.AsInt32());
        Vector128<double> lower = Vector128.ConvertToDouble(Vector128.WidenLower(x) + Vector128.WidenLower(y));
        Vector128<double> upper = Vector128.ConvertToDouble(Vector128.WidenUpper(x) + Vector128.WidenUpper(y));
        Vector128<long> cut = Vector128.Create(ColumnLanes.HighBits);
        return new(Vector128.Narrow((lower.AsInt64() & cut).AsDouble(), (upper.AsInt64() & cut).AsDouble()));
    }

    [MethodImpl(Always)]
    public static Column4 WidenBytes(sbyte* from) =>
        new(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(int*)from).AsSByte())).AsSingle());

    [MethodImpl(Always)]
    public static (Column4 First, Column4 Second) ExactDots(double* a0, double* a1, float* b, nint stride, int count)
    {
        Vector128<double> lower0 = Vector128<double>.Zero, upper0 = lower0, lower1 = lower0, upper1 = lower0;
        for (nint k = 0; k < count; k++)
        {
            (Vector128<double> lower, Vector128<double> upper) = Vector128.Widen(Vector128.Load(b + k * stride));
            Vector128<double> x = Vector128.Create(a0[k]);
            lower0 = Vector128.FusedMultiplyAdd(x, lower, lower0);
            upper0 = Vector128.FusedMultiplyAdd(x, upper, upper0);
            x = Vector128.Create(a1[k]);
            lower1 = Vector128.FusedMultiplyAdd(x, lower, lower1);
            upper1 = Vector128.FusedMultiplyAdd(x, upper, upper1);
        }

        return (new(Vector128.Narrow(lower0, upper0)), new(Vector128.Narrow(lower1, upper1)));
    }
}
