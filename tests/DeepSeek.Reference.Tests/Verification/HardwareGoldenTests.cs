using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Tests.House;
using DeepSeek.Reference.Tests.TensorCores;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification;

/// <summary>golden/hardware/h100/captures: what an H100's matrix units and conversions gave, against the models (rules N12, N18, N20), in every bit.</summary>
public sealed class HardwareGoldenTests
{
    private static readonly string Folder = Golden.Path("hardware", "h100", "captures");

    public static TheoryData<string> Files => [.. Directory.GetFiles(Folder, "*.capture.gz").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Rule_N20_the_model_has_every_bit_of_the_hardware(string file)
    {
        HardwareCapture capture = HardwareCapture.Read(Path.Combine(Folder, file));
        Assert.False(capture.IsSynthetic);
        if (capture.Kind == "dot")
        {
            CaptureReport report = CapturedDots.Of(capture).Judge(threads: 2);
            Assert.Equal(126 * CapturedDots.Dots, report.Total);
            Assert.Empty(report.First);
            Assert.Equal(report.Total, report.Equal);
        }
        else
        {
            ScalarReport report = CapturedScalars.Of(capture).Judge();
            Assert.True(report.Total >= 1 << 18);
            Assert.Empty(report.First);
            Assert.Equal(report.Total, report.Equal);
        }
    }

    /// <summary>Each instruction of the capture program, by one step at least, and with every pair of maps.</summary>
    [Fact]
    public void Rule_N20_no_unit_of_Hopper_is_without_its_capture()
    {
        string[] names = [.. Directory.GetFiles(Folder, "*.s1.capture.gz").Select(path => CapturedDots.Of(HardwareCapture.Read(path)).Instruction.Unit.Name).Order(StringComparer.Ordinal)];
        string[] known = [.. TensorCore.All.Select(unit => unit.Name).Where(name => name.StartsWith("hopper-", StringComparison.Ordinal) && name != TensorCore.HopperMmaWidenedE4M3F32.Name).Order(StringComparer.Ordinal)];
        Assert.Equal(known, names);
    }

    /// <summary>How many of the 64,512 dot products a model with one wrong constant misses: what decides that constant. 0: nothing here tells.</summary>
    [Theory]
    [InlineData("wgmma.k32.f32.e4m3.e4m3.s1", "one-bit-more 13776, one-bit-less 23297, aligned-to-nearest 22497, aligned-downward 36740, products-normalised 6293, subnormals-flushed 7658, output-rounded-other 3853, zero-exponent-higher 0, zero-exponent-lower 0, zero-exponent-of-f16 1228, accumulator-after 27822, block-split 9482")]
    [InlineData("wgmma.k16.f32.bf16.bf16.s1", "one-bit-more 2715, one-bit-less 4859, aligned-to-nearest 4166, aligned-downward 20465, products-normalised 1593, subnormals-flushed 0, output-rounded-other 7563, zero-exponent-higher 0, zero-exponent-lower 0, zero-exponent-of-f16 2280, accumulator-after 5068, block-split 8035")]
    [InlineData("wgmma.k16.f16.f16.f16.s1", "one-bit-more 18, one-bit-less 29, aligned-to-nearest 17, aligned-downward 85, products-normalised 16, subnormals-flushed 588, output-rounded-other 14824, zero-exponent-higher 0, zero-exponent-lower 0, zero-exponent-of-f16 0, accumulator-after 2284, block-split 10804")]
    [InlineData("mma.k32.f32.e4m3.e4m3.s1", "one-bit-more 2268, one-bit-less 3757, aligned-to-nearest 3040, aligned-downward 6111, products-normalised 878, subnormals-flushed 17630, output-rounded-other 6322, zero-exponent-higher 0, zero-exponent-lower 0, zero-exponent-of-f16 0, accumulator-in-the-sum 7426, consecutive-halves 4638, one-sum-of-32 3590, not-widened 0")]
    [InlineData("wgmma.k32.f16.e4m3.e4m3.s1", "one-bit-more 3429, one-bit-less 5951, aligned-to-nearest 5165, aligned-downward 21918, products-normalised 1760, subnormals-flushed 5936, output-rounded-other 14350, zero-exponent-higher 0, zero-exponent-lower 0, zero-exponent-of-f16 0, accumulator-after 4808, block-split 11015")]
    [InlineData("wgmma.k32.f16.e5m2.e5m2.s1", "one-bit-more 1285, one-bit-less 2403, aligned-to-nearest 2028, aligned-downward 10961, products-normalised 496, subnormals-flushed 503, output-rounded-other 7750, zero-exponent-higher 0, zero-exponent-lower 0, zero-exponent-of-f16 0, accumulator-after 2409, block-split 9239")]
    public void Rule_N20_a_wrong_constant_is_told_by_the_hardware(string file, string expected)
    {
        CapturedDots dots = CapturedDots.Of(HardwareCapture.Read(Path.Combine(Folder, file + ".capture.gz")));
        TensorCore unit = dots.Instruction.Unit;
        string[] names =
        [
            "one-bit-more", "one-bit-less", "aligned-to-nearest", "aligned-downward", "products-normalised", "subnormals-flushed", "output-rounded-other",
            "zero-exponent-higher", "zero-exponent-lower", "zero-exponent-of-f16",
            .. unit.Entry == AccumulatorEntry.InTheSum ? ["accumulator-after", "block-split"] : (string[])["accumulator-in-the-sum", "consecutive-halves", "one-sum-of-32", "not-widened"],
        ];
        string missed = string.Join(", ", names.Select(name => $"{name} {Missed(dots, WrongModelTests.Wrong(unit, name))}"));
        Assert.True(expected == missed, missed);
    }

    /// <summary>The one dot product of 22 million that tells whether mma.sync on FP8 takes exponents before or after it widens: element 12 of a is subnormal in E4M3, and its product the largest.</summary>
    [Fact]
    public void Rule_N20_operands_are_widened_before_exponents_are_taken()
    {
        TensorCore unit = TensorCore.Parse("hopper-mma-e4m3-e5m2-f32");
        uint[] a = Codes("1e29c6738106421fa09e958a05bbb32adc88e5e0a84604e44391c766ac7ec28d");
        uint[] b = Codes("2280868943018a31c10326d07597981ebe44373e3052e896965b51bc06b7d89f");
        Assert.Equal(0x43684677u, unit.Define(a, b, 0x40800000));
        Assert.Equal(0x43684678u, (unit with { WidensTo = null }).Define(a, b, 0x40800000));
    }

    private static uint[] Codes(string digits) => [.. Convert.FromHexString(digits).Select(code => (uint)code)];

    private static long Missed(CapturedDots dots, TensorCore unit)
    {
        CaptureReport report = dots.Judge(unit, threads: 2, keep: 0);
        return report.Total - report.Equal;
    }
}
