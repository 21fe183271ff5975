using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;
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

    /// <summary>Sixteen tiles' scales and factors from the encodings of their largest magnitudes, as <see cref="TileScale.Of"/> has them.</summary>
    /// <returns>False where one of them is beyond what the vector code takes; then the caller takes all from the definition.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool Scales(ref uint greatest, QuantizeAttributes attributes, ref float scales, ref float factors)
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

        W low = W.Broadcast(BitConverter.SingleToUInt32Bits(LeastOrdinary)), high = W.Broadcast(BitConverter.SingleToUInt32Bits(1 / LeastOrdinary));
        W beyond = W.Greater(low, W.Of(s)) | W.Greater(W.Of(s), high) | W.Greater(low, W.Of(factor)) | W.Greater(W.Of(factor), high) | W.Greater(a, W.Broadcast(0x7F7FFFFF));
        return W.Greatest(beyond >> 1) == 0;
    }

    /// <summary>The encoding of max |x|: above infinity's if there is a NaN, 0 if there is nothing.</summary>
    [MethodImpl(Always)]
    public static uint Greatest(ref E x, nint count) => W.Greatest(Greatest(ref x, count, W.Broadcast(0)));

    /// <summary>Raises sixteen running maxima by the encodings of |x|, for a tile of many rows; the greatest of the sixteen is the tile's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Raise16(ref E x, nint count, ref uint sixteen) => W.Store(Greatest(ref x, count, W.Load(ref sixteen)), ref sixteen);

    /// <summary>The greatest of sixteen running maxima.</summary>
    public static uint Greatest16(ref uint sixteen) => W.Greatest(W.Load(ref sixteen));

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

    /// <summary>The codes of a run of one tile whose scale is ordinary.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Codes(ref E x, nint count, float scale, float factor, bool divides, ref C codes)
    {
        nint k = 0;
        L f = L.Broadcast(factor);
        if (divides)
        {
            L negative = L.Broadcast(-scale);
            for (; k <= count - 16; k += 16)
            {
                L v = LaneElements.Load<L, E>(ref Unsafe.Add(ref x, k));
                Store(Divide(v, negative, f), v, ref Unsafe.Add(ref codes, k));
            }
        }
        else
        {
            for (; k <= count - 16; k += 16)
            {
                L v = LaneElements.Load<L, E>(ref Unsafe.Add(ref x, k));
                Store(v * f, v, ref Unsafe.Add(ref codes, k));
            }
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
    public static void CodesByColumn(ref E x, nint count, ref float scale, ref float factor, bool divides, ref C codes)
    {
        nint k = 0;
        if (divides)
        {
            for (; k <= count - 16; k += 16)
            {
                L v = LaneElements.Load<L, E>(ref Unsafe.Add(ref x, k));
                L negative = L.Zero - L.Load(ref Unsafe.Add(ref scale, k));
                Store(Divide(v, negative, L.Load(ref Unsafe.Add(ref factor, k))), v, ref Unsafe.Add(ref codes, k));
            }
        }
        else
        {
            for (; k <= count - 16; k += 16)
            {
                L v = LaneElements.Load<L, E>(ref Unsafe.Add(ref x, k));
                Store(v * L.Load(ref Unsafe.Add(ref factor, k)), v, ref Unsafe.Add(ref codes, k));
            }
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

    /// <summary>x / s rounded once, from 1/s rounded once (Markstein): the first step leaves a neighbour of the quotient, whose remainder is then exact and decides.</summary>
    /// <remarks>Half the time of a division in the widest registers. Where a remainder underflows, the quotient is far below the format's smallest number.</remarks>
    [MethodImpl(Always)]
    private static L Divide(L x, L negativeScale, L reciprocal)
    {
        L q = x * reciprocal;
        q = L.Fma(L.Fma(q, negativeScale, x), reciprocal, q);
        return L.Fma(L.Fma(q, negativeScale, x), reciprocal, q);
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
