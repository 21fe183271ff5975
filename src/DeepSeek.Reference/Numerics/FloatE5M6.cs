using System.Diagnostics;
using System.Globalization;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference;

/// <summary>E5M6: 1 sign, 5 exponent (bias 15), 6 fraction bits, for cached activations. Twelve bits, kept in sixteen.</summary>
/// <remarks>
/// <code>
/// S EEEEE FFFFFF    E = 0:  ±F · 2^-20        1 ... 30:  ±(1 + F/64) · 2^(E-15)        31:  F = 0 ±∞, else NaN
/// </code>
/// The DeepSeek-V3 report (3.3.3) names the format, its 1x128 tiles and their power-of-two scales, and nothing more. The bias, the exponent 31 kept for infinities and NaN, and rounding to nearest even are this library's choice:
/// a binary16 with four fraction bits fewer. Finite values from 2^-20 to 65024, all exact in binary32, bfloat16 and binary16. Rule N18; docs/spec/fp8-formats.md 4.
/// </remarks>
[DebuggerDisplay("{DebuggerDisplay,nq}")]
public readonly struct FloatE5M6 : IEquatable<FloatE5M6>, IComparable<FloatE5M6>, ISpanFormattable, ISpanParsable<FloatE5M6>
{
    private readonly ushort code;

    private FloatE5M6(ushort code) => this.code = code;

    /// <summary>The twelve bits, in the lower part of a word.</summary>
    public ushort Bits => code;

    /// <summary>+0 (0x000).</summary>
    public static FloatE5M6 Zero => new(0x000);

    /// <summary>1 (0x3C0).</summary>
    public static FloatE5M6 One => new(0x3C0);

    /// <summary>The largest finite value, 65024 (0x7BF).</summary>
    public static FloatE5M6 MaxValue => new(0x7BF);

    /// <summary>The most negative finite value, -65024 (0xFBF).</summary>
    public static FloatE5M6 MinValue => new(0xFBF);

    /// <summary>The smallest positive subnormal, 2^-20 (0x001).</summary>
    public static FloatE5M6 Epsilon => new(0x001);

    /// <summary>+infinity (0x7C0).</summary>
    public static FloatE5M6 PositiveInfinity => new(0x7C0);

    /// <summary>-infinity (0xFC0).</summary>
    public static FloatE5M6 NegativeInfinity => new(0xFC0);

    /// <summary>The canonical quiet NaN (0x7E0).</summary>
    public static FloatE5M6 NaN => new(0x7E0);

    /// <summary>The value with these twelve bits.</summary>
    /// <exception cref="DataException">More than twelve bits.</exception>
    public static FloatE5M6 FromBits(ushort bits) =>
        bits <= 0xFFF ? new(bits) : throw new DataException($"0x{bits:X4} is no E5M6 code, which has twelve bits; mask the word");

    /// <summary>Round to nearest, ties to even; <paramref name="overflow"/> says what is beyond the largest finite value.</summary>
    /// <exception cref="ContractException"><see cref="Fp8Overflow.NaN"/>: no implementation overflows to NaN where there is an infinity.</exception>
    public static FloatE5M6 FromSingle(float x, Fp8Overflow overflow)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        uint sign = bits >> 20 & 0x800;
        bool nan = float.IsNaN(x);
        uint magnitude = nan ? 0x7E0 : SmallFloat.E5M6.Magnitude(bits & 0x7FFFFFFF);
        return overflow switch
        {
            Fp8Overflow.Saturate => new((ushort)(nan ? 0x7E0 : sign | Math.Min(magnitude, 0x7BF))),
            Fp8Overflow.Infinity => new((ushort)(sign | (nan ? 0x7E0 : Math.Min(magnitude, 0x7C0)))),
            _ => throw OverflowRefusal.Of("E5M6", overflow, "overflows to infinity", Fp8Overflow.Saturate, Fp8Overflow.Infinity),
        };
    }

    /// <summary>Exact widening to binary32, then one rounding as <see cref="FromSingle"/>.</summary>
    /// <exception cref="ContractException">As <see cref="FromSingle"/>.</exception>
    public static FloatE5M6 FromBFloat16(BFloat16 x, Fp8Overflow overflow) => FromSingle(x.ToSingle(), overflow);

    /// <summary>Exact widening to binary32, then one rounding as <see cref="FromSingle"/>.</summary>
    /// <exception cref="ContractException">As <see cref="FromSingle"/>.</exception>
    public static FloatE5M6 FromHalf(Half x, Fp8Overflow overflow) => FromSingle((float)x, overflow);

    /// <summary>One rounding of a binary64: the binary32 in between is rounded to odd, which keeps what decides ties.</summary>
    /// <exception cref="ContractException">As <see cref="FromSingle"/>.</exception>
    public static FloatE5M6 FromDouble(double x, Fp8Overflow overflow) => FromSingle(RoundToOdd.Single(x), overflow);

    /// <summary>The exact value; NaN is quiet with its sign.</summary>
    public float ToSingle()
    {
        uint magnitude = code & 0x7FFu;
        float value = magnitude > 0x7C0 ? BitConverter.UInt32BitsToSingle(0x7FC00000) : magnitude == 0x7C0 ? float.PositiveInfinity : SmallFloat.E5M6.Value(magnitude);
        return (code & 0x800) != 0 ? -value : value;
    }

    /// <summary>The exact value.</summary>
    public BFloat16 ToBFloat16() => BFloat16.Round(ToSingle());

    /// <summary>The exact value.</summary>
    public Half ToHalf() => (Half)ToSingle();

    /// <summary>True for every NaN encoding.</summary>
    public static bool IsNaN(FloatE5M6 x) => (x.code & 0x7FF) > 0x7C0;

    /// <summary>True for all but infinities and NaNs.</summary>
    public static bool IsFinite(FloatE5M6 x) => (x.code & 0x7FF) < 0x7C0;

    /// <summary>True for both infinities.</summary>
    public static bool IsInfinity(FloatE5M6 x) => (x.code & 0x7FF) == 0x7C0;

    /// <summary>True where the sign bit is set, for -0 and NaN too.</summary>
    public static bool IsNegative(FloatE5M6 x) => (x.code & 0x800) != 0;

    /// <summary>True for finite values of at least 2^-14 in magnitude.</summary>
    public static bool IsNormal(FloatE5M6 x) => (x.code & 0x7C0) != 0 && IsFinite(x);

    /// <summary>True for non-zero values below 2^-14 in magnitude.</summary>
    public static bool IsSubnormal(FloatE5M6 x) => (x.code & 0x7C0) == 0 && (x.code & 0x03F) != 0;

    /// <summary>Exact widening.</summary>
    public static implicit operator float(FloatE5M6 x) => x.ToSingle();

    /// <summary>Exact: bfloat16 holds every value.</summary>
    public static explicit operator BFloat16(FloatE5M6 x) => x.ToBFloat16();

    /// <summary>Exact: binary16 holds every value.</summary>
    public static explicit operator Half(FloatE5M6 x) => x.ToHalf();

    /// <summary>IEEE equality: NaN equals nothing, -0 equals +0.</summary>
    public static bool operator ==(FloatE5M6 a, FloatE5M6 b) => a.ToSingle() == b.ToSingle();

    /// <summary>IEEE inequality.</summary>
    public static bool operator !=(FloatE5M6 a, FloatE5M6 b) => a.ToSingle() != b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator <(FloatE5M6 a, FloatE5M6 b) => a.ToSingle() < b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator >(FloatE5M6 a, FloatE5M6 b) => a.ToSingle() > b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator <=(FloatE5M6 a, FloatE5M6 b) => a.ToSingle() <= b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator >=(FloatE5M6 a, FloatE5M6 b) => a.ToSingle() >= b.ToSingle();

    /// <inheritdoc/>
    public int CompareTo(FloatE5M6 other) => ToSingle().CompareTo(other.ToSingle());

    /// <summary>Equality as .NET's floats define it for collections: NaN equals NaN.</summary>
    public bool Equals(FloatE5M6 other) => ToSingle().Equals(other.ToSingle());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is FloatE5M6 other && Equals(other);

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
    public static FloatE5M6 Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => FromDouble(double.Parse(s, provider), Fp8Overflow.Infinity);

    /// <inheritdoc cref="Parse(ReadOnlySpan{char}, IFormatProvider?)"/>
    public static FloatE5M6 Parse(string s, IFormatProvider? provider) => Parse(s.AsSpan(), provider);

    /// <inheritdoc/>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out FloatE5M6 result)
    {
        bool ok = double.TryParse(s, provider, out double value);
        result = ok ? FromDouble(value, Fp8Overflow.Infinity) : Zero;
        return ok;
    }

    /// <inheritdoc/>
    public static bool TryParse(string? s, IFormatProvider? provider, out FloatE5M6 result) => TryParse(s.AsSpan(), provider, out result);

    private string DebuggerDisplay => $"{ToString()} (0x{code:X3})";
}
