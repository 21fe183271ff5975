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
            Assert.Equal((report.Total, []), (report.Equal, report.First));
        }
        else
        {
            ScalarReport report = CapturedScalars.Of(capture).Judge();
            Assert.True(report.Total >= 1 << 18);
            Assert.Equal((report.Total, []), (report.Equal, report.First));
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
    [InlineData("wgmma.k32.f32.e4m3.e4m3.s1", "")]
    [InlineData("wgmma.k16.f32.bf16.bf16.s1", "")]
    [InlineData("wgmma.k16.f16.f16.f16.s1", "")]
    [InlineData("mma.k32.f32.e4m3.e4m3.s1", "")]
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
        Assert.Equal(expected, string.Join(", ", names.Select(name => $"{name} {Missed(dots, WrongModelTests.Wrong(unit, name))}")));
    }

    private static long Missed(CapturedDots dots, TensorCore unit)
    {
        CaptureReport report = dots.Judge(unit, threads: 2, keep: 0);
        return report.Total - report.Equal;
    }
}
