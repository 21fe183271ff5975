using System.Diagnostics;
using System.Globalization;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference;

/// <summary>bfloat16: the upper half of a binary32. 1 sign, 8 exponent, 7 fraction bits.</summary>
/// <remarks>
/// Encoding from binary32 rounds to nearest, ties to even; subnormals are kept; a NaN stays a NaN and is made quiet with its sign and upper payload.
/// <code>
/// u    = bits(x)
/// code = (u + 0x7FFF + ((u >> 16) &amp; 1)) >> 16          x not NaN
/// code = (u >> 16) | 0x0040                            x NaN
/// </code>
/// Decoding is exact. Rule N12.
/// </remarks>
[DebuggerDisplay("{DebuggerDisplay,nq}")]
public readonly struct BFloat16 : IEquatable<BFloat16>, IComparable<BFloat16>, ISpanFormattable, ISpanParsable<BFloat16>
{
    private readonly ushort code;

    private BFloat16(ushort code) => this.code = code;

    /// <summary>The sixteen bits.</summary>
    public ushort Bits => code;

    /// <summary>+0 (0x0000).</summary>
    public static BFloat16 Zero => new(0x0000);

    /// <summary>1 (0x3F80).</summary>
    public static BFloat16 One => new(0x3F80);

    /// <summary>The largest finite value, 3.3895314E+38 (0x7F7F).</summary>
    public static BFloat16 MaxValue => new(0x7F7F);

    /// <summary>The smallest positive subnormal, 2^-133 (0x0001).</summary>
    public static BFloat16 Epsilon => new(0x0001);

    /// <summary>+infinity (0x7F80).</summary>
    public static BFloat16 PositiveInfinity => new(0x7F80);

    /// <summary>-infinity (0xFF80).</summary>
    public static BFloat16 NegativeInfinity => new(0xFF80);

    /// <summary>The canonical quiet NaN (0x7FC0).</summary>
    public static BFloat16 NaN => new(0x7FC0);

    /// <summary>The value with these sixteen bits.</summary>
    public static BFloat16 FromBits(ushort bits) => new(bits);

    /// <summary>Round to nearest, ties to even; overflow goes to infinity.</summary>
    public static BFloat16 Round(float x)
    {
        uint u = BitConverter.SingleToUInt32Bits(x);
        if (float.IsNaN(x))
            return new((ushort)((u >> 16) | 0x0040));
        return new((ushort)((u + 0x7FFF + ((u >> 16) & 1)) >> 16));
    }

    /// <summary>The binary32 with the value of bfloat16(x): one rounding, kept in binary32.</summary>
    public static float RoundToFloat(float x) => Round(x).ToSingle();

    /// <summary>The exact value.</summary>
    public float ToSingle() => BitConverter.UInt32BitsToSingle((uint)code << 16);

    /// <summary>True for every NaN encoding.</summary>
    public static bool IsNaN(BFloat16 x) => (x.code & 0x7FFF) > 0x7F80;

    /// <summary>True for both infinities.</summary>
    public static bool IsInfinity(BFloat16 x) => (x.code & 0x7FFF) == 0x7F80;

    /// <summary>True for non-zero values below 2^-126 in magnitude.</summary>
    public static bool IsSubnormal(BFloat16 x) => (x.code & 0x7F80) == 0 && (x.code & 0x007F) != 0;

    /// <summary>Exact widening.</summary>
    public static implicit operator float(BFloat16 x) => x.ToSingle();

    /// <summary>Rounds as <see cref="Round"/> does.</summary>
    public static explicit operator BFloat16(float x) => Round(x);

    /// <summary>IEEE equality: NaN equals nothing, -0 equals +0.</summary>
    public static bool operator ==(BFloat16 a, BFloat16 b) => a.ToSingle() == b.ToSingle();

    /// <summary>IEEE inequality.</summary>
    public static bool operator !=(BFloat16 a, BFloat16 b) => a.ToSingle() != b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator <(BFloat16 a, BFloat16 b) => a.ToSingle() < b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator >(BFloat16 a, BFloat16 b) => a.ToSingle() > b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator <=(BFloat16 a, BFloat16 b) => a.ToSingle() <= b.ToSingle();

    /// <summary>IEEE order.</summary>
    public static bool operator >=(BFloat16 a, BFloat16 b) => a.ToSingle() >= b.ToSingle();

    /// <inheritdoc/>
    public int CompareTo(BFloat16 other) => ToSingle().CompareTo(other.ToSingle());

    /// <summary>Equality as .NET's floats define it for collections: NaN equals NaN.</summary>
    public bool Equals(BFloat16 other) => ToSingle().Equals(other.ToSingle());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is BFloat16 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ToSingle().GetHashCode();

    /// <summary>The shortest decimal that parses back to these bits' binary32.</summary>
    public override string ToString() => ToString(null, CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public string ToString(string? format, IFormatProvider? formatProvider) => ToSingle().ToString(format, formatProvider);

    /// <inheritdoc/>
    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider) =>
        ToSingle().TryFormat(destination, out charsWritten, format, provider);

    /// <summary>Parses a decimal as binary64, then rounds that value once.</summary>
    public static BFloat16 Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => FromDouble(double.Parse(s, provider));

    /// <inheritdoc cref="Parse(ReadOnlySpan{char}, IFormatProvider?)"/>
    public static BFloat16 Parse(string s, IFormatProvider? provider) => FromDouble(double.Parse(s, provider));

    /// <inheritdoc/>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out BFloat16 result)
    {
        bool ok = double.TryParse(s, provider, out double value);
        result = ok ? FromDouble(value) : Zero;
        return ok;
    }

    /// <inheritdoc/>
    public static bool TryParse(string? s, IFormatProvider? provider, out BFloat16 result) => TryParse(s.AsSpan(), provider, out result);

    /// <summary>Rounds a binary64 once: the intermediate binary32 is rounded to odd, which keeps the tie information.</summary>
    public static BFloat16 FromDouble(double x) => Round(RoundToOdd.Single(x));

    private string DebuggerDisplay => $"{ToString()} (0x{code:X4})";
}
