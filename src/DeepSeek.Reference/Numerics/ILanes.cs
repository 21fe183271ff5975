using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DeepSeek.Reference.Numerics;

/// <summary>
/// Sixteen binary32 lanes as a register value: 1 x 512, 2 x 256 or 4 x 128 bits. A kernel written once against it is compiled for each width,
/// with the same bits, because every member is an element-wise IEEE operation or the fold of rule N6.
/// </summary>
/// <remarks>Kernels are generic methods over a struct, so nothing is boxed or called through a table. Choose the width by <see cref="Isa"/>.</remarks>
internal interface ILanes<TSelf> where TSelf : struct, ILanes<TSelf>
{
    static abstract TSelf Zero { get; }

    static abstract TSelf Broadcast(float x);

    static abstract TSelf Load(ref float from);

    static abstract TSelf LoadBFloat16(ref ushort from);

    static abstract void Store(TSelf x, ref float to);

    /// <summary>Element-wise fma(a, b, c).</summary>
    static abstract TSelf Fma(TSelf a, TSelf b, TSelf c);

    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    static abstract TSelf operator *(TSelf a, TSelf b);

    static abstract TSelf operator /(TSelf a, TSelf b);

    /// <summary>Element-wise maximum; a NaN wins.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>Element-wise square root, IEEE.</summary>
    static abstract TSelf Sqrt(TSelf a);

    /// <summary>The fold of rule N6: 8+8, 4+4, 2+2, 1+1, then + (+0).</summary>
    static abstract float Fold(TSelf x);
}

/// <summary>Loads of fewer than sixteen values, for the tail of a row.</summary>
internal static class LaneTails
{
    /// <summary>The first <paramref name="count"/> lanes from memory, the others +0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T LoadPartial<T>(ref float from, int count) where T : struct, ILanes<T>
    {
        Sixteen buffer = default;
        for (int i = 0; i < count; i++)
            buffer[i] = Unsafe.Add(ref from, i);
        return T.Load(ref buffer[0]);
    }

    /// <summary>The first <paramref name="count"/> lanes from bfloat16 codes, the others +0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T LoadPartialBFloat16<T>(ref ushort from, int count) where T : struct, ILanes<T>
    {
        Sixteen buffer = default;
        for (int i = 0; i < count; i++)
            buffer[i] = BitConverter.UInt32BitsToSingle((uint)Unsafe.Add(ref from, i) << 16);
        return T.Load(ref buffer[0]);
    }

    /// <summary>Stores the first <paramref name="count"/> lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial<T>(T x, ref float to, int count) where T : struct, ILanes<T>
    {
        Sixteen buffer = default;
        T.Store(x, ref buffer[0]);
        for (int i = 0; i < count; i++)
            Unsafe.Add(ref to, i) = buffer[i];
    }

    [InlineArray(16)]
    private struct Sixteen
    {
        private float element;
    }
}

/// <summary>Sixteen lanes in one 512-bit register.</summary>
internal readonly struct Lanes512(Vector512<float> v) : ILanes<Lanes512>
{
    public readonly Vector512<float> V = v;

    public static Lanes512 Zero => new(Vector512<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Broadcast(float x) => new(Vector512.Create(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Load(ref float from) => new(Vector512.LoadUnsafe(ref from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadBFloat16(ref ushort from) => new(BFloat16Spans.Widen16(ref from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes512 x, ref float to) => x.V.StoreUnsafe(ref to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Fma(Lanes512 a, Lanes512 b, Lanes512 c) => new(Vector512.FusedMultiplyAdd(a.V, b.V, c.V));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator +(Lanes512 a, Lanes512 b) => new(a.V + b.V);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator -(Lanes512 a, Lanes512 b) => new(a.V - b.V);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator *(Lanes512 a, Lanes512 b) => new(a.V * b.V);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator /(Lanes512 a, Lanes512 b) => new(a.V / b.V);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Max(Lanes512 a, Lanes512 b) => new(Vector512.Max(a.V, b.V));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Sqrt(Lanes512 a) => new(Vector512.Sqrt(a.V));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Fold(Lanes512 x) => Lanes256.Fold8(x.V.GetLower() + x.V.GetUpper());
}

/// <summary>Sixteen lanes in two 256-bit registers.</summary>
internal readonly struct Lanes256(Vector256<float> lower, Vector256<float> upper) : ILanes<Lanes256>
{
    public readonly Vector256<float> Lower = lower;
    public readonly Vector256<float> Upper = upper;

    public static Lanes256 Zero => new(Vector256<float>.Zero, Vector256<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Broadcast(float x) => new(Vector256.Create(x), Vector256.Create(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Load(ref float from) => new(Vector256.LoadUnsafe(ref from), Vector256.LoadUnsafe(ref from, 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadBFloat16(ref ushort from)
    {
        Vector256<ushort> codes = Vector256.LoadUnsafe(ref from);
        return new((Vector256.WidenLower(codes) << 16).AsSingle(), (Vector256.WidenUpper(codes) << 16).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes256 x, ref float to)
    {
        x.Lower.StoreUnsafe(ref to);
        x.Upper.StoreUnsafe(ref to, 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Fma(Lanes256 a, Lanes256 b, Lanes256 c) =>
        new(Vector256.FusedMultiplyAdd(a.Lower, b.Lower, c.Lower), Vector256.FusedMultiplyAdd(a.Upper, b.Upper, c.Upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator +(Lanes256 a, Lanes256 b) => new(a.Lower + b.Lower, a.Upper + b.Upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator -(Lanes256 a, Lanes256 b) => new(a.Lower - b.Lower, a.Upper - b.Upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator *(Lanes256 a, Lanes256 b) => new(a.Lower * b.Lower, a.Upper * b.Upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator /(Lanes256 a, Lanes256 b) => new(a.Lower / b.Lower, a.Upper / b.Upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Max(Lanes256 a, Lanes256 b) => new(Vector256.Max(a.Lower, b.Lower), Vector256.Max(a.Upper, b.Upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Sqrt(Lanes256 a) => new(Vector256.Sqrt(a.Lower), Vector256.Sqrt(a.Upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Fold(Lanes256 x) => Fold8(x.Lower + x.Upper);

    /// <summary>The rest of the fold, from eight lanes on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Fold8(Vector256<float> x) => Lanes128.Fold4(x.GetLower() + x.GetUpper());
}

/// <summary>Sixteen lanes in four 128-bit registers.</summary>
internal readonly struct Lanes128(Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) : ILanes<Lanes128>
{
    public readonly Vector128<float> A = a;
    public readonly Vector128<float> B = b;
    public readonly Vector128<float> C = c;
    public readonly Vector128<float> D = d;

    public static Lanes128 Zero => Broadcast(0f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Broadcast(float x) => new(Vector128.Create(x), Vector128.Create(x), Vector128.Create(x), Vector128.Create(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Load(ref float from) =>
        new(Vector128.LoadUnsafe(ref from), Vector128.LoadUnsafe(ref from, 4), Vector128.LoadUnsafe(ref from, 8), Vector128.LoadUnsafe(ref from, 12));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadBFloat16(ref ushort from)
    {
        Vector128<ushort> p = Vector128.LoadUnsafe(ref from);
        Vector128<ushort> q = Vector128.LoadUnsafe(ref from, 8);
        return new(
            (Vector128.WidenLower(p) << 16).AsSingle(), (Vector128.WidenUpper(p) << 16).AsSingle(),
            (Vector128.WidenLower(q) << 16).AsSingle(), (Vector128.WidenUpper(q) << 16).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes128 x, ref float to)
    {
        x.A.StoreUnsafe(ref to);
        x.B.StoreUnsafe(ref to, 4);
        x.C.StoreUnsafe(ref to, 8);
        x.D.StoreUnsafe(ref to, 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Fma(Lanes128 a, Lanes128 b, Lanes128 c) => new(
        Vector128.FusedMultiplyAdd(a.A, b.A, c.A), Vector128.FusedMultiplyAdd(a.B, b.B, c.B),
        Vector128.FusedMultiplyAdd(a.C, b.C, c.C), Vector128.FusedMultiplyAdd(a.D, b.D, c.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator +(Lanes128 a, Lanes128 b) => new(a.A + b.A, a.B + b.B, a.C + b.C, a.D + b.D);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator -(Lanes128 a, Lanes128 b) => new(a.A - b.A, a.B - b.B, a.C - b.C, a.D - b.D);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator *(Lanes128 a, Lanes128 b) => new(a.A * b.A, a.B * b.B, a.C * b.C, a.D * b.D);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator /(Lanes128 a, Lanes128 b) => new(a.A / b.A, a.B / b.B, a.C / b.C, a.D / b.D);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Max(Lanes128 a, Lanes128 b) =>
        new(Vector128.Max(a.A, b.A), Vector128.Max(a.B, b.B), Vector128.Max(a.C, b.C), Vector128.Max(a.D, b.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Sqrt(Lanes128 a) => new(Vector128.Sqrt(a.A), Vector128.Sqrt(a.B), Vector128.Sqrt(a.C), Vector128.Sqrt(a.D));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Fold(Lanes128 x) => Fold4((x.A + x.C) + (x.B + x.D));

    /// <summary>The rest of the fold, from four lanes on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Fold4(Vector128<float> x)
    {
        Vector128<float> two = x + Vector128.Shuffle(x, Vector128.Create(2, 3, 2, 3));
        return (two.GetElement(0) + two.GetElement(1)) + 0f;
    }
}
