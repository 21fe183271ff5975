using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification;

/// <summary>docs/spec/capture.md 4: conversions and functions with a model must agree, others are measured.</summary>
public sealed class CapturedScalarsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("capture-tests-").FullName;

    private string NewPath => Path.Combine(folder, Path.GetRandomFileName() + ".capture");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("cvt.rn.satfinite.e4m3x2.f32", 1)]
    [InlineData("cvt.rn.satfinite.e5m2x2.f32", 1)]
    [InlineData("cvt.rn.bf16.f32", 2)]
    [InlineData("cvt.rn.f16.f32", 2)]
    [InlineData("cvt.rna.tf32.f32", 4)]
    public void A_conversion_is_judged_bit_by_bit(string instruction, int size)
    {
        string path = SyntheticCapture.Scalars(NewPath, "convert", instruction, edges: true, 1 << 16, size, 0, 0, (i, y) => i == 4711 ? y ^ 1 : y);
        ScalarReport report = CapturedScalars.Of(HardwareCapture.Read(path)).Judge();
        Assert.Equal((true, 65536L, 65535L), (report.Judged, report.Total, report.Equal));
        ScalarDifference difference = Assert.Single(report.First);
        Assert.Equal((0x01268001u, difference.Expected ^ 1), (difference.Argument, difference.Captured));
    }

    [Theory]
    [InlineData("cvt.rn.satfinite.e4m3x2.f32", 0x43E80000u, 0x7Eu)]
    [InlineData("cvt.rn.satfinite.e4m3x2.f32", 0x7F800000u, 0x7Eu)]
    [InlineData("cvt.rn.satfinite.e4m3x2.f32", 0xFF800000u, 0xFEu)]
    [InlineData("cvt.rn.satfinite.e4m3x2.f32", 0xFFC00000u, 0x7Fu)]
    [InlineData("cvt.rn.satfinite.e5m2x2.f32", 0x47700000u, 0x7Bu)]
    [InlineData("cvt.rn.satfinite.e5m2x2.f32", 0x7FC00000u, 0x7Fu)]
    [InlineData("cvt.rn.bf16.f32", 0x7F800001u, 0x7FFFu)]
    [InlineData("cvt.rn.bf16.f32", 0x3F808000u, 0x3F80u)]
    [InlineData("cvt.rn.f16.f32", 0x477FF000u, 0x7C00u)]
    [InlineData("cvt.rna.tf32.f32", 0x3F801000u, 0x3F802000u)]
    [InlineData("cvt.rna.tf32.f32", 0x7F7FFFFFu, 0x7F800000u)]
    [InlineData("rcp.approx.f32", 0x40400000u, 0x3EAAAAABu)]
    [InlineData("rcp.approx.ftz.f32", 0x00000001u, 0x7F800000u)]
    [InlineData("rcp.approx.ftz.f32", 0x7F000000u, 0x00000000u)]
    [InlineData("rsqrt.approx.f32", 0x40800000u, 0x3F000000u)]
    [InlineData("ex2.approx.f32", 0x40000000u, 0x40800000u)]
    [InlineData("lg2.approx.f32", 0x41000000u, 0x40400000u)]
    [InlineData("lg2.approx.f32", 0xBF800000u, 0x7FFFFFFFu)]
    [InlineData("tanh.approx.f32", 0x7F800000u, 0x3F800000u)]
    [InlineData("tanh.approx.f32", 0xFFC00000u, 0x7FFFFFFFu)]
    public void What_is_expected_of_an_argument(string instruction, uint argument, uint expected)
    {
        int size = instruction.Contains("x2.f32", StringComparison.Ordinal) ? 1 : instruction.Contains("16", StringComparison.Ordinal) ? 2 : 4;
        string path = SyntheticCapture.Scalars(NewPath, "convert", instruction, edges: false, 1, size, argument, 1);
        CapturedScalars scalars = CapturedScalars.Of(HardwareCapture.Read(path));
        Assert.Equal((argument, expected), (scalars.Argument(0), scalars.Expect(argument)));
    }

    [Theory]
    [InlineData("rcp.approx.f32")]
    [InlineData("rcp.approx.ftz.f32")]
    [InlineData("rsqrt.approx.f32")]
    [InlineData("rsqrt.approx.ftz.f32")]
    [InlineData("ex2.approx.f32")]
    [InlineData("ex2.approx.ftz.f32")]
    [InlineData("lg2.approx.f32")]
    [InlineData("lg2.approx.ftz.f32")]
    public void A_function_with_a_model_is_judged_bit_by_bit(string instruction)
    {
        string path = SyntheticCapture.Scalars(NewPath, "function", instruction, edges: false, 4096, 4, 0x3F800000, 0x800, (i, y) => i == 4001 ? y ^ 1 : y);
        ScalarReport report = CapturedScalars.Of(HardwareCapture.Read(path)).Judge();
        Assert.Equal((true, 4096L, 4095L, 1L), (report.Judged, report.Total, report.Equal, report.LargestDistance));
        Assert.Equal(0x3F800000u + 4001 * 0x800, Assert.Single(report.First).Argument);
    }

    [Fact]
    public void A_function_without_one_is_measured()
    {
        string path = SyntheticCapture.Scalars(NewPath, "function", "tanh.approx.f32", edges: false, 4096, 4, 0x3F000000, 0x800, (i, y) => i % 8 == 3 ? y + 2 : y);
        ScalarReport report = CapturedScalars.Of(HardwareCapture.Read(path)).Judge(keep: 2);
        Assert.Equal((false, 4096L, 3584L, 2L, 2), (report.Judged, report.Total, report.Equal, report.LargestDistance, report.First.Count));
    }

    [Fact]
    public void A_sequence_wraps_around()
    {
        string path = SyntheticCapture.Scalars(NewPath, "function", "rcp.approx.f32", edges: false, 4, 4, 0xFFFFFFFE, 3);
        CapturedScalars scalars = CapturedScalars.Of(HardwareCapture.Read(path));
        Assert.Equal([0xFFFFFFFEu, 1u, 4u, 7u], Enumerable.Range(0, 4).Select(scalars.Argument));
    }

    [Theory]
    [InlineData("sin.approx.f32", "sequence", 4L, "nothing is expected")]
    [InlineData("rcp.approx.f32", "random", 4L, "neither edges nor sequence")]
    [InlineData("rcp.approx.f32", "sequence", 2L, "result_bytes is 2")]
    public void A_header_that_does_not_fit_is_named(string instruction, string map, long size, string says)
    {
        string path = NewPath;
        CaptureHeader header = new CaptureHeader().Add("kind", "function").Add("origin", "synthetic").Add("instruction", instruction)
            .Add("map", map).Add("count", 1L).Add("result_bytes", size).Add("first", "0x0").Add("step", "0x1");
        HardwareCapture.Write(path, header, new byte[size]);
        Assert.Contains(says, Assert.Throws<DataException>(() => CapturedScalars.Of(HardwareCapture.Read(path))).Message, StringComparison.Ordinal);
    }
}
