using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

/// <summary>E4M3, E5M2, E8M0 and E5M6 behave as .NET's numbers do: constants, classes, order, text.</summary>
public class SmallFloatConventionTests
{
    [Fact]
    public void Constants_have_their_values()
    {
        Assert.Equal([0f, 1f, 448f, -448f, Power(-9)], [Float8E4M3.Zero, Float8E4M3.One, Float8E4M3.MaxValue, Float8E4M3.MinValue, (float)Float8E4M3.Epsilon]);
        Assert.Equal([0f, 1f, 57344f, -57344f, Power(-16)], [Float8E5M2.Zero, Float8E5M2.One, Float8E5M2.MaxValue, Float8E5M2.MinValue, (float)Float8E5M2.Epsilon]);
        Assert.Equal([0f, 1f, 65024f, -65024f, Power(-20)], [FloatE5M6.Zero, FloatE5M6.One, FloatE5M6.MaxValue, FloatE5M6.MinValue, (float)FloatE5M6.Epsilon]);
        Assert.Equal([1f, Power(127), Power(-127), Power(-127)], [Float8E8M0.One, Float8E8M0.MaxValue, Float8E8M0.MinValue, (float)Float8E8M0.Epsilon]);
        Assert.Equal([float.PositiveInfinity, float.NegativeInfinity], [Float8E5M2.PositiveInfinity, (float)Float8E5M2.NegativeInfinity]);
        Assert.Equal([float.PositiveInfinity, float.NegativeInfinity], [FloatE5M6.PositiveInfinity, (float)FloatE5M6.NegativeInfinity]);
        Assert.Equal((0x7F, 0x7E, 0xFF, 0x7E0), (Float8E4M3.NaN.Bits, Float8E5M2.NaN.Bits, Float8E8M0.NaN.Bits, FloatE5M6.NaN.Bits));
        Assert.True(Float8E4M3.IsNaN(Float8E4M3.NaN) && Float8E5M2.IsNaN(Float8E5M2.NaN) && Float8E8M0.IsNaN(Float8E8M0.NaN) && FloatE5M6.IsNaN(FloatE5M6.NaN));
    }

    [Fact]
    public void Each_code_is_classified_as_its_value_is()
    {
        for (int code = 0; code <= 0xFFF; code++)
        {
            if (code <= 0xFF)
            {
                var a = Float8E4M3.FromBits((byte)code);
                Classified(a.ToSingle(), -6, Float8E4M3.IsNaN(a), Float8E4M3.IsInfinity(a), Float8E4M3.IsFinite(a), Float8E4M3.IsNegative(a), Float8E4M3.IsNormal(a), Float8E4M3.IsSubnormal(a));
                var b = Float8E5M2.FromBits((byte)code);
                Classified(b.ToSingle(), -14, Float8E5M2.IsNaN(b), Float8E5M2.IsInfinity(b), Float8E5M2.IsFinite(b), Float8E5M2.IsNegative(b), Float8E5M2.IsNormal(b), Float8E5M2.IsSubnormal(b));
                var s = Float8E8M0.FromBits((byte)code);
                Assert.Equal((float.IsNaN(s.ToSingle()), float.IsFinite(s.ToSingle())), (Float8E8M0.IsNaN(s), Float8E8M0.IsFinite(s)));
            }

            var c = FloatE5M6.FromBits((ushort)code);
            Classified(c.ToSingle(), -14, FloatE5M6.IsNaN(c), FloatE5M6.IsInfinity(c), FloatE5M6.IsFinite(c), FloatE5M6.IsNegative(c), FloatE5M6.IsNormal(c), FloatE5M6.IsSubnormal(c));
        }
    }

    [Fact]
    public void Comparison_is_IEEE_and_equality_for_collections_takes_NaN_as_itself()
    {
        Float8E4M3 zero = Float8E4M3.Zero, minus = Float8E4M3.FromBits(0x80), one = Float8E4M3.One, nan = Float8E4M3.NaN;
        Assert.True(zero == minus && zero.Equals(minus) && zero.GetHashCode() == minus.GetHashCode());
        Assert.True(minus < one && one > zero && one >= Float8E4M3.FromBits(0x38) && zero <= one && one != zero);
        Assert.True(!(nan == Float8E4M3.NaN) && nan != Float8E4M3.NaN && !(nan < one) && !(nan >= one) && nan.Equals(Float8E4M3.FromBits(0xFF)));
        Assert.True(nan.CompareTo(zero) < 0 && one.CompareTo(zero) > 0 && one.Equals((object)one) && !one.Equals((object)1f));
        Assert.True(Float8E5M2.NegativeInfinity < Float8E5M2.MinValue && Float8E5M2.NaN != Float8E5M2.FromBits(0x7E));
        Assert.True(FloatE5M6.PositiveInfinity > FloatE5M6.MaxValue && FloatE5M6.NaN.Equals(FloatE5M6.NaN));
        Assert.True(Float8E8M0.MinValue < Float8E8M0.One && Float8E8M0.NaN != Float8E8M0.NaN && Float8E8M0.One == Float8E8M0.FromBits(0x7F));
    }

    [Fact]
    public void Every_value_is_printed_so_that_it_parses_back()
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        for (int code = 0; code <= 0xFFF; code++)
        {
            if (code <= 0xFF)
            {
                var a = Float8E4M3.FromBits((byte)code);
                Assert.Equal(Float8E4M3.IsNaN(a) ? 0xFF : code, Float8E4M3.Parse(a.ToString(), culture).Bits | (Float8E4M3.IsNaN(a) ? 0x80 : 0));
                var b = Float8E5M2.FromBits((byte)code);
                Assert.True(Float8E5M2.IsNaN(b) ? Float8E5M2.IsNaN(Float8E5M2.Parse(b.ToString(), culture)) : Float8E5M2.Parse(b.ToString(), culture).Bits == code);
                var s = Float8E8M0.FromBits((byte)code);
                Assert.Equal(code, Float8E8M0.Parse(s.ToString(), culture).Bits);
            }

            var c = FloatE5M6.FromBits((ushort)code);
            Assert.True(FloatE5M6.IsNaN(c) ? FloatE5M6.IsNaN(FloatE5M6.Parse(c.ToString(), culture)) : FloatE5M6.Parse(c.ToString(), culture).Bits == code);
        }
    }

    [Fact]
    public void A_decimal_is_rounded_once()
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        Assert.Equal(0x38, Float8E4M3.Parse("1.0625", culture).Bits); // exactly halfway, to even
        Assert.Equal(0x39, Float8E4M3.Parse("1.062500000001", culture).Bits); // a binary32 in between would be the tie
        Assert.Equal(0x39, Float8E4M3.FromDouble(1.0625 + 1e-12, Fp8Overflow.NaN).Bits);
        Assert.Equal(0xB9, Float8E4M3.FromDouble(-1.0625 - 1e-12, Fp8Overflow.NaN).Bits);
        Assert.Equal(0x3D, Float8E5M2.FromDouble(1.125 + 1e-12, Fp8Overflow.Infinity).Bits);
        Assert.Equal(0x3C1, FloatE5M6.FromDouble(1.0078125 + 1e-12, Fp8Overflow.Infinity).Bits);
        Assert.Equal(0x7F, Float8E8M0.FromDouble(1.5 - 1e-12, Fp8Overflow.NaN).Bits);
        Assert.Equal(0x7E, Float8E4M3.FromDouble(1e300, Fp8Overflow.Saturate).Bits);
        Assert.Equal(0x7C, Float8E5M2.FromDouble(1e300, Fp8Overflow.Infinity).Bits);
    }

    [Fact]
    public void Text_beyond_the_range_overflows_where_the_format_has_no_infinity()
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        Assert.Equal(0x7E, Float8E4M3.Parse("464", culture).Bits);
        Assert.Contains("448", Assert.Throws<OverflowException>(() => Float8E4M3.Parse("465", culture)).Message, StringComparison.Ordinal);
        Assert.Throws<OverflowException>(() => Float8E4M3.Parse("-Infinity", culture));
        Assert.Throws<OverflowException>(() => Float8E8M0.Parse("0", culture));
        Assert.Throws<OverflowException>(() => Float8E8M0.Parse("-1", culture));
        Assert.Throws<OverflowException>(() => Float8E8M0.Parse("1e300", culture));
        Assert.False(Float8E4M3.TryParse("465", culture, out _) || Float8E8M0.TryParse("0", culture, out _) || Float8E5M2.TryParse("x", culture, out _) || FloatE5M6.TryParse("", culture, out _));
        Assert.True(Float8E4M3.TryParse("-3.25", culture, out Float8E4M3 a) && a == -3.25f);
        Assert.True(Float8E5M2.TryParse("1e9", culture, out Float8E5M2 b) && Float8E5M2.IsInfinity(b));
        Assert.True(FloatE5M6.TryParse("1.515625", culture, out FloatE5M6 c) && c == 1.515625f);
        Assert.True(Float8E8M0.TryParse("0.25", culture, out Float8E8M0 s) && s.Bits == 0x7D);
        Assert.Throws<FormatException>(() => Float8E4M3.Parse("one", culture));
    }

    [Fact]
    public void Formats_are_those_of_binary32()
    {
        Assert.Equal("1.75", Float8E4M3.FromBits(0x3E).ToString());
        Assert.Equal("1.750", Float8E4M3.FromBits(0x3E).ToString("F3", CultureInfo.InvariantCulture));
        Span<char> text = stackalloc char[9];
        Assert.True(Float8E5M2.MaxValue.TryFormat(text, out int written, "E2", CultureInfo.InvariantCulture));
        Assert.Equal("5.73E+004", text[..written].ToString());
        Assert.Equal("2.5", $"{FloatE5M6.FromSingle(2.5f, Fp8Overflow.Saturate)}");
    }

    [Fact]
    public void A_debugger_shows_value_and_bits()
    {
        Assert.Equal("1.5 (0x3C)", Shown(Float8E4M3.FromBits(0x3C)));
        Assert.Equal("1 (0x3C)", Shown(Float8E5M2.FromBits(0x3C)));
        Assert.Equal("0.5 (0x7E)", Shown(Float8E8M0.FromBits(0x7E)));
        Assert.Equal("-1.5 (0xBE0)", Shown(FloatE5M6.FromBits(0xBE0)));
    }

    [Fact]
    public void Wider_formats_take_every_value_exactly()
    {
        for (int code = 0; code <= 0xFF; code++)
        {
            var a = Float8E4M3.FromBits((byte)code);
            Assert.Equal((a.ToSingle(), a.ToSingle(), a.ToSingle()), ((float)(BFloat16)a, (float)(Half)a, (float)a));
            var b = Float8E5M2.FromBits((byte)code);
            Assert.Equal((b.ToSingle(), b.ToSingle(), b.ToSingle()), ((float)(BFloat16)b, (float)(Half)b, (float)b));
            var s = Float8E8M0.FromBits((byte)code);
            Assert.Equal((s.ToSingle(), s.ToSingle()), ((float)(BFloat16)s, (float)s));
        }

        for (int code = 0; code <= 0xFFF; code++)
        {
            var c = FloatE5M6.FromBits((ushort)code);
            Assert.Equal((c.ToSingle(), c.ToSingle(), c.ToSingle()), ((float)(BFloat16)c, (float)(Half)c, (float)c));
        }
    }

    private static float Power(int exponent) => MathF.ScaleB(1, exponent);

    private static void Classified(float value, int smallestNormal, bool nan, bool infinity, bool finite, bool negative, bool normal, bool subnormal)
    {
        bool small = MathF.Abs(value) < MathF.ScaleB(1, smallestNormal);
        Assert.Equal(
            (float.IsNaN(value), float.IsInfinity(value), float.IsFinite(value), float.IsNegative(value), float.IsFinite(value) && !small, value != 0 && small),
            (nan, infinity, finite, negative, normal, subnormal));
    }

    private static string Shown(object value) =>
        (string)value.GetType().GetProperty(value.GetType().GetCustomAttribute<DebuggerDisplayAttribute>()!.Value.Split('{', ',')[1], BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(value)!;
}
