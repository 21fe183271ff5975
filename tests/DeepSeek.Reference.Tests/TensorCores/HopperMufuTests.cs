using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace DeepSeek.Reference.Tests.TensorCores;

/// <summary>docs/spec/approximate-functions.md: Hopper's approximate functions, against what an H100 gave (golden/hardware/h100/functions).</summary>
public sealed class HopperMufuTests
{
    private static readonly string Folder = Golden.Path("hardware", "h100", "functions");

    public static TheoryData<string> Captures => [.. Directory.GetFiles(Folder, "*.capture.gz").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    public static TheoryData<string> Sweeps => [.. File.ReadLines(Path.Combine(Folder, "fractions.sweep")).Where(line => !line.StartsWith('#'))];

    [Theory]
    [MemberData(nameof(Captures))]
    public void The_model_has_every_bit_of_the_hardware(string file)
    {
        HardwareCapture capture = HardwareCapture.Read(Path.Combine(Folder, file));
        Assert.False(capture.IsSynthetic);
        ScalarReport report = CapturedScalars.Of(capture).Judge();
        Assert.Equal((true, 1L << 18, 1L << 18), (report.Judged, report.Total, report.Equal));
    }

    /// <summary>Every fraction, as the hardware gave them; and no function turns back anywhere in them.</summary>
    [Theory]
    [MemberData(nameof(Sweeps))]
    public void The_model_has_the_digest_of_all_fractions(string line)
    {
        string[] parts = line.Split(' ');
        Func<float, float> function = Function(parts[0]);
        uint first = Convert.ToUInt32(parts[1], 16);
        float[] results = new float[int.Parse(parts[2], CultureInfo.InvariantCulture)];
        Assert.Equal(1 << 24, results.Length);
        Parallel.For(0, 256, block =>
        {
            for (int i = block << 16; i < block + 1 << 16; i++)
                results[i] = function(BitConverter.UInt32BitsToSingle(first + (uint)i));
        });
        Assert.True(BitConverter.IsLittleEndian);
        Assert.Equal(parts[3], Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(results.AsSpan()))));

        bool rises = parts[0].StartsWith("ex2", StringComparison.Ordinal) || parts[0].StartsWith("lg2", StringComparison.Ordinal);
        int turns = 0;
        for (int i = 1; i < results.Length; i++)
            turns += rises ? (results[i] < results[i - 1] ? 1 : 0) : results[i] > results[i - 1] ? 1 : 0;
        Assert.Equal(0, turns);
    }

    [Fact]
    public void Each_function_has_its_capture_and_its_sweep()
    {
        string[] all = ["ex2", "lg2", "rcp", "rsqrt"];
        Assert.Equal(all, Captures.Select(row => row.Data.Split('.')[0]));
        Assert.Equal(all, Sweeps.Select(row => row.Data.Split('.')[0]));
    }

    /// <summary>Arguments at which a rule changes; results by PTX's tables of special values, and exact powers of two.</summary>
    [Theory]
    [InlineData("ex2", 0x00000000u, 0x3F800000u)]
    [InlineData("ex2", 0x80000000u, 0x3F800000u)]
    [InlineData("ex2", 0x00000001u, 0x3F800000u)]
    [InlineData("ex2", 0x807FFFFFu, 0x3F800000u)]
    [InlineData("ex2", 0x3F800000u, 0x40000000u)] // 1
    [InlineData("ex2", 0xBF800000u, 0x3F000000u)] // -1
    [InlineData("ex2", 0x42FC0000u, 0x7E800000u)] // 126
    [InlineData("ex2", 0x42FE0000u, 0x7F000000u)] // 127
    [InlineData("ex2", 0x43000000u, 0x7F800000u)] // 128
    [InlineData("ex2", 0x43160000u, 0x7F800000u)] // 150
    [InlineData("ex2", 0xC2FC0000u, 0x00800000u)] // -126
    [InlineData("ex2", 0xC3000000u, 0x00200000u)] // -128
    [InlineData("ex2", 0xC3140000u, 0x00000002u)] // -148
    [InlineData("ex2", 0xC3160000u, 0x00000000u)] // -150
    [InlineData("ex2", 0x7F800000u, 0x7F800000u)]
    [InlineData("ex2", 0xFF800000u, 0x00000000u)]
    [InlineData("ex2", 0x7FC00001u, 0x7FFFFFFFu)]
    [InlineData("ex2", 0xFF800001u, 0x7FFFFFFFu)]
    [InlineData("ex2.ftz", 0xC2FC0000u, 0x00800000u)] // -126
    [InlineData("ex2.ftz", 0xC2FC0001u, 0x00000000u)]
    [InlineData("ex2.ftz", 0xC2FE0000u, 0x00000000u)]
    [InlineData("ex2.ftz", 0xC3160000u, 0x00000000u)]
    [InlineData("lg2", 0x00000000u, 0xFF800000u)]
    [InlineData("lg2", 0x80000000u, 0xFF800000u)]
    [InlineData("lg2", 0x80000001u, 0x7FFFFFFFu)]
    [InlineData("lg2", 0x3F000000u, 0xBF7FFFFEu)] // 0.5: as the sweep has it; the one's complement keeps it from -1
    [InlineData("lg2", 0x3F800000u, 0x00000000u)]
    [InlineData("lg2", 0x40000000u, 0x3F800000u)]
    [InlineData("lg2", 0x7F800000u, 0x7F800000u)]
    [InlineData("lg2", 0xFF800000u, 0x7FFFFFFFu)]
    [InlineData("lg2", 0xFFC00000u, 0x7FFFFFFFu)]
    [InlineData("lg2.ftz", 0x00000001u, 0xFF800000u)]
    [InlineData("lg2.ftz", 0x807FFFFFu, 0xFF800000u)]
    [InlineData("rcp", 0x00000000u, 0x7F800000u)]
    [InlineData("rcp", 0x80000000u, 0xFF800000u)]
    [InlineData("rcp", 0x00000001u, 0x7F800000u)]
    [InlineData("rcp", 0x00400000u, 0x7F000000u)] // 2^-127
    [InlineData("rcp", 0x3F800000u, 0x3F800000u)]
    [InlineData("rcp", 0xC0000000u, 0xBF000000u)]
    [InlineData("rcp", 0x7F000000u, 0x00400000u)] // 2^127
    [InlineData("rcp", 0x7F800000u, 0x00000000u)]
    [InlineData("rcp", 0xFF800000u, 0x80000000u)]
    [InlineData("rcp", 0xFFC00000u, 0x7FFFFFFFu)]
    [InlineData("rcp.ftz", 0x80400000u, 0xFF800000u)]
    [InlineData("rcp.ftz", 0x7E800000u, 0x00800000u)] // 2^126
    [InlineData("rcp.ftz", 0xFE800001u, 0x80000000u)]
    [InlineData("rsqrt", 0x00000000u, 0x7F800000u)]
    [InlineData("rsqrt", 0x80000000u, 0xFF800000u)]
    [InlineData("rsqrt", 0x00000002u, 0x64800000u)] // 2^-148
    [InlineData("rsqrt", 0x80000001u, 0x7FFFFFFFu)]
    [InlineData("rsqrt", 0x3F800000u, 0x3F800000u)]
    [InlineData("rsqrt", 0x40800000u, 0x3F000000u)]
    [InlineData("rsqrt", 0xBF800000u, 0x7FFFFFFFu)]
    [InlineData("rsqrt", 0x7F800000u, 0x00000000u)]
    [InlineData("rsqrt", 0xFF800000u, 0x7FFFFFFFu)]
    [InlineData("rsqrt", 0x7F800001u, 0x7FFFFFFFu)]
    [InlineData("rsqrt.ftz", 0x00000001u, 0x7F800000u)]
    [InlineData("rsqrt.ftz", 0x80000001u, 0xFF800000u)]
    public void Boundaries(string name, uint argument, uint expected) =>
        Assert.Equal($"{expected:X8}", $"{BitConverter.SingleToUInt32Bits(Function(name)(BitConverter.UInt32BitsToSingle(argument))):X8}");

    /// <summary>Powers of two are exact but where a one's complement or a square below 2^-126 comes between.</summary>
    [Fact]
    public void Powers_of_two()
    {
        for (int e = -149; e < 128; e++)
        {
            float power = MathF.ScaleB(1, e);
            Assert.InRange(HopperMufu.Exp2(e) - power, e >= -126 || e % 2 == 0 ? 0 : -float.Epsilon, 0);
            Assert.InRange(HopperMufu.Log2(power) - e, 0, e >= 0 ? 0 : MathF.ScaleB(1, -16));
            Assert.Equal(e < -127 ? float.PositiveInfinity : MathF.ScaleB(1, -e), HopperMufu.Reciprocal(power));
            if (e % 2 == 0)
                Assert.Equal(MathF.ScaleB(1, -e / 2), HopperMufu.ReciprocalSqrt(power));
        }
    }

    /// <summary>Where x + n is exact and both lie on one side of 0 (below, the unit takes the one's complement of the fraction).</summary>
    [Fact]
    public void A_whole_step_of_the_exponent_is_a_power_of_two() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(5000), Prop.ForAll(
        Gen.Choose(0, (1 << 17) - 1).Zip(Gen.Choose(-120, 120)).ToArbitrary(), drawn =>
        {
            (int fraction, int n) = drawn;
            float f = fraction / 131072f, x = n >= 0 ? f : -f, step = n;
            return HopperMufu.Exp2(x + step) == MathF.ScaleB(HopperMufu.Exp2(x), n) && HopperMufu.Exp2Ftz(x + step) == HopperMufu.Exp2(x + step);
        }));

    /// <summary>The exponent enters rcp, rsqrt and lg2's whole part alone.</summary>
    [Fact]
    public void A_binade_is_every_binade() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(5000), Prop.ForAll(
        Gen.Choose(0, (1 << 23) - 1).Zip(Gen.Choose(-60, 60)).ToArbitrary(), drawn =>
        {
            (int fraction, int n) = drawn;
            float x = BitConverter.UInt32BitsToSingle(0x3F800000u + (uint)fraction);
            return HopperMufu.ReciprocalFtz(MathF.ScaleB(x, n)) == MathF.ScaleB(HopperMufu.ReciprocalFtz(x), -n)
                && HopperMufu.ReciprocalSqrtFtz(MathF.ScaleB(x, 2 * n)) == MathF.ScaleB(HopperMufu.ReciprocalSqrtFtz(x), -n)
                && HopperMufu.ReciprocalFtz(-x) == -HopperMufu.ReciprocalFtz(x);
        }));

    [Fact]
    public void The_square_is_cut_bit_by_bit()
    {
        Assert.Equal([0, 0, 0, 1 << 13, (0xFFFF - 16) >> 1], new[] { 0, 1, 511, 1 << 16, (1 << 17) - 1 }.Select(HopperMufu.Square));
        for (int d = 0; d < 1 << 17; d++)
        {
            long exact = (long)d * d >> 19;
            Assert.InRange(HopperMufu.Square(d), exact - 9, exact);
        }
    }

    private static Func<float, float> Function(string name) => name.Replace(".approx", "", StringComparison.Ordinal).Replace(".f32", "", StringComparison.Ordinal) switch
    {
        "ex2" => HopperMufu.Exp2,
        "ex2.ftz" => HopperMufu.Exp2Ftz,
        "lg2" => HopperMufu.Log2,
        "lg2.ftz" => HopperMufu.Log2Ftz,
        "rcp" => HopperMufu.Reciprocal,
        "rcp.ftz" => HopperMufu.ReciprocalFtz,
        "rsqrt" => HopperMufu.ReciprocalSqrt,
        "rsqrt.ftz" => HopperMufu.ReciprocalSqrtFtz,
        _ => throw new ArgumentException(name, nameof(name)),
    };
}
