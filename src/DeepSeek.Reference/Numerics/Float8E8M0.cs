using System.Diagnostics;
using System.Globalization;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference;

/// <summary>E8M0 (UE8M0): an exponent and nothing else; every code but NaN is a power of two. The scale of a block.</summary>
/// <remarks>
/// <code>
/// EEEEEEEE    2^(E-127)        255 is NaN
/// </code>
/// No sign, no zero, no infinity; 2^-127 to 2^127, all exact in binary32 and bfloat16 (2^-127 as a subnormal). The scale bytes of DeepSeek-V3.1's kernels. Rule N18; docs/spec/fp8-formats.md 3.
/// OCP microscaling formats specification 1.0; torch.float8_e8m0fnu.
/// </remarks>
[DebuggerDisplay("{DebuggerDisplay,nq}")]
public readonly struct Float8E8M0 : IEquatable<Float8E8M0>, IComparable<Float8E8M0>, ISpanFormattable, ISpanParsable<Float8E8M0>
{
    private readonly byte code;

    private Float8E8M0(byte code) => this.code = code;

    /// <summary>The eight bits: the biased exponent.</summary>
    public byte Bits => code;

    /// <summary>1 (0x7F).</summary>
    public static Float8E8M0 One => new(0x7F);

    /// <summary>The largest value, 2^127 (0xFE).</summary>
    public static Float8E8M0 MaxValue => new(0xFE);

    /// <summary>The smallest value, 2^-127 (0x00): the format has no zero.</summary>
    public static Float8E8M0 MinValue => new(0x00);

    /// <summary>The smallest positive value, 2^-127 (0x00).</summary>
    public static Float8E8M0 Epsilon => new(0x00);

    /// <summary>The one NaN (0xFF).</summary>
    public static Float8E8M0 NaN => new(0xFF);

    /// <summary>The value with these eight bits.</summary>
    public static Float8E8M0 FromBits(byte bits) => new(bits);

    /// <summary>The nearest power of two: <see cref="FromSingle(float, PowerOfTwoRounding, Fp8Overflow)"/> with <see cref="PowerOfTwoRounding.Nearest"/>.</summary>
    /// <exception cref="ContractException"><see cref="Fp8Overflow.Infinity"/>: the format has none.</exception>
    public static Float8E8M0 FromSingle(float x, Fp8Overflow overflow) => FromSingle(x, PowerOfTwoRounding.Nearest, overflow);

    /// <summary>The power of two that <paramref name="rounding"/> says, of |x|: the sign is not looked at.</summary>
    /// <remarks>
    /// <code>
    /// e = exponent field, f = fraction field of x
    /// Nearest   e + (f > 2^22, or f = 2^22 and e > 0)        255: overflow        e = 255: an infinity or NaN
    /// Up        e + (f > 0), clamped to 1 ... 254            infinities and NaN too when saturating
    /// Down      e
    /// </code>
    /// Beyond 2^127, and for infinities, <see cref="Fp8Overflow.Saturate"/> gives 2^127 and <see cref="Fp8Overflow.NaN"/> NaN.
    /// </remarks>
    /// <exception cref="ContractException"><see cref="Fp8Overflow.Infinity"/>: the format has none. A rounding that is none of its enum's.</exception>
    public static Float8E8M0 FromSingle(float x, PowerOfTwoRounding rounding, Fp8Overflow overflow)
    {
        if (overflow is not (Fp8Overflow.Saturate or Fp8Overflow.NaN))
            throw OverflowRefusal.Of("E8M0", overflow, "has no infinity", Fp8Overflow.Saturate, Fp8Overflow.NaN);
        if (rounding is not (PowerOfTwoRounding.Nearest or PowerOfTwoRounding.Up or PowerOfTwoRounding.Down))
            Operands.RequireDefined(rounding);
        uint bits = BitConverter.SingleToUInt32Bits(x);
        uint e = bits >> 23 & 0xFF;
        uint f = bits & 0x7FFFFF;
        if (e == 0xFF && overflow == Fp8Overflow.NaN)
            return NaN;
        uint rounded = rounding switch
        {
            PowerOfTwoRounding.Nearest => e + (f > 0x400000 || f == 0x400000 && e > 0 ? 1u : 0u),
            PowerOfTwoRounding.Up => Math.Clamp(e + (f > 0 ? 1u : 0u), 1, 254),
            _ => e,
        };
        if (rounded < 0xFF)
            return new((byte)rounded);
        return overflow == Fp8Overflow.Saturate && !float.IsNaN(x) ? MaxValue : NaN;
    }

    /// <summary>Exact widening to binary32, then as <see cref="FromSingle(float, Fp8Overflow)"/>.</summary>
    /// <exception cref="ContractException">As <see cref="FromSingle(float, Fp8Overflow)"/>.</exception>
    public static Float8E8M0 FromBFloat16(BFloat16 x, Fp8Overflow overflow) => FromSingle(x.ToSingle(), overflow);

    /// <summary>Exact widening to binary32, then as <see cref="FromSingle(float, Fp8Overflow)"/>.</summary>
    /// <exception cref="ContractException">As <see cref="FromSingle(float, Fp8Overflow)"/>.</exception>
    public static Float8E8M0 FromHalf(Half x, Fp8Overflow overflow) => FromSingle((float)x, overflow);

    /// <summary>One rounding of a binary64: the binary32 in between is rounded to odd, which keeps what decides ties.</summary>
    /// <exception cref="ContractException">As <see cref="FromSingle(float, Fp8Overflow)"/>.</exception>
    public static Float8E8M0 FromDouble(double x, Fp8Overflow overflow) => FromSingle(RoundToOdd.Single(x), overflow);

    /// <summary>The exact value; NaN is the canonical quiet one.</summary>
    public float ToSingle() => BitConverter.UInt32BitsToSingle(code switch
    {
        0x00 => 0x00400000,
        0xFF => 0x7FC00000,
        _ => (uint)code << 23,
    });

    /// <summary>The exact value.</summary>
    public BFloat16 ToBFloat16() => BFloat16.Round(ToSingle());

    /// <summary>True for 0xFF.</summary>
    public static bool IsNaN(Float8E8M0 x) => x.code == 0xFF;

    /// <summary>True for all but NaN.</summary>
    public static bool IsFinite(Float8E8M0 x) => x.code != 0xFF;

    /// <summary>Exact widening.</summary>
    public static implicit operator float(Float8E8M0 x) => x.ToSingle();

    /// <summary>Exact: bfloat16 holds every value.</summary>
    public static explicit operator BFloat16(Float8E8M0 x) => x.ToBFloat16();

    /// <summary>IEEE equality: NaN equals nothing.</summary>
    public static bool operator ==(Float8E8M0 a, Float8E8M0 b) => a.ToSingle() == b.ToSingle();

    /// <summary>IEEE inequality.</summary>
    public static bool operator !=(Float8E8M0 a, Float8E8M0 b) => a.ToSingle() != b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator <(Float8E8M0 a, Float8E8M0 b) => a.ToSingle() < b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator >(Float8E8M0 a, Float8E8M0 b) => a.ToSingle() > b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator <=(Float8E8M0 a, Float8E8M0 b) => a.ToSingle() <= b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator >=(Float8E8M0 a, Float8E8M0 b) => a.ToSingle() >= b.ToSingle();

    /// <inheritdoc/>
    public int CompareTo(Float8E8M0 other) => ToSingle().CompareTo(other.ToSingle());

    /// <summary>Equality as .NET's floats define it for collections: NaN equals NaN.</summary>
    public bool Equals(Float8E8M0 other) => ToSingle().Equals(other.ToSingle());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Float8E8M0 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ToSingle().GetHashCode();

    /// <summary>The shortest decimal that a binary64 parses back to this value: that of a binary32 can lie above 2^-127, from where the nearest is 2^-126.</summary>
    public override string ToString() => ToString(null, CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public string ToString(string? format, IFormatProvider? formatProvider) => ((double)ToSingle()).ToString(format, formatProvider);

    /// <inheritdoc/>
    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider) =>
        ((double)ToSingle()).TryFormat(destination, out charsWritten, format, provider);

    /// <summary>Parses a decimal as binary64, then takes the nearest power of two.</summary>
    /// <exception cref="FormatException">The text is no number.</exception>
    /// <exception cref="OverflowException">The value is not positive, or rounds to more than 2^127.</exception>
    public static Float8E8M0 Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => Checked(double.Parse(s, provider));

    /// <inheritdoc cref="Parse(ReadOnlySpan{char}, IFormatProvider?)"/>
    public static Float8E8M0 Parse(string s, IFormatProvider? provider) => Parse(s.AsSpan(), provider);

    /// <inheritdoc/>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out Float8E8M0 result)
    {
        bool ok = double.TryParse(s, provider, out double value) && Holds(value);
        result = ok ? FromDouble(value, Fp8Overflow.NaN) : One;
        return ok;
    }

    /// <inheritdoc/>
    public static bool TryParse(string? s, IFormatProvider? provider, out Float8E8M0 result) => TryParse(s.AsSpan(), provider, out result);

    private static Float8E8M0 Checked(double value) =>
        Holds(value) ? FromDouble(value, Fp8Overflow.NaN) : throw new OverflowException($"{value.ToString(CultureInfo.InvariantCulture)} is no E8M0 value: those are the powers of two from 2^-127 to 2^127");

    private static bool Holds(double value) => double.IsNaN(value) || value > 0 && IsFinite(FromDouble(value, Fp8Overflow.NaN));

    private string DebuggerDisplay => $"{ToString()} (0x{code:X2})";
}
