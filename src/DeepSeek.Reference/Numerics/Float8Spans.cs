using System.Runtime.InteropServices;

namespace DeepSeek.Reference.Numerics;

/// <summary>Conversions of whole spans between binary32, bfloat16 and the eight-bit formats, bit-equal to those of the formats element by element.</summary>
/// <remarks>Rule N18. bfloat16 widens exactly, so that a cast from it rounds once.</remarks>
public static partial class Float8Spans
{
    /// <summary>y_i = x_i exactly.</summary>
    /// <exception cref="ShapeException">y is shorter than x.</exception>
    public static void Widen(ReadOnlySpan<Float8E4M3> x, Span<float> y) => Decode<E4M3Format, float>(MemoryMarshal.AsBytes(x), y);

    /// <inheritdoc cref="Widen(ReadOnlySpan{Float8E4M3}, Span{float})"/>
    public static void Widen(ReadOnlySpan<Float8E5M2> x, Span<float> y) => Decode<E5M2Format, float>(MemoryMarshal.AsBytes(x), y);

    /// <inheritdoc cref="Widen(ReadOnlySpan{Float8E4M3}, Span{float})"/>
    public static void Widen(ReadOnlySpan<Float8E8M0> x, Span<float> y) => DecodeExponents(MemoryMarshal.AsBytes(x), y);

    /// <inheritdoc cref="Widen(ReadOnlySpan{Float8E4M3}, Span{float})"/>
    public static void Widen(ReadOnlySpan<Float8E4M3> x, Span<BFloat16> y) => Decode<E4M3Format, BFloat16>(MemoryMarshal.AsBytes(x), y);

    /// <inheritdoc cref="Widen(ReadOnlySpan{Float8E4M3}, Span{float})"/>
    public static void Widen(ReadOnlySpan<Float8E5M2> x, Span<BFloat16> y) => Decode<E5M2Format, BFloat16>(MemoryMarshal.AsBytes(x), y);

    /// <summary>y_i = x_i rounded to nearest even, as <see cref="Float8E4M3.FromSingle"/>.</summary>
    /// <exception cref="ShapeException">y is shorter than x.</exception>
    /// <exception cref="ContractException"><paramref name="overflow"/> is none that the format has.</exception>
    public static void Narrow(ReadOnlySpan<float> x, Span<Float8E4M3> y, Fp8Overflow overflow) =>
        Encode<E4M3Format, float>(x, MemoryMarshal.AsBytes(y), overflow);

    /// <summary>y_i = x_i rounded to nearest even, as <see cref="Float8E4M3.FromBFloat16"/>.</summary>
    /// <inheritdoc cref="Narrow(ReadOnlySpan{float}, Span{Float8E4M3}, Fp8Overflow)"/>
    public static void Narrow(ReadOnlySpan<BFloat16> x, Span<Float8E4M3> y, Fp8Overflow overflow) =>
        Encode<E4M3Format, BFloat16>(x, MemoryMarshal.AsBytes(y), overflow);

    /// <summary>y_i = x_i rounded to nearest even, as <see cref="Float8E5M2.FromSingle"/>.</summary>
    /// <inheritdoc cref="Narrow(ReadOnlySpan{float}, Span{Float8E4M3}, Fp8Overflow)"/>
    public static void Narrow(ReadOnlySpan<float> x, Span<Float8E5M2> y, Fp8Overflow overflow) =>
        Encode<E5M2Format, float>(x, MemoryMarshal.AsBytes(y), overflow);

    /// <summary>y_i = x_i rounded to nearest even, as <see cref="Float8E5M2.FromBFloat16"/>.</summary>
    /// <inheritdoc cref="Narrow(ReadOnlySpan{float}, Span{Float8E4M3}, Fp8Overflow)"/>
    public static void Narrow(ReadOnlySpan<BFloat16> x, Span<Float8E5M2> y, Fp8Overflow overflow) =>
        Encode<E5M2Format, BFloat16>(x, MemoryMarshal.AsBytes(y), overflow);

    /// <summary>y_i = the power of two that <paramref name="rounding"/> says, as <see cref="Float8E8M0.FromSingle(float, PowerOfTwoRounding, Fp8Overflow)"/>.</summary>
    /// <exception cref="ShapeException">y is shorter than x.</exception>
    /// <exception cref="ContractException"><paramref name="overflow"/> is none that the format has, or the rounding none of its enum's.</exception>
    public static void Narrow(ReadOnlySpan<float> x, Span<Float8E8M0> y, PowerOfTwoRounding rounding, Fp8Overflow overflow) =>
        EncodeExponents(x, MemoryMarshal.AsBytes(y), rounding, overflow);

    private static void RequireRoom(int from, int to)
    {
        if (to < from)
            throw new ShapeException($"{from} values do not fit {to}");
    }
}
