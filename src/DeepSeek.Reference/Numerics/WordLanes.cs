using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static DeepSeek.Reference.Numerics.Inlining;

namespace DeepSeek.Reference.Numerics;

/// <summary>Sixteen unsigned words that hold encodings: what casts are made of. Every member is exact, so every width has the same bits.</summary>
/// <typeparam name="W">The words themselves.</typeparam>
internal interface IWords<W> where W : struct, IWords<W>
{
    /// <summary>Words of a value, in however many registers.</summary>
    const int Count = 16;

    static abstract W Broadcast(uint x);

    static abstract W Load(ref uint from);

    static abstract void Store(W x, ref uint to);

    /// <summary>Sixteen bytes, each widened to a word.</summary>
    static abstract W LoadBytes(ref byte from);

    /// <summary>Sixteen halves, each widened to a word.</summary>
    static abstract W LoadHalves(ref ushort from);

    /// <summary>Stores the low byte of each word, which is all of it.</summary>
    static abstract void StoreBytes(W x, ref byte to);

    /// <summary>Stores the low half of each word, which is all of it.</summary>
    static abstract void StoreHalves(W x, ref ushort to);

    static abstract W operator &(W a, W b);

    static abstract W operator |(W a, W b);

    /// <summary>The bits of a that b does not have.</summary>
    static abstract W Without(W a, W b);

    static abstract W operator +(W a, W b);

    static abstract W operator -(W a, W b);

    static abstract W operator <<(W a, int bits);

    /// <summary>Zeros come in from above.</summary>
    static abstract W operator >>(W a, int bits);

    /// <summary>All ones where a is greater than b, both below 2^31; else zero.</summary>
    static abstract W Greater(W a, W b);

    /// <summary>Where a is below limit, below; elsewhere other. a and limit below 2^31.</summary>
    static abstract W WhereBelow(W a, W limit, W below, W other);

    /// <summary>The encodings of the binary32 sums.</summary>
    static abstract W AddAsFloats(W a, W b);

    /// <summary>Element-wise minimum.</summary>
    static abstract W Min(W a, W b);

    /// <summary>Element-wise maximum.</summary>
    static abstract W Max(W a, W b);

    /// <summary>The greatest of the sixteen.</summary>
    static abstract uint Greatest(W x);

    /// <summary>Word i: the greatest of words 16i to 16i + 15 from there on, all below 2^31.</summary>
    static abstract W GreatestOfEach(ref uint rows);
}

/// <summary>Words beside the lanes of the same width, whose encodings they may be.</summary>
/// <typeparam name="W">The words themselves.</typeparam>
/// <typeparam name="L">The lanes of the same width.</typeparam>
internal interface IWordLanes<W, L> : IWords<W> where W : struct, IWordLanes<W, L> where L : struct, ILanes<L>
{
    /// <summary>The encodings of lanes.</summary>
    static abstract W Of(L x);

    /// <summary>The lanes with these encodings.</summary>
    static abstract L Lanes(W x);
}

/// <summary>Sixteen words in one 512-bit register.</summary>
internal readonly struct Words512(Vector512<uint> v) : IWordLanes<Words512, Lanes512>
{
    public readonly Vector512<uint> V = v;

    [MethodImpl(Always)] public static Words512 Broadcast(uint x) => new(Vector512.Create(x));
    [MethodImpl(Always)] public static Words512 Of(Lanes512 x) => new(x.V.AsUInt32());
    [MethodImpl(Always)] public static Lanes512 Lanes(Words512 x) => new(x.V.AsSingle());
    [MethodImpl(Always)] public static Words512 Load(ref uint from) => new(Vector512.LoadUnsafe(ref from));
    [MethodImpl(Always)] public static void Store(Words512 x, ref uint to) => x.V.StoreUnsafe(ref to);
    [MethodImpl(Always)] public static Words512 LoadBytes(ref byte from) => new(Avx512F.ConvertToVector512UInt32(Vector128.LoadUnsafe(ref from)));
    [MethodImpl(Always)] public static Words512 LoadHalves(ref ushort from) => new(Avx512F.ConvertToVector512UInt32(Vector256.LoadUnsafe(ref from)));
    [MethodImpl(Always)] public static void StoreBytes(Words512 x, ref byte to) => Avx512F.ConvertToVector128Byte(x.V).StoreUnsafe(ref to);
    [MethodImpl(Always)] public static void StoreHalves(Words512 x, ref ushort to) => Avx512F.ConvertToVector256UInt16(x.V).StoreUnsafe(ref to);
    [MethodImpl(Always)] public static Words512 operator &(Words512 a, Words512 b) => new(a.V & b.V);
    [MethodImpl(Always)] public static Words512 operator |(Words512 a, Words512 b) => new(a.V | b.V);
    [MethodImpl(Always)] public static Words512 Without(Words512 a, Words512 b) => new(Vector512.AndNot(a.V, b.V));
    [MethodImpl(Always)] public static Words512 operator +(Words512 a, Words512 b) => new(a.V + b.V);
    [MethodImpl(Always)] public static Words512 operator -(Words512 a, Words512 b) => new(a.V - b.V);
    [MethodImpl(Always)] public static Words512 operator <<(Words512 a, int bits) => new(a.V << bits);
    [MethodImpl(Always)] public static Words512 operator >>(Words512 a, int bits) => new(a.V >>> bits);
    [MethodImpl(Always)] public static Words512 Greater(Words512 a, Words512 b) => new(Vector512.GreaterThan(a.V.AsInt32(), b.V.AsInt32()).AsUInt32());
    [MethodImpl(Always)] public static Words512 Min(Words512 a, Words512 b) => new(Vector512.Min(a.V, b.V));
    [MethodImpl(Always)] public static Words512 Max(Words512 a, Words512 b) => new(Vector512.Max(a.V, b.V));
    [MethodImpl(Always)]
    public static Words512 WhereBelow(Words512 a, Words512 limit, Words512 below, Words512 other) =>
        new(Vector512.ConditionalSelect(Greater(limit, a).V, below.V, other.V));

    [MethodImpl(Always)]
    public static Words512 AddAsFloats(Words512 a, Words512 b) => Of(Lanes(a) + Lanes(b));

    [MethodImpl(Always)] public static uint Greatest(Words512 x) => Words256.Greatest8(Vector256.Max(x.V.GetLower(), x.V.GetUpper()));

    [MethodImpl(Always)]
    public static Words512 GreatestOfEach(ref uint rows)
    {
        // Four rows fold into one register whose quarters hold one word of each; four such registers fold by quarters.
        Vector512<uint> a = Fold4(ref rows), b = Fold4(ref Unsafe.Add(ref rows, 64)), c = Fold4(ref Unsafe.Add(ref rows, 128)), d = Fold4(ref Unsafe.Add(ref rows, 192));
        Vector512<uint> ab = Vector512.Max(Vector512.Create(a.GetLower(), b.GetLower()), Vector512.Create(a.GetUpper(), b.GetUpper()));
        Vector512<uint> cd = Vector512.Max(Vector512.Create(c.GetLower(), d.GetLower()), Vector512.Create(c.GetUpper(), d.GetUpper()));
        return new(Vector512.Max(Avx512F.Shuffle4x128(ab, cd, 0x88), Avx512F.Shuffle4x128(ab, cd, 0xDD)));
    }

    [MethodImpl(Always)]
    private static Vector512<uint> Fold4(ref uint rows)
    {
        Vector512<uint> a = Vector512.LoadUnsafe(ref rows), b = Vector512.LoadUnsafe(ref rows, 16), c = Vector512.LoadUnsafe(ref rows, 32), d = Vector512.LoadUnsafe(ref rows, 48);
        Vector512<ulong> ab = Vector512.Max(Avx512F.UnpackLow(a, b), Avx512F.UnpackHigh(a, b)).AsUInt64();
        Vector512<ulong> cd = Vector512.Max(Avx512F.UnpackLow(c, d), Avx512F.UnpackHigh(c, d)).AsUInt64();
        return Vector512.Max(Avx512F.UnpackLow(ab, cd).AsUInt32(), Avx512F.UnpackHigh(ab, cd).AsUInt32());
    }
}

/// <summary>Sixteen words in two 256-bit registers.</summary>
internal readonly struct Words256(Vector256<uint> lower, Vector256<uint> upper) : IWordLanes<Words256, Lanes256>
{
    public readonly Vector256<uint> Lower = lower;
    public readonly Vector256<uint> Upper = upper;

    [MethodImpl(Always)] public static Words256 Broadcast(uint x) => new(Vector256.Create(x), Vector256.Create(x));
    [MethodImpl(Always)] public static Words256 Of(Lanes256 x) => new(x.Lower.AsUInt32(), x.Upper.AsUInt32());
    [MethodImpl(Always)] public static Lanes256 Lanes(Words256 x) => new(x.Lower.AsSingle(), x.Upper.AsSingle());
    [MethodImpl(Always)] public static Words256 Load(ref uint from) => new(Vector256.LoadUnsafe(ref from), Vector256.LoadUnsafe(ref from, 8));

    [MethodImpl(Always)]
    public static void Store(Words256 x, ref uint to)
    {
        x.Lower.StoreUnsafe(ref to);
        x.Upper.StoreUnsafe(ref to, 8);
    }

    [MethodImpl(Always)]
    public static Words256 LoadBytes(ref byte from)
    {
        Vector128<byte> bytes = Vector128.LoadUnsafe(ref from);
        return LoadHalves(Vector128.WidenLower(bytes), Vector128.WidenUpper(bytes));
    }

    [MethodImpl(Always)] public static Words256 LoadHalves(ref ushort from) => LoadHalves(Vector128.LoadUnsafe(ref from), Vector128.LoadUnsafe(ref from, 8));

    [MethodImpl(Always)]
    public static void StoreBytes(Words256 x, ref byte to)
    {
        Vector256<ushort> halves = Vector256.Narrow(x.Lower, x.Upper);
        Vector128.Narrow(halves.GetLower(), halves.GetUpper()).StoreUnsafe(ref to);
    }

    [MethodImpl(Always)] public static void StoreHalves(Words256 x, ref ushort to) => Vector256.Narrow(x.Lower, x.Upper).StoreUnsafe(ref to);
    [MethodImpl(Always)] public static Words256 operator &(Words256 a, Words256 b) => new(a.Lower & b.Lower, a.Upper & b.Upper);
    [MethodImpl(Always)] public static Words256 operator |(Words256 a, Words256 b) => new(a.Lower | b.Lower, a.Upper | b.Upper);
    [MethodImpl(Always)] public static Words256 Without(Words256 a, Words256 b) => new(Vector256.AndNot(a.Lower, b.Lower), Vector256.AndNot(a.Upper, b.Upper));
    [MethodImpl(Always)] public static Words256 operator +(Words256 a, Words256 b) => new(a.Lower + b.Lower, a.Upper + b.Upper);
    [MethodImpl(Always)] public static Words256 operator -(Words256 a, Words256 b) => new(a.Lower - b.Lower, a.Upper - b.Upper);
    [MethodImpl(Always)] public static Words256 operator <<(Words256 a, int bits) => new(a.Lower << bits, a.Upper << bits);
    [MethodImpl(Always)] public static Words256 operator >>(Words256 a, int bits) => new(a.Lower >>> bits, a.Upper >>> bits);
    [MethodImpl(Always)]
    public static Words256 Greater(Words256 a, Words256 b) => new(
        Vector256.GreaterThan(a.Lower.AsInt32(), b.Lower.AsInt32()).AsUInt32(), Vector256.GreaterThan(a.Upper.AsInt32(), b.Upper.AsInt32()).AsUInt32());

    [MethodImpl(Always)] public static Words256 Min(Words256 a, Words256 b) => new(Vector256.Min(a.Lower, b.Lower), Vector256.Min(a.Upper, b.Upper));
    [MethodImpl(Always)] public static Words256 Max(Words256 a, Words256 b) => new(Vector256.Max(a.Lower, b.Lower), Vector256.Max(a.Upper, b.Upper));
    [MethodImpl(Always)]
    public static Words256 WhereBelow(Words256 a, Words256 limit, Words256 below, Words256 other)
    {
        Words256 where = Greater(limit, a);
        return new(Vector256.ConditionalSelect(where.Lower, below.Lower, other.Lower), Vector256.ConditionalSelect(where.Upper, below.Upper, other.Upper));
    }

    [MethodImpl(Always)]
    public static Words256 AddAsFloats(Words256 a, Words256 b) => Of(Lanes(a) + Lanes(b));

    public static Words256 GreatestOfEach(ref uint rows)
    {
        Span<uint> each = stackalloc uint[16];
        for (int i = 0; i < each.Length; i++)
            each[i] = Greatest(Load(ref Unsafe.Add(ref rows, 16 * i)));
        return Load(ref each[0]);
    }

    [MethodImpl(Always)] public static uint Greatest(Words256 x) => Greatest8(Vector256.Max(x.Lower, x.Upper));
    [MethodImpl(Always)] public static uint Greatest8(Vector256<uint> x) => Words128.Greatest4(Vector128.Max(x.GetLower(), x.GetUpper()));

    [MethodImpl(Always)]
    private static Words256 LoadHalves(Vector128<ushort> lower, Vector128<ushort> upper) =>
        new(Avx2.ConvertToVector256Int32(lower).AsUInt32(), Avx2.ConvertToVector256Int32(upper).AsUInt32());
}

/// <summary>Sixteen words in four 128-bit registers.</summary>
internal readonly struct Words128(Vector128<uint> a, Vector128<uint> b, Vector128<uint> c, Vector128<uint> d) : IWordLanes<Words128, Lanes128>
{
    public readonly Vector128<uint> A = a;
    public readonly Vector128<uint> B = b;
    public readonly Vector128<uint> C = c;
    public readonly Vector128<uint> D = d;

    [MethodImpl(Always)] public static Words128 Broadcast(uint x) => new(Vector128.Create(x), Vector128.Create(x), Vector128.Create(x), Vector128.Create(x));
    [MethodImpl(Always)] public static Words128 Of(Lanes128 x) => new(x.A.AsUInt32(), x.B.AsUInt32(), x.C.AsUInt32(), x.D.AsUInt32());
    [MethodImpl(Always)] public static Lanes128 Lanes(Words128 x) => new(x.A.AsSingle(), x.B.AsSingle(), x.C.AsSingle(), x.D.AsSingle());

    [MethodImpl(Always)]
    public static Words128 Load(ref uint from) =>
        new(Vector128.LoadUnsafe(ref from), Vector128.LoadUnsafe(ref from, 4), Vector128.LoadUnsafe(ref from, 8), Vector128.LoadUnsafe(ref from, 12));

    [MethodImpl(Always)]
    public static void Store(Words128 x, ref uint to)
    {
        x.A.StoreUnsafe(ref to);
        x.B.StoreUnsafe(ref to, 4);
        x.C.StoreUnsafe(ref to, 8);
        x.D.StoreUnsafe(ref to, 12);
    }

    [MethodImpl(Always)]
    public static Words128 LoadBytes(ref byte from)
    {
        Vector128<byte> bytes = Vector128.LoadUnsafe(ref from);
        return LoadHalves(Vector128.WidenLower(bytes), Vector128.WidenUpper(bytes));
    }

    [MethodImpl(Always)] public static Words128 LoadHalves(ref ushort from) => LoadHalves(Vector128.LoadUnsafe(ref from), Vector128.LoadUnsafe(ref from, 8));

    [MethodImpl(Always)]
    public static void StoreBytes(Words128 x, ref byte to) =>
        Vector128.Narrow(Vector128.Narrow(x.A, x.B), Vector128.Narrow(x.C, x.D)).StoreUnsafe(ref to);

    [MethodImpl(Always)]
    public static void StoreHalves(Words128 x, ref ushort to)
    {
        Vector128.Narrow(x.A, x.B).StoreUnsafe(ref to);
        Vector128.Narrow(x.C, x.D).StoreUnsafe(ref to, 8);
    }

    [MethodImpl(Always)] public static Words128 operator &(Words128 a, Words128 b) => new(a.A & b.A, a.B & b.B, a.C & b.C, a.D & b.D);
    [MethodImpl(Always)] public static Words128 operator |(Words128 a, Words128 b) => new(a.A | b.A, a.B | b.B, a.C | b.C, a.D | b.D);
    [MethodImpl(Always)]
    public static Words128 Without(Words128 a, Words128 b) =>
        new(Vector128.AndNot(a.A, b.A), Vector128.AndNot(a.B, b.B), Vector128.AndNot(a.C, b.C), Vector128.AndNot(a.D, b.D));

    [MethodImpl(Always)] public static Words128 operator +(Words128 a, Words128 b) => new(a.A + b.A, a.B + b.B, a.C + b.C, a.D + b.D);
    [MethodImpl(Always)] public static Words128 operator -(Words128 a, Words128 b) => new(a.A - b.A, a.B - b.B, a.C - b.C, a.D - b.D);
    [MethodImpl(Always)] public static Words128 operator <<(Words128 a, int bits) => new(a.A << bits, a.B << bits, a.C << bits, a.D << bits);
    [MethodImpl(Always)] public static Words128 operator >>(Words128 a, int bits) => new(a.A >>> bits, a.B >>> bits, a.C >>> bits, a.D >>> bits);

    [MethodImpl(Always)]
    public static Words128 Greater(Words128 a, Words128 b) => new(Greater4(a.A, b.A), Greater4(a.B, b.B), Greater4(a.C, b.C), Greater4(a.D, b.D));

    [MethodImpl(Always)]
    public static Words128 Min(Words128 a, Words128 b) =>
        new(Vector128.Min(a.A, b.A), Vector128.Min(a.B, b.B), Vector128.Min(a.C, b.C), Vector128.Min(a.D, b.D));

    [MethodImpl(Always)]
    public static Words128 Max(Words128 a, Words128 b) =>
        new(Vector128.Max(a.A, b.A), Vector128.Max(a.B, b.B), Vector128.Max(a.C, b.C), Vector128.Max(a.D, b.D));

    [MethodImpl(Always)]
    public static Words128 WhereBelow(Words128 a, Words128 limit, Words128 below, Words128 other)
    {
        Words128 where = Greater(limit, a);
        return new(
            Vector128.ConditionalSelect(where.A, below.A, other.A), Vector128.ConditionalSelect(where.B, below.B, other.B),
            Vector128.ConditionalSelect(where.C, below.C, other.C), Vector128.ConditionalSelect(where.D, below.D, other.D));
    }

    [MethodImpl(Always)]
    public static Words128 AddAsFloats(Words128 a, Words128 b) => Of(Lanes(a) + Lanes(b));

    public static Words128 GreatestOfEach(ref uint rows)
    {
        Span<uint> each = stackalloc uint[16];
        for (int i = 0; i < each.Length; i++)
            each[i] = Greatest(Load(ref Unsafe.Add(ref rows, 16 * i)));
        return Load(ref each[0]);
    }

    [MethodImpl(Always)] public static uint Greatest(Words128 x) => Greatest4(Vector128.Max(Vector128.Max(x.A, x.B), Vector128.Max(x.C, x.D)));

    /// <summary>The greatest of four.</summary>
    [MethodImpl(Always)]
    public static uint Greatest4(Vector128<uint> x)
    {
        x = Vector128.Max(x, Vector128.Shuffle(x, Vector128.Create(2u, 3, 0, 1)));
        return Math.Max(x.GetElement(0), x.GetElement(1));
    }

    [MethodImpl(Always)] private static Vector128<uint> Greater4(Vector128<uint> a, Vector128<uint> b) => Vector128.GreaterThan(a.AsInt32(), b.AsInt32()).AsUInt32();

    [MethodImpl(Always)]
    private static Words128 LoadHalves(Vector128<ushort> lower, Vector128<ushort> upper) =>
        new(Vector128.WidenLower(lower), Vector128.WidenUpper(lower), Vector128.WidenLower(upper), Vector128.WidenUpper(upper));
}
