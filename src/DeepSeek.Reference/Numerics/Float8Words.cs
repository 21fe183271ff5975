using System.Runtime.CompilerServices;
using static DeepSeek.Reference.Numerics.Inlining;

namespace DeepSeek.Reference.Numerics;

/// <summary>An eight-bit format with a sign, as constants for the compiler.</summary>
internal interface IFloat8Format
{
    /// <summary>Fraction and bias.</summary>
    static abstract SmallFloat Format { get; }

    /// <summary>The first magnitude that is no finite number.</summary>
    static abstract uint FirstSpecial { get; }

    /// <summary>The first magnitude that is NaN.</summary>
    static abstract uint FirstNaN { get; }

    /// <summary>What a cast does beyond the largest finite value.</summary>
    /// <exception cref="ContractException">The format has no such overflow.</exception>
    static abstract Float8Limits Limits(Fp8Overflow overflow);
}

/// <summary>What a cast does beyond the largest finite value, in numbers.</summary>
/// <param name="Largest">The largest magnitude that comes from a number or an infinity.</param>
/// <param name="NaN">The code of a NaN.</param>
/// <param name="NaNSign">0x80 where a NaN keeps its sign, else 0.</param>
internal readonly record struct Float8Limits(uint Largest, uint NaN, uint NaNSign);

/// <summary>E4M3.</summary>
internal readonly struct E4M3Format : IFloat8Format
{
    public static SmallFloat Format => SmallFloat.E4M3;

    public static uint FirstSpecial => 0x7F;

    public static uint FirstNaN => 0x7F;

    public static Float8Limits Limits(Fp8Overflow overflow) => overflow switch
    {
        Fp8Overflow.Saturate => new(0x7E, 0x7F, 0x00),
        Fp8Overflow.NaN => new(0x7F, 0x7F, 0x80),
        _ => throw OverflowRefusal.Of("E4M3", overflow, "has no infinity", Fp8Overflow.Saturate, Fp8Overflow.NaN),
    };
}

/// <summary>E5M2.</summary>
internal readonly struct E5M2Format : IFloat8Format
{
    public static SmallFloat Format => SmallFloat.E5M2;

    public static uint FirstSpecial => 0x7C;

    public static uint FirstNaN => 0x7D;

    public static Float8Limits Limits(Fp8Overflow overflow) => overflow switch
    {
        Fp8Overflow.Saturate => new(0x7B, 0x7F, 0x00),
        Fp8Overflow.Infinity => new(0x7C, 0x7F, 0x80),
        _ => throw OverflowRefusal.Of("E5M2", overflow, "overflows to infinity", Fp8Overflow.Saturate, Fp8Overflow.Infinity),
    };
}

/// <summary>The casts of <see cref="Float8E4M3"/>, <see cref="Float8E5M2"/> and <see cref="Float8E8M0"/> on registers of any width, without branches.</summary>
internal static class Float8Words
{
    /// <summary>The code of each binary32, in the lowest byte: both lines of <see cref="SmallFloat"/>, one chosen.</summary>
    [MethodImpl(Always)]
    public static W Encode<W, F>(W x, Float8Limits limits) where W : struct, IWords<W> where F : struct, IFloat8Format
    {
        SmallFloat format = F.Format;
        W u = x & W.Broadcast(0x7FFFFFFF);
        W sign = (x >> 24) & W.Broadcast(0x80);
        W rounded = u + W.Broadcast((1u << (format.Dropped - 1)) - 1) + ((u >> format.Dropped) & W.Broadcast(1));
        W normal = (rounded >> format.Dropped) - W.Broadcast((uint)(127 - format.Bias) << format.Fraction);
        W subnormal = W.AddAsFloats(u, W.Broadcast(format.Anchor)) - W.Broadcast(format.Anchor);
        W magnitude = W.WhereBelow(u, W.Broadcast(format.SmallestNormal), subnormal, normal);
        W number = W.Min(magnitude, W.Broadcast(limits.Largest)) | sign;
        return W.WhereBelow(u, W.Broadcast(0x7F800001), number, W.Broadcast(limits.NaN) | (sign & W.Broadcast(limits.NaNSign)));
    }

    /// <summary>The binary32 of each code. A subnormal is read as if its exponent were 1, and what that added is subtracted: no operand of the processor's is subnormal.</summary>
    [MethodImpl(Always)]
    public static W Decode<W, F>(W code) where W : struct, IWords<W> where F : struct, IFloat8Format
    {
        SmallFloat format = F.Format;
        W magnitude = code & W.Broadcast(0x7F);
        W sign = (code & W.Broadcast(0x80)) << 24;
        W shifted = magnitude << format.Dropped;
        W normal = shifted + W.Broadcast((uint)(127 - format.Bias) << 23);
        W subnormal = W.AddAsFloats(shifted | W.Broadcast(format.SmallestNormal), W.Broadcast(format.SmallestNormal | 0x80000000));
        W number = W.WhereBelow(magnitude, W.Broadcast(1u << format.Fraction), subnormal, normal);
        W special = F.FirstNaN == F.FirstSpecial
            ? W.Broadcast(0x7FC00000)
            : W.WhereBelow(magnitude, W.Broadcast(F.FirstNaN), W.Broadcast(0x7F800000), W.Broadcast(0x7FC00000));
        return W.WhereBelow(magnitude, W.Broadcast(F.FirstSpecial), number, special) | sign;
    }

    /// <summary>The power of two of each |x|: the three lines of <see cref="Float8E8M0.FromSingle(float, PowerOfTwoRounding, Fp8Overflow)"/> with their constants in <paramref name="limits"/>.</summary>
    [MethodImpl(Always)]
    public static W EncodeExponent<W>(W x, in ExponentLimits limits) where W : struct, IWords<W>
    {
        W u = x & W.Broadcast(0x7FFFFFFF);
        W e = u >> 23;
        W f = u & W.Broadcast(0x7FFFFF);
        W tie = W.Min(e, W.Broadcast(limits.TieUp));
        W rounded = e + ((f + W.Broadcast(limits.Addend) + tie) >> 23);
        W kept = W.Min(W.Max(rounded, W.Broadcast(limits.Smallest)), W.Broadcast(limits.Largest));
        return W.WhereBelow(u, W.Broadcast(limits.FirstNaN), kept, W.Broadcast(limits.NaN));
    }

    /// <summary>The binary32 of each exponent.</summary>
    [MethodImpl(Always)]
    public static W DecodeExponent<W>(W code) where W : struct, IWords<W>
    {
        W value = W.Max(code << 23, W.Broadcast(0x00400000));
        return W.WhereBelow(code, W.Broadcast(0xFF), value, W.Broadcast(0x7FC00000));
    }
}

/// <summary>A rounding to a power of two and its overflow, in numbers.</summary>
/// <param name="Addend">Added to the fraction: what carries into the exponent is rounded up.</param>
/// <param name="TieUp">1 where a normal number's tie goes up.</param>
/// <param name="Smallest">The smallest code.</param>
/// <param name="Largest">The largest code of a number.</param>
/// <param name="FirstNaN">The first encoding that gives <paramref name="NaN"/>.</param>
/// <param name="NaN">The code of what is no number.</param>
internal readonly record struct ExponentLimits(uint Addend, uint TieUp, uint Smallest, uint Largest, uint FirstNaN, uint NaN)
{
    /// <summary>The numbers of a rounding and an overflow.</summary>
    /// <exception cref="ContractException">The format has no such overflow, or the rounding is none of its enum's.</exception>
    public static ExponentLimits Of(PowerOfTwoRounding rounding, Fp8Overflow overflow)
    {
        // The definition refuses what there is not.
        byte nan = Float8E8M0.FromSingle(float.NaN, rounding, overflow).Bits;
        uint firstNaN = overflow == Fp8Overflow.NaN ? 0x7F800000u : 0x7F800001u;
        return rounding switch
        {
            PowerOfTwoRounding.Nearest => new(0x3FFFFF, 1, 0, overflow == Fp8Overflow.NaN ? 0xFFu : 0xFEu, firstNaN, nan),
            PowerOfTwoRounding.Up => new(0x7FFFFF, 0, 1, 0xFE, firstNaN, nan),
            _ => new(0, 0, 0, 0xFE, firstNaN, nan),
        };
    }
}
