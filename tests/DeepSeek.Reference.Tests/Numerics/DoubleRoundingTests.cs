using System.Globalization;
using System.IO.Compression;
using DeepSeek.Reference.Numerics;
using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

/// <summary>Where a step through another format changes the code: docs/spec/fp8-formats.md 7.</summary>
public class DoubleRoundingTests
{
    [Theory]
    [InlineData(0x3A800001u, 0x01, 0x00)] // just above 2^-10, half the smallest subnormal; bfloat16 makes it the tie
    [InlineData(0x3F880001u, 0x39, 0x38)] // just above 1.0625
    [InlineData(0x3F97FFFFu, 0x39, 0x3A)] // just below 1.1875, and bfloat16 makes it the tie, whose even side is above
    [InlineData(0x43E80001u, 0x7F, 0x7E)] // just above 464: NaN, or 448
    public void Rule_N18_bfloat16_in_between_can_make_a_tie_that_was_none(uint bits, int direct, int throughBFloat16)
    {
        float x = ElementForms.Value(bits);
        Assert.Equal(direct, Float8E4M3.FromSingle(x, Fp8Overflow.NaN).Bits);
        Assert.Equal(throughBFloat16, Float8E4M3.FromBFloat16(BFloat16.Round(x), Fp8Overflow.NaN).Bits);
    }

    [Theory]
    [InlineData("e4m3fn", 2250)]
    [InlineData("e5m2", 2084)]
    public void Rule_N18_the_outside_tables_show_as_many_rows_that_differ(string format, int rows)
    {
        int differ = 0;
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Golden.Path("vectors", "fp8", $"{format}_encode.csv.gz")), CompressionMode.Decompress));
        string[] columns = reader.ReadLine()!.Split(',');
        (int once, int twice) = (Array.IndexOf(columns, "nv_satfinite"), Array.IndexOf(columns, "via_bf16_nv_satfinite"));
        while (reader.ReadLine() is { } line)
        {
            string[] cells = line.Split(',');
            float x = ElementForms.Value(uint.Parse(cells[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            float rounded = BFloat16.RoundToFloat(x);
            (int direct, int through) = format == "e5m2"
                ? (Float8E5M2.FromSingle(x, Fp8Overflow.Saturate).Bits, Float8E5M2.FromSingle(rounded, Fp8Overflow.Saturate).Bits)
                : (Float8E4M3.FromSingle(x, Fp8Overflow.Saturate).Bits, Float8E4M3.FromSingle(rounded, Fp8Overflow.Saturate).Bits);
            Assert.Equal((cells[once], cells[twice]), (direct.ToString("x2", CultureInfo.InvariantCulture), through.ToString("x2", CultureInfo.InvariantCulture)));
            differ += direct == through ? 0 : 1;
        }

        Assert.Equal(rows, differ);
    }

    /// <summary>One binade of a smooth distribution: of 2^23 encodings, those within half a bfloat16 unit of a tie, on the side that the tie leaves.</summary>
    [Theory]
    [InlineData(3, 8 << 15)] // eight ties, 2^15 encodings each
    [InlineData(2, 4 << 15)]
    public void Rule_N18_in_a_binade_one_encoding_in_thirty_two_differs_for_E4M3_and_in_sixty_four_for_E5M2(int fraction, int expected)
    {
        const int Count = 1 << 23;
        float[] x = [.. Enumerable.Range(0, Count).Select(i => ElementForms.Value(0x3F800000u + (uint)i))];
        byte[] direct = new byte[Count], through = new byte[Count];
        Cast(x, direct);
        BFloat16Spans.RoundInPlace(x);
        Cast(x, through);
        Assert.Equal(expected, Enumerable.Range(0, Count).Count(i => direct[i] != through[i]));

        void Cast(float[] from, byte[] to)
        {
            if (fraction == 3)
                Float8Spans.Narrow(from, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, Float8E4M3>(to.AsSpan()), Fp8Overflow.Saturate);
            else
                Float8Spans.Narrow(from, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, Float8E5M2>(to.AsSpan()), Fp8Overflow.Saturate);
        }
    }

    [Fact]
    public void Rule_N18_binary16_cut_in_between_can_make_a_tie_that_was_none()
    {
        // 1.0625 + 2^-20: binary16 towards zero is 1.0625, the tie. The detour of compilers for processors without a direct conversion.
        float x = ElementForms.Value(0x3F880008);
        var cut = BitConverter.UInt16BitsToHalf((ushort)((ElementForms.Bits(x) - (112u << 23)) >> 13));
        Assert.Equal(0x39, Float8E4M3.FromSingle(x, Fp8Overflow.Saturate).Bits);
        Assert.Equal(0x38, Float8E4M3.FromHalf(cut, Fp8Overflow.Saturate).Bits);
    }

    [Fact]
    public void Rule_N18_a_binary64_through_binary32_can_make_a_tie_and_FromDouble_does_not()
    {
        double x = 1.0625 + Math.ScaleB(1, -40);
        Assert.Equal(0x38, Float8E4M3.FromSingle((float)x, Fp8Overflow.Saturate).Bits);
        Assert.Equal(0x39, Float8E4M3.FromDouble(x, Fp8Overflow.Saturate).Bits);
    }
}
