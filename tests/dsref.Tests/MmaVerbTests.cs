using System.Globalization;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary><c>dsref mma</c>: the code of D, and an explanation of the same evaluation.</summary>
public sealed class MmaVerbTests
{
    public static TheoryData<string> Units => [.. TensorCore.All.Select(unit => unit.Name)];

    [Theory]
    [MemberData(nameof(Units))]
    public void The_last_line_of_an_explanation_is_what_the_definition_gives(string name)
    {
        TensorCore unit = TensorCore.Parse(name);
        var random = new Random(name.Length);
        for (int round = 0; round < 6; round++)
        {
            int count = unit.K * (1 + round % 2);
            uint[] a = [.. Enumerable.Range(0, count).Select(_ => Code(random, unit.A, round))];
            uint[] b = [.. Enumerable.Range(0, count).Select(_ => Code(random, unit.B, round))];
            uint c = Code(random, unit.Accumulator, round);
            byte[] sa = [.. Enumerable.Range(0, unit.ScaleBlock == 0 ? 0 : count / unit.ScaleBlock).Select(_ => (byte)random.Next(120, 134))];
            byte[] sb = [.. sa.Reverse()];
            uint d = unit.ScaleBlock == 0 ? unit.Define(a, b, c) : unit.Define(a, b, sa, sb, c);
            string expected = "0x" + Hex(d, unit.Accumulator);
            string[] run = ["mma", "--unit", name, "--a", Hex(a, unit.A), "--b", Hex(b, unit.B), "--c", Hex(c, unit.Accumulator)];
            if (sa.Length > 0)
                run = [.. run, "--scales-a", Convert.ToHexString(sa), "--scales-b", Convert.ToHexString(sb)];

            Assert.Equal(expected + Environment.NewLine, CommandLine.Run(run).Passes().Out);
            string last = CommandLine.Run([.. run, "--explain"]).Passes().Out.TrimEnd().Split('\n')[^1];
            Assert.StartsWith($"D = {expected} (", last, StringComparison.Ordinal);
            Assert.Equal(expected, CommandLine.Run([.. run, "--explain", "--json"]).Passes().Json.GetProperty("d").GetString());
        }
    }

    [Fact]
    public void An_explanation_shows_terms_cuts_sums_and_roundings()
    {
        // 1.875 + 0.9375 · 2^-12 - 2^-14: of the second term five bits are cut, the third is cut whole.
        string zeros = new('0', 58);
        string[] lines = CommandLine.Run("mma", "--unit", "hopper-wgmma-e4m3-f32", "--a", "3f0584" + zeros, "--b", "380c04" + zeros, "--c", "00000000", "--explain").Passes().Out.Split('\n');
        Assert.Equal(["0", "3f", "38", "1.875", "0", "1.111000", "15360", "15360"], Cells(lines, "0 "));
        Assert.Equal(["1", "05", "0c", "0.0002288818359375", "-12", "0.111100", "1", "11100", "15361"], Cells(lines, "1 "));
        Assert.Equal(["2", "84", "04", "-6.103515625E-05", "-12", "0.010000", "0", "all", "15361"], Cells(lines, "2 "));
        Assert.Contains(lines, line => line.Contains("largest exponent E = 0, terms cut to multiples of 2^(E - 13) = 2^-13", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("S = 15361 · 2^-13 = 1.8751220703125", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("rounded to 13 fraction bits toward zero: 0x3ff00400 (1.8751220703125), off by 0", StringComparison.Ordinal));
    }

    [Fact]
    public void Promotion_gives_the_sums_of_a_DeepGEMM_block()
    {
        string a = Series(37, 11, k => k % 2 != 0), b = Series(53, 29, k => k / 3 % 2 != 0);
        string[] run = ["mma", "--unit", "hopper-wgmma-e4m3-f32", "--a", a, "--b", b];
        Assert.Equal(Code(47268f), CommandLine.Run(run).Passes().Out.TrimEnd());
        Assert.Equal(Code(47280f), CommandLine.Run([.. run, "--promotion", "128"]).Passes().Out.TrimEnd());
        string[] scaled = [.. run, "--promotion", "128", "--scales-a", "3c4985f0 3d3ac711", "--scales-b", "0x3C01450F,0x3B525EDD"];
        Assert.Equal("0x40aef456", CommandLine.Run(scaled).Passes().Out.TrimEnd());
        string[] lines = CommandLine.Run([.. scaled, "--explain"]).Passes().Out.TrimEnd().Split('\n');
        Assert.Equal(2, lines.Count(line => line.StartsWith("  promoted: fma(", StringComparison.Ordinal)));
        Assert.Contains("0x46e62c00 (29462)", lines.First(line => line.StartsWith("  promoted", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.StartsWith("D = 0x40aef456 (", lines[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hopper", "00", "00", "hopper-wgmma-e4m3-f32")]
    [InlineData("volta-mma-fp16-f32", "3c003c003c003c0g", "3c003c003c003c00", "--a", "'g'")]
    [InlineData("volta-mma-fp16-f32", "3c003c003c003c0", "3c003c003c003c00", "--a", "15 digits")]
    [InlineData("volta-mma-fp16-f32", "3c00", "3c003c003c003c00", "--a has 1 elements and --b has 4")]
    [InlineData("volta-mma-fp16-f32", "3c00", "3c00", "takes 4")]
    [InlineData("volta-mma-fp16-f32", "", "", "takes 4")]
    [InlineData("volta-mma-fp16-f32", "3c003c003c003c00", "3c003c003c003c00 --c 00", "--c")]
    [InlineData("volta-mma-fp16-f32", "3c003c003c003c00", "3c003c003c003c00 --c 0000000000000000", "--c", "another number")]
    [InlineData("volta-mma-fp16-f32", "3c003c003c003c00", "3c003c003c003c00 --scales-a 7f", "takes no scales")]
    [InlineData("volta-mma-fp16-f32", "3c003c003c003c00", "3c003c003c003c00 --promotion 3", "multiple")]
    [InlineData("volta-mma-fp16-f16", "3c003c003c003c00", "3c003c003c003c00 --promotion 4", "binary32")]
    [InlineData("volta-mma-fp16-f32", "3c003c003c003c00", "3c003c003c003c00 --promotion 4 --scales-b 3f80", "--scales-b")]
    [InlineData("volta-mma-fp16-f32", "3c003c003c003c00", "3c003c003c003c00 --promotion -4", "multiple")]
    public void Bad_operands_are_refused(string unit, string a, string b, params string[] says)
    {
        string[] rest = b.Split(' ');
        CommandLine.Run(["mma", "--unit", unit, "--a", a, "--b", rest[0], .. rest[1..]]).RefusesWith(2, says);
    }

    [Fact]
    public void A_code_of_six_bits_has_no_more()
    {
        string good = new('0', 64);
        CommandLine.Run("mma", "--unit", "blackwell-mx-e3m2-f32", "--a", "40" + good[2..], "--b", good).RefusesWith(2, "--a: 0x40 has more than the 6 bits of e3m2");
        CommandLine.Run("mma", "--unit", "blackwell-mx-e3m2-f32", "--a", good, "--b", good, "--scales-a", "7f7f").RefusesWith(2, "--scales-a has 2 scales");
    }

    private static string[] Cells(string[] lines, string start) => lines.Single(line => line.StartsWith(start, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static string Code(float x) => "0x" + BitConverter.SingleToUInt32Bits(x).ToString("x8", CultureInfo.InvariantCulture);

    /// <summary>Any code in even rounds; near 1 in odd ones.</summary>
    private static uint Code(Random random, ElementFormat format, int round)
    {
        uint all = (uint)random.NextInt64(1L << format.StorageBits);
        if (round % 3 == 0)
            return all;
        int shift = format.FractionBits + format.IgnoredBits;
        uint field = ((1u << format.ExponentBits) - 1) << shift;
        return (all & ~field) | (uint)Math.Min((1 << format.ExponentBits) - 2, Math.Max(1, format.Bias - 2 + random.Next(4))) << shift;
    }

    private static string Hex(uint code, ElementFormat format) => code.ToString($"x{format.Digits}", CultureInfo.InvariantCulture);

    private static string Hex(uint[] codes, ElementFormat format) => string.Concat(codes.Select(code => Hex(code, format)));

    private static string Series(int step, int start, Func<int, bool> negative) =>
        string.Concat(Enumerable.Range(0, 256).Select(k => ((step * k + start) % 120 | (negative(k) ? 0x80 : 0)).ToString("x2", CultureInfo.InvariantCulture)));
}
