using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

/// <summary>E4M3, E5M2, E8M0 and E5M6, one value at a time: codes, borders, policies.</summary>
public class SmallFloatTests
{
    [Fact]
    public void Rule_N18_every_E4M3_code_decodes_by_the_formula_and_encodes_to_itself()
    {
        for (int code = 0; code <= 0xFF; code++)
        {
            var x = Float8E4M3.FromBits((byte)code);
            (int e, int f, double sign) = ((code >> 3) & 15, code & 7, code >= 0x80 ? -1.0 : 1.0);
            double value = e == 15 && f == 7 ? double.NaN : sign * (e == 0 ? f / 512.0 : (8 + f) * Math.ScaleB(1, e - 10));
            Decodes(value, x.ToSingle(), code >= 0x80);
            Assert.Equal(code, Float8E4M3.FromSingle(x, Fp8Overflow.NaN).Bits);
            Assert.Equal(code == 0xFF ? 0x7F : code, Float8E4M3.FromSingle(x, Fp8Overflow.Saturate).Bits);
            Assert.Equal(code == 0xFF ? 0x7F : code, Float8E4M3.FromBFloat16(x.ToBFloat16(), Fp8Overflow.Saturate).Bits);
            Assert.Equal(code, Float8E4M3.FromHalf(x.ToHalf(), Fp8Overflow.NaN).Bits);
        }
    }

    [Fact]
    public void Rule_N18_every_E5M2_code_decodes_by_the_formula_and_encodes_to_itself()
    {
        for (int code = 0; code <= 0xFF; code++)
        {
            var x = Float8E5M2.FromBits((byte)code);
            Decodes(IeeeValue(code, 2, 0x80), x.ToSingle(), code >= 0x80);
            Assert.Equal((double)BitConverter.UInt16BitsToHalf((ushort)(code << 8)), (double)x.ToSingle());
            bool nan = Float8E5M2.IsNaN(x);
            Assert.Equal(nan ? (code & 0x80) | 0x7F : code, Float8E5M2.FromSingle(x, Fp8Overflow.Infinity).Bits);
            Assert.Equal(nan ? 0x7F : Float8E5M2.IsInfinity(x) ? code - 1 : code, Float8E5M2.FromSingle(x, Fp8Overflow.Saturate).Bits);
            Assert.Equal(nan ? (code & 0x80) | 0x7F : code, Float8E5M2.FromBFloat16(x.ToBFloat16(), Fp8Overflow.Infinity).Bits);
            Assert.Equal(nan ? (code & 0x80) | 0x7F : code, Float8E5M2.FromHalf(x.ToHalf(), Fp8Overflow.Infinity).Bits);
        }
    }

    [Fact]
    public void Rule_N18_every_E5M6_code_decodes_by_the_formula_and_encodes_to_itself()
    {
        for (int code = 0; code <= 0xFFF; code++)
        {
            var x = FloatE5M6.FromBits((ushort)code);
            Decodes(IeeeValue(code, 6, 0x800), x.ToSingle(), code >= 0x800);
            Assert.Equal((double)BitConverter.UInt16BitsToHalf((ushort)(code << 4)), (double)x.ToSingle());
            bool nan = FloatE5M6.IsNaN(x);
            Assert.Equal(nan ? (code & 0x800) | 0x7E0 : code, FloatE5M6.FromSingle(x, Fp8Overflow.Infinity).Bits);
            Assert.Equal(nan ? 0x7E0 : FloatE5M6.IsInfinity(x) ? code - 1 : code, FloatE5M6.FromSingle(x, Fp8Overflow.Saturate).Bits);
            Assert.Equal(nan ? (code & 0x800) | 0x7E0 : code, FloatE5M6.FromBFloat16(x.ToBFloat16(), Fp8Overflow.Infinity).Bits);
            Assert.Equal(nan ? (code & 0x800) | 0x7E0 : code, FloatE5M6.FromHalf(x.ToHalf(), Fp8Overflow.Infinity).Bits);
        }
    }

    [Fact]
    public void Rule_N18_every_E8M0_code_decodes_by_the_formula_and_encodes_to_itself()
    {
        for (int code = 0; code <= 0xFF; code++)
        {
            var x = Float8E8M0.FromBits((byte)code);
            Decodes(code == 0xFF ? double.NaN : Math.ScaleB(1, code - 127), x.ToSingle(), false);
            foreach (PowerOfTwoRounding rounding in Enum.GetValues<PowerOfTwoRounding>())
                Assert.Equal(rounding == PowerOfTwoRounding.Up && code == 0 ? 1 : code, Float8E8M0.FromSingle(x, rounding, Fp8Overflow.NaN).Bits);
            Assert.Equal(code, Float8E8M0.FromBFloat16(x.ToBFloat16(), Fp8Overflow.NaN).Bits);
        }
    }

    [Theory]
    [InlineData(0x43E00000u, 0x7E, 0x7E)] // 448
    [InlineData(0x43E80000u, 0x7E, 0x7E)] // 464: a tie, to the even 448
    [InlineData(0x43E80001u, 0x7E, 0x7F)] // beyond
    [InlineData(0xC3E80001u, 0xFE, 0xFF)]
    [InlineData(0x43F00000u, 0x7E, 0x7F)] // 480
    [InlineData(0x7F800000u, 0x7E, 0x7F)] // infinities
    [InlineData(0xFF800000u, 0xFE, 0xFF)]
    [InlineData(0x7FC00000u, 0x7F, 0x7F)] // NaN: PTX drops its sign
    [InlineData(0xFF800001u, 0x7F, 0xFF)]
    [InlineData(0x42A80000u, 0x6A, 0x6A)] // 84: between 80 and 88, to even
    [InlineData(0x3A800000u, 0x00, 0x00)] // 2^-10: half the smallest subnormal
    [InlineData(0x3A800001u, 0x01, 0x01)]
    [InlineData(0x3B400000u, 0x02, 0x02)] // 1.5 · 2^-9, to even
    [InlineData(0x3C6FFFFFu, 0x07, 0x07)] // below 7.5 · 2^-9
    [InlineData(0x3C700000u, 0x08, 0x08)] // 7.5 · 2^-9 carries into the smallest normal
    [InlineData(0x80000000u, 0x80, 0x80)]
    [InlineData(0x80000001u, 0x80, 0x80)]
    public void Rule_N18_E4M3_at_its_borders(uint bits, int saturated, int nan)
    {
        Assert.Equal(saturated, Float8E4M3.FromSingle(ElementForms.Value(bits), Fp8Overflow.Saturate).Bits);
        Assert.Equal(nan, Float8E4M3.FromSingle(ElementForms.Value(bits), Fp8Overflow.NaN).Bits);
    }

    [Theory]
    [InlineData(0x47600000u, 0x7B, 0x7B)] // 57344
    [InlineData(0x476FFFFFu, 0x7B, 0x7B)]
    [InlineData(0x47700000u, 0x7B, 0x7C)] // 61440: a tie, and 57344 is odd
    [InlineData(0xC7700000u, 0xFB, 0xFC)]
    [InlineData(0x7F800000u, 0x7B, 0x7C)]
    [InlineData(0xFF800000u, 0xFB, 0xFC)]
    [InlineData(0x7FC00000u, 0x7F, 0x7F)]
    [InlineData(0xFFC00000u, 0x7F, 0xFF)]
    [InlineData(0x37000000u, 0x00, 0x00)] // 2^-17
    [InlineData(0x37000001u, 0x01, 0x01)]
    [InlineData(0x37C00000u, 0x02, 0x02)] // 1.5 · 2^-16
    [InlineData(0x38600000u, 0x04, 0x04)] // 3.5 · 2^-16 carries into the smallest normal
    [InlineData(0x80000000u, 0x80, 0x80)]
    public void Rule_N18_E5M2_at_its_borders(uint bits, int saturated, int infinity)
    {
        Assert.Equal(saturated, Float8E5M2.FromSingle(ElementForms.Value(bits), Fp8Overflow.Saturate).Bits);
        Assert.Equal(infinity, Float8E5M2.FromSingle(ElementForms.Value(bits), Fp8Overflow.Infinity).Bits);
    }

    [Theory]
    [InlineData(0x477E0000u, 0x7BF, 0x7BF)] // 65024
    [InlineData(0x477EFFFFu, 0x7BF, 0x7BF)]
    [InlineData(0x477F0000u, 0x7BF, 0x7C0)] // 65280: a tie, and 65024 is odd
    [InlineData(0xFF800000u, 0xFBF, 0xFC0)]
    [InlineData(0xFFC00000u, 0x7E0, 0xFE0)]
    [InlineData(0x35000000u, 0x000, 0x000)] // 2^-21
    [InlineData(0x35000001u, 0x001, 0x001)]
    [InlineData(0x387C0000u, 0x03F, 0x03F)] // 63 · 2^-20, the largest subnormal
    [InlineData(0x387E0000u, 0x040, 0x040)] // 63.5 · 2^-20 carries into the smallest normal
    [InlineData(0x80000000u, 0x800, 0x800)]
    public void Rule_N18_E5M6_at_its_borders(uint bits, int saturated, int infinity)
    {
        Assert.Equal(saturated, FloatE5M6.FromSingle(ElementForms.Value(bits), Fp8Overflow.Saturate).Bits);
        Assert.Equal(infinity, FloatE5M6.FromSingle(ElementForms.Value(bits), Fp8Overflow.Infinity).Bits);
    }

    [Theory] // nearest, up, down; saturating and with NaN
    [InlineData(0x3F800000u, 0x7F, 0x7F, 0x7F, 0x7F, 0x7F, 0x7F)]
    [InlineData(0x3F800001u, 0x7F, 0x80, 0x7F, 0x7F, 0x80, 0x7F)]
    [InlineData(0x3FBFFFFFu, 0x7F, 0x80, 0x7F, 0x7F, 0x80, 0x7F)]
    [InlineData(0x3FC00000u, 0x80, 0x80, 0x7F, 0x80, 0x80, 0x7F)] // 1.5: a tie, up
    [InlineData(0xBFC00000u, 0x80, 0x80, 0x7F, 0x80, 0x80, 0x7F)] // the sign is not looked at
    [InlineData(0x00000000u, 0x00, 0x01, 0x00, 0x00, 0x01, 0x00)] // no zero
    [InlineData(0x00400000u, 0x00, 0x01, 0x00, 0x00, 0x01, 0x00)] // 2^-127
    [InlineData(0x00400001u, 0x01, 0x01, 0x00, 0x01, 0x01, 0x00)]
    [InlineData(0x7F3FFFFFu, 0xFE, 0xFE, 0xFE, 0xFE, 0xFE, 0xFE)]
    [InlineData(0x7F400000u, 0xFE, 0xFE, 0xFE, 0xFF, 0xFE, 0xFE)] // 1.5 · 2^127
    [InlineData(0x7F7FFFFFu, 0xFE, 0xFE, 0xFE, 0xFF, 0xFE, 0xFE)]
    [InlineData(0x7F800000u, 0xFE, 0xFE, 0xFE, 0xFF, 0xFF, 0xFF)]
    [InlineData(0x7FC00000u, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF)] // DeepGEMM's recipe does not know NaN
    public void Rule_N18_E8M0_at_its_borders(uint bits, int nearest, int up, int down, int nearestNaN, int upNaN, int downNaN)
    {
        float x = ElementForms.Value(bits);
        Assert.Equal(nearest, Float8E8M0.FromSingle(x, Fp8Overflow.Saturate).Bits);
        Assert.Equal(nearestNaN, Float8E8M0.FromSingle(x, Fp8Overflow.NaN).Bits);
        Assert.Equal((nearest, nearestNaN), (Code(PowerOfTwoRounding.Nearest, Fp8Overflow.Saturate), Code(PowerOfTwoRounding.Nearest, Fp8Overflow.NaN)));
        Assert.Equal((up, upNaN), (Code(PowerOfTwoRounding.Up, Fp8Overflow.Saturate), Code(PowerOfTwoRounding.Up, Fp8Overflow.NaN)));
        Assert.Equal((down, downNaN), (Code(PowerOfTwoRounding.Down, Fp8Overflow.Saturate), Code(PowerOfTwoRounding.Down, Fp8Overflow.NaN)));

        int Code(PowerOfTwoRounding rounding, Fp8Overflow overflow) => Float8E8M0.FromSingle(x, rounding, overflow).Bits;
    }

    [Fact]
    public void Rule_N18_an_overflow_that_the_format_lacks_is_refused_for_every_value()
    {
        foreach (float x in (float[])[1f, 1e9f, float.NaN])
        {
            Assert.Contains("E4M3 has no infinity", Refused(() => Float8E4M3.FromSingle(x, Fp8Overflow.Infinity)), StringComparison.Ordinal);
            Assert.Contains("E8M0 has no infinity", Refused(() => Float8E8M0.FromSingle(x, Fp8Overflow.Infinity)), StringComparison.Ordinal);
            Assert.Contains("E5M2 overflows to infinity", Refused(() => Float8E5M2.FromSingle(x, Fp8Overflow.NaN)), StringComparison.Ordinal);
            Assert.Contains("E5M6 overflows to infinity", Refused(() => FloatE5M6.FromSingle(x, Fp8Overflow.NaN)), StringComparison.Ordinal);
            Refused(() => Float8E4M3.FromSingle(x, (Fp8Overflow)7));
            Refused(() => Float8E5M2.FromBFloat16(BFloat16.Round(x), (Fp8Overflow)7));
            Refused(() => Float8E8M0.FromSingle(x, (PowerOfTwoRounding)7, Fp8Overflow.NaN));
        }
    }

    [Fact]
    public void Rule_N18_every_bfloat16_and_every_binary16_rounds_once()
    {
        for (int code = 0; code <= 0xFFFF; code++)
        {
            var b = BFloat16.FromBits((ushort)code);
            Half h = BitConverter.UInt16BitsToHalf((ushort)code);
            foreach (Fp8Overflow overflow in (Fp8Overflow[])[Fp8Overflow.Saturate, Fp8Overflow.NaN])
            {
                Assert.Equal(Float8E4M3.FromSingle(b, overflow).Bits, Float8E4M3.FromBFloat16(b, overflow).Bits);
                Assert.Equal(Float8E4M3.FromSingle((float)h, overflow).Bits, Float8E4M3.FromHalf(h, overflow).Bits);
                Assert.Equal(Float8E8M0.FromSingle(b, overflow).Bits, Float8E8M0.FromBFloat16(b, overflow).Bits);
                Assert.Equal(Float8E8M0.FromSingle((float)h, overflow).Bits, Float8E8M0.FromHalf(h, overflow).Bits);
            }

            foreach (Fp8Overflow overflow in (Fp8Overflow[])[Fp8Overflow.Saturate, Fp8Overflow.Infinity])
            {
                Assert.Equal(Float8E5M2.FromSingle(b, overflow).Bits, Float8E5M2.FromBFloat16(b, overflow).Bits);
                Assert.Equal(Float8E5M2.FromSingle((float)h, overflow).Bits, Float8E5M2.FromHalf(h, overflow).Bits);
                Assert.Equal(FloatE5M6.FromSingle(b, overflow).Bits, FloatE5M6.FromBFloat16(b, overflow).Bits);
                Assert.Equal(FloatE5M6.FromSingle((float)h, overflow).Bits, FloatE5M6.FromHalf(h, overflow).Bits);
            }
        }
    }

    [Fact]
    public void A_thirteenth_bit_of_an_E5M6_code_is_refused() =>
        Assert.Contains("0x1000", Assert.Throws<DataException>(() => FloatE5M6.FromBits(0x1000)).Message, StringComparison.Ordinal);

    private static double IeeeValue(int code, int fraction, int signBit)
    {
        int f = code & ((1 << fraction) - 1), e = (code >> fraction) & 31;
        double magnitude = e == 31 ? (f == 0 ? double.PositiveInfinity : double.NaN) : e == 0 ? Math.ScaleB(f, -14 - fraction) : Math.ScaleB((1 << fraction) + f, e - 15 - fraction);
        return (code & signBit) != 0 ? -magnitude : magnitude;
    }

    private static void Decodes(double value, float decoded, bool negative)
    {
        Assert.Equal(negative, float.IsNegative(decoded));
        if (double.IsNaN(value))
            Assert.Equal(negative ? 0xFFC00000u : 0x7FC00000u, ElementForms.Bits(decoded));
        else
            Assert.Equal(BitConverter.DoubleToInt64Bits(value), BitConverter.DoubleToInt64Bits(decoded));
    }

    private static string Refused(Func<object> cast) => Assert.Throws<ContractException>(cast).Message;
}
