using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.TensorCores;
using static DeepSeek.Reference.Numerics.Inlining;

namespace DeepSeek.Reference.Ops;

/// <summary>The loops of <see cref="Quantize"/> over one run of elements, sixteen lanes at a time.</summary>
/// <typeparam name="L">The width.</typeparam>
/// <typeparam name="W">The words of the same width.</typeparam>
/// <typeparam name="E">The elements of x: float, or ushort for bfloat16 codes.</typeparam>
/// <typeparam name="C">The codes: byte for E4M3, ushort for E5M6. The JIT compiles one branch for each.</typeparam>
/// <remarks>
/// Magnitudes are compared as integers, where a NaN is greater than all numbers. Codes come from one addition: |y| + 2^(e + 23 - f), with e the exponent of |y|
/// or the format's least, has its last bit at 2^(e - f), so that the sum's low bits are the fraction rounded to nearest even, and a carry moves the exponent by itself.
///
/// Where y = x / s, the vector code takes fma(x, r, x · d) with r = rn32(1/s) and d = rn32((1 - s r) r), a sixth of a division's time. It may miss rn32(x / s) by its last bit,
/// but never on the other side of, or onto, a tie of E4M3, so that the code is the same. That was computed for every fraction of s, every tie 1, 3, ... 31 (times a power of two) and
/// the nine nearest x: of 1,207,959,552 one was wrong, with all ones in the fraction of s. Such scales take the definition's steps. QuantizeSimdTests repeats a part of it.
/// </remarks>
internal static class TileKernel<L, W, E, C>
    where L : struct, ILanes<L>
    where W : struct, IWordLanes<W, L>
    where E : unmanaged
    where C : unmanaged
{
    /// <summary>Beyond these the division below is not proven, and quotients may be infinite or NaN: such tiles take the definition's steps.</summary>
    private const float LeastOrdinary = 1f / (1L << 60);

    private static int Fraction => typeof(C) == typeof(byte) ? 3 : 6;

    /// <summary>The exponent field, in binary32, of the format's smallest normal number: 2^-6 or 2^-14.</summary>
    private static uint LeastField => typeof(C) == typeof(byte) ? 121u : 113u;

    private static float Largest => typeof(C) == typeof(byte) ? Quantize.LargestE4M3 : Quantize.LargestE5M6;

    /// <summary>Whether some rows of K elements hold a NaN among the first columns of each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool HoldNaN(ref E x, int rows, int columns, int K)
    {
        uint greatest = 0;
        for (int t = 0; t < rows; t++)
            greatest = Math.Max(greatest, Greatest(ref Unsafe.Add(ref x, (nint)t * K), columns));
        return float.IsNaN(BitConverter.UInt32BitsToSingle(greatest));
    }

    /// <summary>Sixteen tiles' scales and factors from the encodings of their largest magnitudes, as <see cref="TileScale.Of"/> has them; and what the factor lacks of 1/s.</summary>
    /// <returns>False where one of them is beyond what the vector code takes; then the caller takes all from the definition.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool Scales(ref uint greatest, QuantizeAttributes attributes, ref float scales, ref float factors, ref float residues)
    {
        W a = W.Load(ref greatest);
        W least = W.Broadcast(BitConverter.SingleToUInt32Bits(TileScale.Least));
        if (attributes.Clamp == QuantizationClamp.Amax)
            a = W.Max(a, least);
        bool quotient = attributes.Arithmetic is QuantizerArithmetic.TritonActQuant or QuantizerArithmetic.DeepGemm or QuantizerArithmetic.DeepGemm2025;
        L s = quotient ? W.Lanes(a) / L.Broadcast(Largest) : W.Lanes(a) * L.Broadcast(1f / Largest);
        if (attributes.Clamp == QuantizationClamp.Scale)
            s = W.Lanes(W.Max(W.Of(s), least));
        bool power = attributes.ScaleFormat == ScaleFormat.UE8M0;
        if (power)
            s = W.Lanes(W.Max((W.Of(s) + W.Broadcast(0x7FFFFF)) & W.Broadcast(0x7F800000), W.Broadcast(0x00800000)));
        bool byAmax = !power && attributes.Arithmetic is QuantizerArithmetic.DeepGemm2025 or QuantizerArithmetic.DeepEpLowLatency;
        L factor = byAmax ? L.Broadcast(Largest) / W.Lanes(a) : L.Broadcast(1f) / s;
        L.Store(s, ref scales);
        L.Store(factor, ref factors);
        if (attributes.Arithmetic == QuantizerArithmetic.TritonActQuantHopper)
        {
            for (int n = 0; n < 16; n++)
                Unsafe.Add(ref factors, n) = HopperMufu.ReciprocalFtz(Unsafe.Add(ref scales, n));
            factor = L.Load(ref factors);
        }

        L.Store(L.Fma(L.Zero - s, factor, L.Broadcast(1f)) * factor, ref residues);

        W low = W.Broadcast(BitConverter.SingleToUInt32Bits(LeastOrdinary)), high = W.Broadcast(BitConverter.SingleToUInt32Bits(1 / LeastOrdinary));
        W beyond = W.Greater(low, W.Of(s)) | W.Greater(W.Of(s), high) | W.Greater(low, W.Of(factor)) | W.Greater(W.Of(factor), high) | W.Greater(a, W.Broadcast(0x7F7FFFFF));
        W fraction = W.Broadcast(0x7FFFFF);
        W ones = Quantize.DividesInexactly(attributes) ? W.Greater(W.Of(s) & fraction, W.Broadcast(0x7FFFFE)) : W.Broadcast(0);
        return W.Greatest((beyond | ones) >> 1) == 0;
    }

    /// <summary>The encoding of max |x|: above infinity's if there is a NaN, 0 if there is nothing.</summary>
    [MethodImpl(Always)]
    public static uint Greatest(ref E x, nint count) => W.Greatest(Greatest(ref x, count, W.Broadcast(0)));

    /// <summary>Sixteen maxima of the encodings of |x| over a run.</summary>
    [MethodImpl(Always)]
    public static void Greatest16(ref E x, nint count, ref uint sixteen) => W.Store(Greatest(ref x, count, W.Broadcast(0)), ref sixteen);

    /// <summary>The greatest of each sixteen of sixteen times sixteen maxima.</summary>
    [MethodImpl(Always)]
    public static void GreatestOfEach(ref uint maxima, ref uint greatest) => W.Store(W.GreatestOfEach(ref maxima), ref greatest);

    /// <summary>Raises sixteen running maxima by the encodings of |x|, for a tile of many rows; the greatest of the sixteen is the tile's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Raise16(ref E x, nint count, ref uint sixteen) => W.Store(Greatest(ref x, count, W.Load(ref sixteen)), ref sixteen);

    /// <summary>greatest_k = max(greatest_k, the encoding of |x_k|).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Raise(ref E x, ref uint greatest, nint count)
    {
        W magnitude = W.Broadcast(0x7FFFFFFF);
        nint k = 0;
        for (; k <= count - 16; k += 16)
        {
            ref uint g = ref Unsafe.Add(ref greatest, k);
            W.Store(W.Max(W.Load(ref g), W.Of(LaneElements.Load<L, E>(ref Unsafe.Add(ref x, k))) & magnitude), ref g);
        }

        for (; k < count; k++)
            Unsafe.Add(ref greatest, k) = Math.Max(Unsafe.Add(ref greatest, k), BitConverter.SingleToUInt32Bits(Value(ref Unsafe.Add(ref x, k))) & 0x7FFFFFFF);
    }

    /// <summary>The codes of a run of one tile whose scale is ordinary; memory some bytes further on is called for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Codes(ref E x, nint count, float scale, float factor, float residue, bool divides, nint ahead, ref C codes)
    {
        nint k = 0;
        if (typeof(L) == typeof(Lanes512) && typeof(C) == typeof(byte))
        {
            ref byte bytes = ref Unsafe.As<C, byte>(ref codes);
            k = typeof(E) == typeof(float)
                ? TileKernel512.Codes(ref Unsafe.As<E, float>(ref x), count, factor, residue, divides, ahead, ref bytes)
                : TileKernel512.Codes(ref Unsafe.As<E, ushort>(ref x), count, factor, residue, divides, ahead, ref bytes);
        }

        L f = L.Broadcast(factor), r = L.Broadcast(residue);
        for (; k <= count - 16; k += 16)
        {
            L v = LaneElements.Load<L, E>(ref Unsafe.Add(ref x, k));
            Store(divides ? L.Fma(v, f, v * r) : v * f, v, ref Unsafe.Add(ref codes, k));
        }

        for (; k < count; k++)
        {
            float v = Value(ref Unsafe.Add(ref x, k));
            Unsafe.Add(ref codes, k) = Code(divides ? v / scale : v * factor);
        }
    }

    /// <summary>The codes of a run of one tile, whatever its scale.</summary>
    public static void AnyCodes(ref E x, nint count, TileScale s, ref C codes)
    {
        for (nint k = 0; k < count; k++)
            Unsafe.Add(ref codes, k) = Code(s.Quotient(Value(ref Unsafe.Add(ref x, k))));
    }

    /// <summary>The codes of a row whose columns have scales of their own, all ordinary; only whole sixteens, the rest is the caller's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CodesByColumn(ref E x, nint count, ref float factors, ref float residues, bool divides, ref C codes)
    {
        for (nint k = 0; k <= count - 16; k += 16)
        {
            L v = LaneElements.Load<L, E>(ref Unsafe.Add(ref x, k)), f = L.Load(ref Unsafe.Add(ref factors, k));
            Store(divides ? L.Fma(v, f, v * L.Load(ref Unsafe.Add(ref residues, k))) : v * f, v, ref Unsafe.Add(ref codes, k));
        }
    }

    /// <summary>One element as the definition has it.</summary>
    public static float Value(ref E x) => typeof(E) == typeof(float)
        ? Unsafe.As<E, float>(ref x)
        : BitConverter.UInt32BitsToSingle((uint)Unsafe.As<E, ushort>(ref x) << 16);

    /// <summary>One code as the definition has it.</summary>
    public static C Code(float y)
    {
        if (typeof(C) == typeof(byte))
        {
            byte e4m3 = Float8E4M3.FromSingle(y, Fp8Overflow.Saturate).Bits;
            return Unsafe.As<byte, C>(ref e4m3);
        }

        ushort e5m6 = FloatE5M6.FromSingle(y, Fp8Overflow.Saturate).Bits;
        return Unsafe.As<ushort, C>(ref e5m6);
    }

    /// <summary>The codes of quotients within the format's range, with the signs of x.</summary>
    [MethodImpl(Always)]
    private static void Store(L y, L x, ref C codes)
    {
        int f = Fraction;
        W u = W.Of(y) & W.Broadcast(0x7FFFFFFF);
        W e = W.Max(u, W.Broadcast(LeastField << 23)) & W.Broadcast(0x7F800000);
        W sum = W.Of(W.Lanes(u) + W.Lanes(e + W.Broadcast((uint)(23 - f) << 23)));
        W code = (sum - e) + (e >> (23 - f)) - W.Broadcast(((uint)(23 - f) << 23) + (LeastField << f));
        if (typeof(C) == typeof(byte))
            W.StoreBytes(code | ((W.Of(x) >> 24) & W.Broadcast(0x80)), ref Unsafe.As<C, byte>(ref codes));
        else
            W.StoreHalves(code | ((W.Of(x) >> 20) & W.Broadcast(0x800)), ref Unsafe.As<C, ushort>(ref codes));
    }

    [MethodImpl(Always)]
    private static W Greatest(ref E x, nint count, W first)
    {
        W magnitude = W.Broadcast(0x7FFFFFFF), second = W.Broadcast(0);
        nint k = 0;
        if (typeof(L) == typeof(Lanes512) && typeof(E) == typeof(ushort))
        {
            k = count & ~(TileKernel512.Step - 1);
            Vector512<uint> raised = TileKernel512.Greatest(ref Unsafe.As<E, ushort>(ref x), k, Unsafe.As<W, Words512>(ref first).V);
            first = Unsafe.As<Vector512<uint>, W>(ref raised);
        }

        for (; k <= count - 32; k += 32)
        {
            first = W.Max(first, W.Of(LaneElements.Load<L, E>(ref Unsafe.Add(ref x, k))) & magnitude);
            second = W.Max(second, W.Of(LaneElements.Load<L, E>(ref Unsafe.Add(ref x, k + 16))) & magnitude);
        }

        for (; k < count; k += 16)
            first = W.Max(first, W.Of(Load(ref Unsafe.Add(ref x, k), count - k)) & magnitude);
        return W.Max(first, second);
    }

    [MethodImpl(Always)]
    private static L Load(ref E x, nint count) =>
        count >= 16 ? LaneElements.Load<L, E>(ref x) : LaneElements.LoadPartial<L, E>(ref x, (int)count);
}
