using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DeepSeek.Reference.Numerics;

public static partial class Float8Spans
{
    private static void Encode<F, E>(ReadOnlySpan<E> x, Span<byte> y, Fp8Overflow overflow) where F : struct, IFloat8Format where E : unmanaged
    {
        RequireRoom(x.Length, y.Length);
        Float8Limits limits = F.Limits(overflow);
        int i = 0;
        if (Isa.Has512)
            i = EncodeFrom<Words512, F, E>(i, x, y, limits);
        if (Isa.Has256)
            i = EncodeFrom<Words256, F, E>(i, x, y, limits);
        if (Isa.Has128)
            i = EncodeFrom<Words128, F, E>(i, x, y, limits);
        for (; i < x.Length; i++)
        {
            float value = typeof(E) == typeof(float) ? Unsafe.BitCast<E, float>(x[i]) : Unsafe.BitCast<E, BFloat16>(x[i]).ToSingle();
            y[i] = typeof(F) == typeof(E4M3Format) ? Float8E4M3.FromSingle(value, overflow).Bits : Float8E5M2.FromSingle(value, overflow).Bits;
        }
    }

    private static void Decode<F, E>(ReadOnlySpan<byte> x, Span<E> y) where F : struct, IFloat8Format where E : unmanaged
    {
        RequireRoom(x.Length, y.Length);
        int i = 0;
        if (Isa.Has512)
            i = DecodeFrom<Words512, F, E>(i, x, y);
        if (Isa.Has256)
            i = DecodeFrom<Words256, F, E>(i, x, y);
        if (Isa.Has128)
            i = DecodeFrom<Words128, F, E>(i, x, y);
        for (; i < x.Length; i++)
        {
            float value = typeof(F) == typeof(E4M3Format) ? Float8E4M3.FromBits(x[i]).ToSingle() : Float8E5M2.FromBits(x[i]).ToSingle();
            y[i] = typeof(E) == typeof(float) ? Unsafe.BitCast<float, E>(value) : Unsafe.BitCast<BFloat16, E>(BFloat16.Round(value));
        }
    }

    private static void EncodeExponents(ReadOnlySpan<float> x, Span<byte> y, PowerOfTwoRounding rounding, Fp8Overflow overflow)
    {
        RequireRoom(x.Length, y.Length);
        var limits = ExponentLimits.Of(rounding, overflow);
        int i = 0;
        if (Isa.Has512)
            i = EncodeExponentsFrom<Words512>(i, x, y, limits);
        if (Isa.Has256)
            i = EncodeExponentsFrom<Words256>(i, x, y, limits);
        if (Isa.Has128)
            i = EncodeExponentsFrom<Words128>(i, x, y, limits);
        for (; i < x.Length; i++)
            y[i] = Float8E8M0.FromSingle(x[i], rounding, overflow).Bits;
    }

    private static void DecodeExponents(ReadOnlySpan<byte> x, Span<float> y)
    {
        RequireRoom(x.Length, y.Length);
        int i = 0;
        if (Isa.Has512)
            i = DecodeExponentsFrom<Words512>(i, x, y);
        if (Isa.Has256)
            i = DecodeExponentsFrom<Words256>(i, x, y);
        if (Isa.Has128)
            i = DecodeExponentsFrom<Words128>(i, x, y);
        for (; i < x.Length; i++)
            y[i] = Float8E8M0.FromBits(x[i]).ToSingle();
    }

    /// <summary>Whole registers from element i on; the first element that is left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static int EncodeFrom<W, F, E>(int i, ReadOnlySpan<E> x, Span<byte> y, Float8Limits limits) where W : struct, IWords<W> where F : struct, IFloat8Format where E : unmanaged
    {
        ref E from = ref MemoryMarshal.GetReference(x);
        ref byte to = ref MemoryMarshal.GetReference(y);
        for (; i <= x.Length - IWords<W>.Count; i += IWords<W>.Count)
        {
            W words = typeof(E) == typeof(float)
                ? W.Load(ref Unsafe.As<E, uint>(ref Unsafe.Add(ref from, i)))
                : W.LoadHalves(ref Unsafe.As<E, ushort>(ref Unsafe.Add(ref from, i))) << 16;
            W.StoreBytes(Float8Words.Encode<W, F>(words, limits), ref Unsafe.Add(ref to, i));
        }

        return i;
    }

    /// <inheritdoc cref="EncodeFrom"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static int DecodeFrom<W, F, E>(int i, ReadOnlySpan<byte> x, Span<E> y) where W : struct, IWords<W> where F : struct, IFloat8Format where E : unmanaged
    {
        ref byte from = ref MemoryMarshal.GetReference(x);
        ref E to = ref MemoryMarshal.GetReference(y);
        for (; i <= x.Length - IWords<W>.Count; i += IWords<W>.Count)
        {
            W words = Float8Words.Decode<W, F>(W.LoadBytes(ref Unsafe.Add(ref from, i)));
            if (typeof(E) == typeof(float))
                W.Store(words, ref Unsafe.As<E, uint>(ref Unsafe.Add(ref to, i)));
            else
                W.StoreHalves(words >> 16, ref Unsafe.As<E, ushort>(ref Unsafe.Add(ref to, i)));
        }

        return i;
    }

    /// <inheritdoc cref="EncodeFrom"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static int EncodeExponentsFrom<W>(int i, ReadOnlySpan<float> x, Span<byte> y, ExponentLimits limits) where W : struct, IWords<W>
    {
        ref float from = ref MemoryMarshal.GetReference(x);
        ref byte to = ref MemoryMarshal.GetReference(y);
        for (; i <= x.Length - IWords<W>.Count; i += IWords<W>.Count)
            W.StoreBytes(Float8Words.EncodeExponent(W.Load(ref Unsafe.As<float, uint>(ref Unsafe.Add(ref from, i))), limits), ref Unsafe.Add(ref to, i));
        return i;
    }

    /// <inheritdoc cref="EncodeFrom"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static int DecodeExponentsFrom<W>(int i, ReadOnlySpan<byte> x, Span<float> y) where W : struct, IWords<W>
    {
        ref byte from = ref MemoryMarshal.GetReference(x);
        ref float to = ref MemoryMarshal.GetReference(y);
        for (; i <= x.Length - IWords<W>.Count; i += IWords<W>.Count)
            W.Store(Float8Words.DecodeExponent(W.LoadBytes(ref Unsafe.Add(ref from, i))), ref Unsafe.As<float, uint>(ref Unsafe.Add(ref to, i)));
        return i;
    }
}
