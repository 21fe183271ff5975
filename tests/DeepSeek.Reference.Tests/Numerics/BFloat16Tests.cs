using System.Globalization;
using DeepSeek.Reference.Numerics;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

public class BFloat16Tests
{
    [Fact]
    public void Rule_N12_every_code_decodes_and_encodes_to_itself()
    {
        for (int code = 0; code <= 0xFFFF; code++)
        {
            var x = BFloat16.FromBits((ushort)code);
            int back = BFloat16.Round(x.ToSingle()).Bits;
            Assert.Equal(BFloat16.IsNaN(x) ? code | 0x0040 : code, back);
        }
    }

    /// <summary>Compiled third-party encoders; the columns differ in NaN payloads alone.</summary>
    [Fact]
    public void Rule_N12_twenty_thousand_rows_of_other_encoders_agree()
    {
        int rows = 0;
        foreach (string line in File.ReadLines(Golden.Path("vectors", "formats", "bf16_encode.csv")).Skip(1))
        {
            string[] cells = line.Split(',');
            float x = BitConverter.UInt32BitsToSingle(uint.Parse(cells[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            ushort expected = ushort.Parse(cells[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            BFloat16 actual = BFloat16.Round(x);
            if (float.IsNaN(x))
                Assert.True(BFloat16.IsNaN(actual), line);
            else
                Assert.True(expected == actual.Bits, line);
            rows++;
        }

        Assert.Equal(20000, rows);
    }

    [Theory]
    [InlineData(0x3F808000u, 0x3F80)] // tie, to even
    [InlineData(0x3F818000u, 0x3F82)]
    [InlineData(0x3F808001u, 0x3F81)]
    [InlineData(0x00008000u, 0x0000)] // half the smallest subnormal
    [InlineData(0x00008001u, 0x0001)]
    [InlineData(0x7F7F8000u, 0x7F80)] // overflow
    [InlineData(0x7F7F7FFFu, 0x7F7F)]
    [InlineData(0x80000000u, 0x8000)]
    [InlineData(0x7F800001u, 0x7FC0)] // a signalling NaN becomes quiet
    [InlineData(0xFFFFFFFFu, 0xFFFF)]
    public void Rule_N12_rounds_to_nearest_even(uint bits, int code) =>
        Assert.Equal(code, BFloat16.Round(BitConverter.UInt32BitsToSingle(bits)).Bits);

    [Property]
    public void Spans_equal_the_scalar_form(uint[] bits, byte offset)
    {
        float[] x = [.. bits.Select(BitConverter.UInt32BitsToSingle)];
        int skip = Math.Min(offset % 5, x.Length);
        var rounded = new BFloat16[x.Length + 1];
        BFloat16Spans.Round(x.AsSpan(skip), rounded.AsSpan(1));
        float[] inPlace = (float[])x.Clone();
        BFloat16Spans.RoundInPlace(inPlace);
        var widened = new float[x.Length];
        BFloat16Spans.Widen(rounded.AsSpan(1, x.Length - skip), widened);
        for (int i = skip; i < x.Length; i++)
        {
            Assert.Equal(BFloat16.Round(x[i]).Bits, rounded[1 + i - skip].Bits);
            Assert.Equal(BFloat16.Round(x[i]).Bits, BFloat16.Round(inPlace[i]).Bits);
            Assert.Equal(rounded[1 + i - skip].Bits, BFloat16.Round(widened[i - skip]).Bits);
        }
    }

    [Fact]
    public void Long_spans_equal_the_scalar_form_on_every_upper_half()
    {
        float[] x = [.. Enumerable.Range(0, 1 << 17).Select(i => BitConverter.UInt32BitsToSingle(((uint)i << 15) | (uint)(i % 3)))];
        var codes = new BFloat16[x.Length];
        BFloat16Spans.Round(x, codes);
        for (int i = 0; i < x.Length; i++)
            Assert.Equal(BFloat16.Round(x[i]).Bits, codes[i].Bits);
    }

    [Theory]
    [InlineData(1.00390625, 0x3F80)] // exactly the tie
    [InlineData(1.0039062500000002, 0x3F81)] // just above: a binary32 in between would round it back to the tie
    [InlineData(-1.0039062500000002, 0xBF81)]
    [InlineData(1e-45, 0x0000)]
    [InlineData(1e39, 0x7F80)]
    [InlineData(0.0, 0x0000)]
    public void A_binary64_is_rounded_once(double x, int code) => Assert.Equal(code, BFloat16.FromDouble(x).Bits);
}
