using System.Diagnostics;
using System.Globalization;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference;

/// <summary>E4M3, the "fn" variant: 1 sign, 4 exponent (bias 7), 3 fraction bits; no infinity, and one NaN for each sign.</summary>
/// <remarks>
/// <code>
/// S EEEE FFF    E = 0:  ±F · 2^-9        else  ±(1 + F/8) · 2^(E-7)        S.1111.111 is NaN
/// </code>
/// Finite values from 2^-9 to 448, all exact in binary32, bfloat16 and binary16. Rule N18; docs/spec/fp8-formats.md. OCP 8-bit floating point specification 1.0; torch.float8_e4m3fn.
/// </remarks>
[DebuggerDisplay("{DebuggerDisplay,nq}")]
public readonly struct Float8E4M3 : IEquatable<Float8E4M3>, IComparable<Float8E4M3>, ISpanFormattable, ISpanParsable<Float8E4M3>
{
    private readonly byte code;

    private Float8E4M3(byte code) => this.code = code;

    /// <summary>The eight bits.</summary>
    public byte Bits => code;

    /// <summary>+0 (0x00).</summary>
    public static Float8E4M3 Zero => new(0x00);

    /// <summary>1 (0x38).</summary>
    public static Float8E4M3 One => new(0x38);

    /// <summary>The largest finite value, 448 (0x7E).</summary>
    public static Float8E4M3 MaxValue => new(0x7E);

    /// <summary>The most negative finite value, -448 (0xFE).</summary>
    public static Float8E4M3 MinValue => new(0xFE);

    /// <summary>The smallest positive subnormal, 2^-9 (0x01).</summary>
    public static Float8E4M3 Epsilon => new(0x01);

    /// <summary>The positive NaN (0x7F), canonical.</summary>
    public static Float8E4M3 NaN => new(0x7F);

    /// <summary>The value with these eight bits.</summary>
    public static Float8E4M3 FromBits(byte bits) => new(bits);

    /// <summary>Round to nearest, ties to even; <paramref name="overflow"/> says what is beyond the largest finite value.</summary>
    /// <exception cref="ContractException"><see cref="Fp8Overflow.Infinity"/>: the format has none.</exception>
    public static Float8E4M3 FromSingle(float x, Fp8Overflow overflow)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        uint sign = bits >> 24 & 0x80;
        bool nan = float.IsNaN(x);
        uint magnitude = nan ? 0x7F : SmallFloat.E4M3.Magnitude(bits & 0x7FFFFFFF);
        return overflow switch
        {
            Fp8Overflow.Saturate => new((byte)(nan ? 0x7F : sign | Math.Min(magnitude, 0x7E))),
            Fp8Overflow.NaN => new((byte)(sign | Math.Min(magnitude, 0x7F))),
            _ => throw OverflowRefusal.Of("E4M3", overflow, "has no infinity", Fp8Overflow.Saturate, Fp8Overflow.NaN),
        };
    }

    /// <summary>Exact widening to binary32, then one rounding as <see cref="FromSingle"/>.</summary>
    /// <exception cref="ContractException">As <see cref="FromSingle"/>.</exception>
    public static Float8E4M3 FromBFloat16(BFloat16 x, Fp8Overflow overflow) => FromSingle(x.ToSingle(), overflow);

    /// <summary>Exact widening to binary32, then one rounding as <see cref="FromSingle"/>.</summary>
    /// <exception cref="ContractException">As <see cref="FromSingle"/>.</exception>
    public static Float8E4M3 FromHalf(Half x, Fp8Overflow overflow) => FromSingle((float)x, overflow);

    /// <summary>One rounding of a binary64: the binary32 in between is rounded to odd, which keeps what decides ties.</summary>
    /// <exception cref="ContractException">As <see cref="FromSingle"/>.</exception>
    public static Float8E4M3 FromDouble(double x, Fp8Overflow overflow) => FromSingle(RoundToOdd.Single(x), overflow);

    /// <summary>The exact value; NaN is quiet with its sign.</summary>
    public float ToSingle()
    {
        uint magnitude = code & 0x7Fu;
        float value = magnitude == 0x7F ? BitConverter.UInt32BitsToSingle(0x7FC00000) : SmallFloat.E4M3.Value(magnitude);
        return (code & 0x80) != 0 ? -value : value;
    }

    /// <summary>The exact value.</summary>
    public BFloat16 ToBFloat16() => BFloat16.Round(ToSingle());

    /// <summary>The exact value.</summary>
    public Half ToHalf() => (Half)ToSingle();

    /// <summary>True for 0x7F and 0xFF.</summary>
    public static bool IsNaN(Float8E4M3 x) => (x.code & 0x7F) == 0x7F;

    /// <summary>True for all but the two NaNs.</summary>
    public static bool IsFinite(Float8E4M3 x) => (x.code & 0x7F) != 0x7F;

    /// <summary>False: the format has no infinity.</summary>
    public static bool IsInfinity(Float8E4M3 x) => float.IsInfinity(x.ToSingle());

    /// <summary>True where the sign bit is set, for -0 and NaN too.</summary>
    public static bool IsNegative(Float8E4M3 x) => (x.code & 0x80) != 0;

    /// <summary>True for finite values of at least 2^-6 in magnitude.</summary>
    public static bool IsNormal(Float8E4M3 x) => (x.code & 0x78) != 0 && IsFinite(x);

    /// <summary>True for non-zero values below 2^-6 in magnitude.</summary>
    public static bool IsSubnormal(Float8E4M3 x) => (x.code & 0x78) == 0 && (x.code & 0x07) != 0;

    /// <summary>Exact widening.</summary>
    public static implicit operator float(Float8E4M3 x) => x.ToSingle();

    /// <summary>Exact: bfloat16 holds every value.</summary>
    public static explicit operator BFloat16(Float8E4M3 x) => x.ToBFloat16();

    /// <summary>Exact: binary16 holds every value.</summary>
    public static explicit operator Half(Float8E4M3 x) => x.ToHalf();

    /// <summary>IEEE equality: NaN equals nothing, -0 equals +0.</summary>
    public static bool operator ==(Float8E4M3 a, Float8E4M3 b) => a.ToSingle() == b.ToSingle();

    /// <summary>IEEE inequality.</summary>
    public static bool operator !=(Float8E4M3 a, Float8E4M3 b) => a.ToSingle() != b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator <(Float8E4M3 a, Float8E4M3 b) => a.ToSingle() < b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator >(Float8E4M3 a, Float8E4M3 b) => a.ToSingle() > b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator <=(Float8E4M3 a, Float8E4M3 b) => a.ToSingle() <= b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator >=(Float8E4M3 a, Float8E4M3 b) => a.ToSingle() >= b.ToSingle();

    /// <inheritdoc/>
    public int CompareTo(Float8E4M3 other) => ToSingle().CompareTo(other.ToSingle());

    /// <summary>Equality as .NET's floats define it for collections: NaN equals NaN.</summary>
    public bool Equals(Float8E4M3 other) => ToSingle().Equals(other.ToSingle());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Float8E4M3 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ToSingle().GetHashCode();

    /// <summary>The shortest decimal that parses back to this value.</summary>
    public override string ToString() => ToString(null, CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public string ToString(string? format, IFormatProvider? formatProvider) => ToSingle().ToString(format, formatProvider);

    /// <inheritdoc/>
    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider) =>
        ToSingle().TryFormat(destination, out charsWritten, format, provider);

    /// <summary>Parses a decimal as binary64, then rounds that value once.</summary>
    /// <exception cref="FormatException">The text is no number.</exception>
    /// <exception cref="OverflowException">The value rounds to more than 448.</exception>
    public static Float8E4M3 Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => Checked(double.Parse(s, provider));

    /// <inheritdoc cref="Parse(ReadOnlySpan{char}, IFormatProvider?)"/>
    public static Float8E4M3 Parse(string s, IFormatProvider? provider) => Parse(s.AsSpan(), provider);

    /// <inheritdoc/>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out Float8E4M3 result)
    {
        bool ok = double.TryParse(s, provider, out double value) && Holds(value);
        result = ok ? FromDouble(value, Fp8Overflow.NaN) : Zero;
        return ok;
    }

    /// <inheritdoc/>
    public static bool TryParse(string? s, IFormatProvider? provider, out Float8E4M3 result) => TryParse(s.AsSpan(), provider, out result);

    private static Float8E4M3 Checked(double value) =>
        Holds(value) ? FromDouble(value, Fp8Overflow.NaN) : throw new OverflowException($"{value.ToString(CultureInfo.InvariantCulture)} is beyond the largest E4M3 value, 448");

    private static bool Holds(double value) => double.IsNaN(value) || IsFinite(FromDouble(value, Fp8Overflow.NaN));

    private string DebuggerDisplay => $"{ToString()} (0x{code:X2})";
}
