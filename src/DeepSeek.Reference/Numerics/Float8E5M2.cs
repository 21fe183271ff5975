using System.Diagnostics;
using System.Globalization;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference;

/// <summary>E5M2: 1 sign, 5 exponent (bias 15), 2 fraction bits, with the infinities and NaNs of IEEE 754: the upper byte of a binary16.</summary>
/// <remarks>
/// <code>
/// S EEEEE FF    E = 0:  ±F · 2^-16        1 ... 30:  ±(1 + F/4) · 2^(E-15)        31:  F = 0 ±∞, else NaN
/// </code>
/// Finite values from 2^-16 to 57344, all exact in binary32, bfloat16 and binary16. A NaN is encoded as 0x7F, as PyTorch and the processors do; the canonical one that leaves the library in files is 0x7E (rule N3).
/// Rule N18; docs/spec/fp8-formats.md. OCP 8-bit floating point specification 1.0; torch.float8_e5m2.
/// </remarks>
[DebuggerDisplay("{DebuggerDisplay,nq}")]
public readonly struct Float8E5M2 : IEquatable<Float8E5M2>, IComparable<Float8E5M2>, ISpanFormattable, ISpanParsable<Float8E5M2>
{
    private readonly byte code;

    private Float8E5M2(byte code) => this.code = code;

    /// <summary>The eight bits.</summary>
    public byte Bits => code;

    /// <summary>+0 (0x00).</summary>
    public static Float8E5M2 Zero => new(0x00);

    /// <summary>1 (0x3C).</summary>
    public static Float8E5M2 One => new(0x3C);

    /// <summary>The largest finite value, 57344 (0x7B).</summary>
    public static Float8E5M2 MaxValue => new(0x7B);

    /// <summary>The most negative finite value, -57344 (0xFB).</summary>
    public static Float8E5M2 MinValue => new(0xFB);

    /// <summary>The smallest positive subnormal, 2^-16 (0x01).</summary>
    public static Float8E5M2 Epsilon => new(0x01);

    /// <summary>+infinity (0x7C).</summary>
    public static Float8E5M2 PositiveInfinity => new(0x7C);

    /// <summary>-infinity (0xFC).</summary>
    public static Float8E5M2 NegativeInfinity => new(0xFC);

    /// <summary>The canonical quiet NaN (0x7E).</summary>
    public static Float8E5M2 NaN => new(0x7E);

    /// <summary>The value with these eight bits.</summary>
    public static Float8E5M2 FromBits(byte bits) => new(bits);

    /// <summary>Round to nearest, ties to even; <paramref name="overflow"/> says what is beyond the largest finite value.</summary>
    /// <exception cref="ContractException"><see cref="Fp8Overflow.NaN"/>: no implementation overflows to NaN where there is an infinity.</exception>
    public static Float8E5M2 FromSingle(float x, Fp8Overflow overflow)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        uint sign = bits >> 24 & 0x80;
        bool nan = float.IsNaN(x);
        uint magnitude = nan ? 0x7F : SmallFloat.E5M2.Magnitude(bits & 0x7FFFFFFF);
        return overflow switch
        {
            Fp8Overflow.Saturate => new((byte)(nan ? 0x7F : sign | Math.Min(magnitude, 0x7B))),
            Fp8Overflow.Infinity => new((byte)(sign | (nan ? 0x7F : Math.Min(magnitude, 0x7C)))),
            _ => throw OverflowRefusal.Of("E5M2", overflow, "overflows to infinity", Fp8Overflow.Saturate, Fp8Overflow.Infinity),
        };
    }

    /// <summary>Exact widening to binary32, then one rounding as <see cref="FromSingle"/>.</summary>
    /// <exception cref="ContractException">As <see cref="FromSingle"/>.</exception>
    public static Float8E5M2 FromBFloat16(BFloat16 x, Fp8Overflow overflow) => FromSingle(x.ToSingle(), overflow);

    /// <summary>Exact widening to binary32, then one rounding as <see cref="FromSingle"/>.</summary>
    /// <exception cref="ContractException">As <see cref="FromSingle"/>.</exception>
    public static Float8E5M2 FromHalf(Half x, Fp8Overflow overflow) => FromSingle((float)x, overflow);

    /// <summary>One rounding of a binary64: the binary32 in between is rounded to odd, which keeps what decides ties.</summary>
    /// <exception cref="ContractException">As <see cref="FromSingle"/>.</exception>
    public static Float8E5M2 FromDouble(double x, Fp8Overflow overflow) => FromSingle(RoundToOdd.Single(x), overflow);

    /// <summary>The exact value; NaN is quiet with its sign.</summary>
    public float ToSingle()
    {
        uint magnitude = code & 0x7Fu;
        float value = magnitude > 0x7C ? BitConverter.UInt32BitsToSingle(0x7FC00000) : magnitude == 0x7C ? float.PositiveInfinity : SmallFloat.E5M2.Value(magnitude);
        return (code & 0x80) != 0 ? -value : value;
    }

    /// <summary>The exact value.</summary>
    public BFloat16 ToBFloat16() => BFloat16.Round(ToSingle());

    /// <summary>The exact value.</summary>
    public Half ToHalf() => (Half)ToSingle();

    /// <summary>True for every NaN encoding.</summary>
    public static bool IsNaN(Float8E5M2 x) => (x.code & 0x7F) > 0x7C;

    /// <summary>True for all but infinities and NaNs.</summary>
    public static bool IsFinite(Float8E5M2 x) => (x.code & 0x7F) < 0x7C;

    /// <summary>True for both infinities.</summary>
    public static bool IsInfinity(Float8E5M2 x) => (x.code & 0x7F) == 0x7C;

    /// <summary>True where the sign bit is set, for -0 and NaN too.</summary>
    public static bool IsNegative(Float8E5M2 x) => (x.code & 0x80) != 0;

    /// <summary>True for finite values of at least 2^-14 in magnitude.</summary>
    public static bool IsNormal(Float8E5M2 x) => (x.code & 0x7C) != 0 && IsFinite(x);

    /// <summary>True for non-zero values below 2^-14 in magnitude.</summary>
    public static bool IsSubnormal(Float8E5M2 x) => (x.code & 0x7C) == 0 && (x.code & 0x03) != 0;

    /// <summary>Exact widening.</summary>
    public static implicit operator float(Float8E5M2 x) => x.ToSingle();

    /// <summary>Exact: bfloat16 holds every value.</summary>
    public static explicit operator BFloat16(Float8E5M2 x) => x.ToBFloat16();

    /// <summary>Exact: binary16 holds every value.</summary>
    public static explicit operator Half(Float8E5M2 x) => x.ToHalf();

    /// <summary>IEEE equality: NaN equals nothing, -0 equals +0.</summary>
    public static bool operator ==(Float8E5M2 a, Float8E5M2 b) => a.ToSingle() == b.ToSingle();

    /// <summary>IEEE inequality.</summary>
    public static bool operator !=(Float8E5M2 a, Float8E5M2 b) => a.ToSingle() != b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator <(Float8E5M2 a, Float8E5M2 b) => a.ToSingle() < b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator >(Float8E5M2 a, Float8E5M2 b) => a.ToSingle() > b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator <=(Float8E5M2 a, Float8E5M2 b) => a.ToSingle() <= b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator >=(Float8E5M2 a, Float8E5M2 b) => a.ToSingle() >= b.ToSingle();

    /// <inheritdoc/>
    public int CompareTo(Float8E5M2 other) => ToSingle().CompareTo(other.ToSingle());

    /// <summary>Equality as .NET's floats define it for collections: NaN equals NaN.</summary>
    public bool Equals(Float8E5M2 other) => ToSingle().Equals(other.ToSingle());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Float8E5M2 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ToSingle().GetHashCode();

    /// <summary>The shortest decimal that parses back to this value.</summary>
    public override string ToString() => ToString(null, CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public string ToString(string? format, IFormatProvider? formatProvider) => ToSingle().ToString(format, formatProvider);

    /// <inheritdoc/>
    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider) =>
        ToSingle().TryFormat(destination, out charsWritten, format, provider);

    /// <summary>Parses a decimal as binary64, then rounds that value once; overflow goes to infinity.</summary>
    /// <exception cref="FormatException">The text is no number.</exception>
    public static Float8E5M2 Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => FromDouble(double.Parse(s, provider), Fp8Overflow.Infinity);

    /// <inheritdoc cref="Parse(ReadOnlySpan{char}, IFormatProvider?)"/>
    public static Float8E5M2 Parse(string s, IFormatProvider? provider) => Parse(s.AsSpan(), provider);

    /// <inheritdoc/>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out Float8E5M2 result)
    {
        bool ok = double.TryParse(s, provider, out double value);
        result = ok ? FromDouble(value, Fp8Overflow.Infinity) : Zero;
        return ok;
    }

    /// <inheritdoc/>
    public static bool TryParse(string? s, IFormatProvider? provider, out Float8E5M2 result) => TryParse(s.AsSpan(), provider, out result);

    private string DebuggerDisplay => $"{ToString()} (0x{code:X2})";
}
