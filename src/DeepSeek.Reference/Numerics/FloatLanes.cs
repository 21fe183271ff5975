using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static DeepSeek.Reference.Numerics.Inlining;

namespace DeepSeek.Reference.Numerics;

/// <summary>A register of binary32 lanes: what comes before the widening to binary64 and after the one rounding back.</summary>
/// <typeparam name="F">The register itself.</typeparam>
internal interface IFloatLanes<F> where F : struct, IFloatLanes<F>
{
    /// <summary>Every lane kept within [low, high]; what comes out of a NaN is unspecified.</summary>
    static abstract F Clamp(F x, float low, float high);

    /// <summary>Whether |x| is at most limit in every lane (a NaN is not).</summary>
    static abstract bool AllWithin(F x, float limit);

    /// <summary>Whether every lane is a positive finite number.</summary>
    static abstract bool AllPositive(F x);

    /// <summary>Whether every lane is a finite number above limit.</summary>
    static abstract bool AllFiniteAbove(F x, float limit);

    /// <summary>y, but the canonical quiet NaN where x is NaN.</summary>
    static abstract F KeepNaN(F x, F y);

    /// <summary>y, but the canonical quiet NaN where y is NaN.</summary>
    static abstract F CanonicalNaN(F y);

    /// <summary>y with the sign of x; y must not carry the opposite sign unless it is zero.</summary>
    static abstract F OrSign(F x, F y);

    /// <summary>y, but x where x is a zero.</summary>
    static abstract F KeepZero(F x, F y);

    /// <summary>y, but the second encoding in lanes where x has the first: an exception of the one-rounding rule.</summary>
    static abstract F Except(F x, F y, uint xBits, uint yBits);

    /// <summary>
    /// As <see cref="Except(F, F, uint, uint)"/> for up to eight arguments that differ in the three bits of their encoding
    /// from bit shift on: those bits choose the one candidate. table: eight arguments, then their eight results.
    /// </summary>
    static abstract F Except(F x, F y, ReadOnlySpan<uint> table, int shift);
}

/// <summary>The binary64 register of the same number of lanes.</summary>
internal interface IWidened<F, D> : IFloatLanes<F> where F : struct, IWidened<F, D> where D : struct, IDoubleLanes<D>
{
    /// <summary>Exact.</summary>
    static abstract D Widen(F x);

    /// <summary>One rounding to nearest even, subnormals and overflow included.</summary>
    static abstract F Narrow(D y);
}

/// <summary>Eight lanes, widened to 512 bits.</summary>
internal readonly struct Float8(Vector256<float> v) : IWidened<Float8, Double8>
{
    public readonly Vector256<float> V = v;

    [MethodImpl(Always)] public static Double8 Widen(Float8 x) => new(Avx512F.ConvertToVector512Double(x.V));
    [MethodImpl(Always)] public static Float8 Narrow(Double8 y) => new(Avx512F.ConvertToVector256Single(y.V));
    [MethodImpl(Always)]
    public static Float8 Clamp(Float8 x, float low, float high) =>
        new(Vector256.MinNative(Vector256.MaxNative(x.V, Vector256.Create(low)), Vector256.Create(high)));
    [MethodImpl(Always)] public static bool AllWithin(Float8 x, float limit) => Vector256.LessThanOrEqualAll(Vector256.Abs(x.V), Vector256.Create(limit));
    [MethodImpl(Always)] public static bool AllPositive(Float8 x) => Vector256.LessThanAll(x.V.AsUInt32() - Vector256.Create(1u), Vector256.Create(0x7F7FFFFFu));
    [MethodImpl(Always)]
    public static bool AllFiniteAbove(Float8 x, float limit) =>
        Vector256.GreaterThanAll(x.V, Vector256.Create(limit)) && Vector256.LessThanAll(x.V, Vector256.Create(float.PositiveInfinity));
    [MethodImpl(Always)]
    public static Float8 KeepNaN(Float8 x, Float8 y) =>
        new(Vector256.ConditionalSelect(Vector256.Equals(x.V, x.V), y.V, Vector256.Create(0x7FC00000u).AsSingle()));
    [MethodImpl(Always)] public static Float8 CanonicalNaN(Float8 y) => KeepNaN(y, y);
    [MethodImpl(Always)] public static Float8 OrSign(Float8 x, Float8 y) => new(y.V | (x.V & Vector256.Create(-0f)));
    [MethodImpl(Always)]
    public static Float8 KeepZero(Float8 x, Float8 y) =>
        new(Vector256.ConditionalSelect(Vector256.Equals(x.V, Vector256<float>.Zero), x.V, y.V));
    [MethodImpl(Always)]
    public static Float8 Except(Float8 x, Float8 y, uint xBits, uint yBits) =>
        new(Vector256.ConditionalSelect(Vector256.Equals(x.V.AsUInt32(), Vector256.Create(xBits)), Vector256.Create(yBits), y.V.AsUInt32()).AsSingle());

    [MethodImpl(Always)]
    public static Float8 Except(Float8 x, Float8 y, ReadOnlySpan<uint> table, int shift)
    {
        ref uint entries = ref MemoryMarshal.GetReference(table);
        Vector256<uint> bits = x.V.AsUInt32(), slot = bits >> shift;
        Vector256<uint> candidate = Avx2.PermuteVar8x32(Vector256.LoadUnsafe(ref entries), slot);
        Vector256<uint> result = Avx2.PermuteVar8x32(Vector256.LoadUnsafe(ref entries, 8), slot);
        return new(Vector256.ConditionalSelect(Vector256.Equals(bits, candidate), result, y.V.AsUInt32()).AsSingle());
    }
}

/// <summary>Four lanes, widened to 256 bits.</summary>
internal readonly struct Float4(Vector128<float> v) : IWidened<Float4, Double4>
{
    public readonly Vector128<float> V = v;

    [MethodImpl(Always)] public static Double4 Widen(Float4 x) => new(Avx.ConvertToVector256Double(x.V));
    [MethodImpl(Always)] public static Float4 Narrow(Double4 y) => new(Avx.ConvertToVector128Single(y.V));
    [MethodImpl(Always)]
    public static Float4 Clamp(Float4 x, float low, float high) =>
        new(Vector128.MinNative(Vector128.MaxNative(x.V, Vector128.Create(low)), Vector128.Create(high)));
    [MethodImpl(Always)] public static bool AllWithin(Float4 x, float limit) => Vector128.LessThanOrEqualAll(Vector128.Abs(x.V), Vector128.Create(limit));
    [MethodImpl(Always)] public static bool AllPositive(Float4 x) => Vector128.LessThanAll(x.V.AsUInt32() - Vector128.Create(1u), Vector128.Create(0x7F7FFFFFu));
    [MethodImpl(Always)]
    public static bool AllFiniteAbove(Float4 x, float limit) =>
        Vector128.GreaterThanAll(x.V, Vector128.Create(limit)) && Vector128.LessThanAll(x.V, Vector128.Create(float.PositiveInfinity));
    [MethodImpl(Always)]
    public static Float4 KeepNaN(Float4 x, Float4 y) =>
        new(Vector128.ConditionalSelect(Vector128.Equals(x.V, x.V), y.V, Vector128.Create(0x7FC00000u).AsSingle()));
    [MethodImpl(Always)] public static Float4 CanonicalNaN(Float4 y) => KeepNaN(y, y);
    [MethodImpl(Always)] public static Float4 OrSign(Float4 x, Float4 y) => new(y.V | (x.V & Vector128.Create(-0f)));
    [MethodImpl(Always)]
    public static Float4 KeepZero(Float4 x, Float4 y) =>
        new(Vector128.ConditionalSelect(Vector128.Equals(x.V, Vector128<float>.Zero), x.V, y.V));
    [MethodImpl(Always)]
    public static Float4 Except(Float4 x, Float4 y, uint xBits, uint yBits) =>
        new(Vector128.ConditionalSelect(Vector128.Equals(x.V.AsUInt32(), Vector128.Create(xBits)), Vector128.Create(yBits), y.V.AsUInt32()).AsSingle());

    [MethodImpl(Always)]
    public static Float4 Except(Float4 x, Float4 y, ReadOnlySpan<uint> table, int shift)
    {
        ref uint entries = ref MemoryMarshal.GetReference(table);
        Vector128<uint> bits = x.V.AsUInt32();
        Vector256<uint> slot = (bits >> shift).ToVector256Unsafe();
        Vector128<uint> candidate = Avx2.PermuteVar8x32(Vector256.LoadUnsafe(ref entries), slot).GetLower();
        Vector128<uint> result = Avx2.PermuteVar8x32(Vector256.LoadUnsafe(ref entries, 8), slot).GetLower();
        return new(Vector128.ConditionalSelect(Vector128.Equals(bits, candidate), result, y.V.AsUInt32()).AsSingle());
    }
}

/// <summary>Two lanes, widened to 128 bits.</summary>
internal readonly struct Float2(Vector64<float> v) : IWidened<Float2, Double2>
{
    public readonly Vector64<float> V = v;

    [MethodImpl(Always)] public static Double2 Widen(Float2 x) => new(Vector128.WidenLower(x.V.ToVector128Unsafe()));
    [MethodImpl(Always)] public static Float2 Narrow(Double2 y) => new(Vector128.Narrow(y.V, y.V).GetLower());
    [MethodImpl(Always)]
    public static Float2 Clamp(Float2 x, float low, float high) =>
        new(Vector64.MinNative(Vector64.MaxNative(x.V, Vector64.Create(low)), Vector64.Create(high)));
    [MethodImpl(Always)] public static bool AllWithin(Float2 x, float limit) => Vector64.LessThanOrEqualAll(Vector64.Abs(x.V), Vector64.Create(limit));
    [MethodImpl(Always)] public static bool AllPositive(Float2 x) => Vector64.LessThanAll(x.V.AsUInt32() - Vector64.Create(1u), Vector64.Create(0x7F7FFFFFu));
    [MethodImpl(Always)]
    public static bool AllFiniteAbove(Float2 x, float limit) =>
        Vector64.GreaterThanAll(x.V, Vector64.Create(limit)) && Vector64.LessThanAll(x.V, Vector64.Create(float.PositiveInfinity));
    [MethodImpl(Always)]
    public static Float2 KeepNaN(Float2 x, Float2 y) =>
        new(Vector64.ConditionalSelect(Vector64.Equals(x.V, x.V), y.V, Vector64.Create(0x7FC00000u).AsSingle()));
    [MethodImpl(Always)] public static Float2 CanonicalNaN(Float2 y) => KeepNaN(y, y);
    [MethodImpl(Always)] public static Float2 OrSign(Float2 x, Float2 y) => new(y.V | (x.V & Vector64.Create(-0f)));
    [MethodImpl(Always)] public static Float2 KeepZero(Float2 x, Float2 y) => new(Vector64.ConditionalSelect(Vector64.Equals(x.V, Vector64<float>.Zero), x.V, y.V));
    [MethodImpl(Always)]
    public static Float2 Except(Float2 x, Float2 y, uint xBits, uint yBits) =>
        new(Vector64.ConditionalSelect(Vector64.Equals(x.V.AsUInt32(), Vector64.Create(xBits)), Vector64.Create(yBits), y.V.AsUInt32()).AsSingle());

    [MethodImpl(Always)]
    public static Float2 Except(Float2 x, Float2 y, ReadOnlySpan<uint> table, int shift) => new(Vector64.Create(
        Float1.Except(new(x.V.GetElement(0)), new(y.V.GetElement(0)), table, shift).V,
        Float1.Except(new(x.V.GetElement(1)), new(y.V.GetElement(1)), table, shift).V));
}

/// <summary>One lane: the scalar form.</summary>
internal readonly struct Float1(float v) : IWidened<Float1, Double1>
{
    public readonly float V = v;

    [MethodImpl(Always)] public static Double1 Widen(Float1 x) => new(x.V);
    [MethodImpl(Always)] public static Float1 Narrow(Double1 y) => new((float)y.V);
    [MethodImpl(Always)] public static Float1 Clamp(Float1 x, float low, float high) => new(x.V < low ? low : x.V > high ? high : x.V);
    [MethodImpl(Always)] public static bool AllWithin(Float1 x, float limit) => Math.Abs(x.V) <= limit;
    [MethodImpl(Always)] public static bool AllPositive(Float1 x) => x.V is > 0 and < float.PositiveInfinity;
    [MethodImpl(Always)] public static bool AllFiniteAbove(Float1 x, float limit) => x.V > limit && x.V < float.PositiveInfinity;
    [MethodImpl(Always)] public static Float1 KeepNaN(Float1 x, Float1 y) => float.IsNaN(x.V) ? new(BitConverter.UInt32BitsToSingle(0x7FC00000)) : y;
    [MethodImpl(Always)] public static Float1 CanonicalNaN(Float1 y) => KeepNaN(y, y);
    [MethodImpl(Always)] public static Float1 OrSign(Float1 x, Float1 y) => new(MathF.CopySign(y.V, x.V));
    [MethodImpl(Always)] public static Float1 KeepZero(Float1 x, Float1 y) => x.V == 0 ? x : y;
    [MethodImpl(Always)]
    public static Float1 Except(Float1 x, Float1 y, uint xBits, uint yBits) =>
        BitConverter.SingleToUInt32Bits(x.V) == xBits ? new(BitConverter.UInt32BitsToSingle(yBits)) : y;

    [MethodImpl(Always)]
    public static Float1 Except(Float1 x, Float1 y, ReadOnlySpan<uint> table, int shift)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x.V);
        int slot = (int)(bits >> shift & 7);
        return table[slot] == bits ? new(BitConverter.UInt32BitsToSingle(table[slot + 8])) : y;
    }
}
