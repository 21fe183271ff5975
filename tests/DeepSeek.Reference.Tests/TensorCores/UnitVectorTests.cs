using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.TensorCores;

/// <summary>Rule N20 against results that other implementations computed (golden/vectors/dev) and, where they lie beside the repository, that hardware gave.</summary>
public sealed class UnitVectorTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("hopper_wgmma_e4m3_f32", 3300)]
    [InlineData("hopper_wgmma_e5m2_f32", 3300)]
    [InlineData("hopper_wgmma_bf16_f32", 3420)]
    [InlineData("hopper_wgmma_fp16_f32", 3300)]
    [InlineData("hopper_wgmma_tf32_f32", 3420)]
    [InlineData("hopper_wgmma_e4m3_f16", 1650)]
    [InlineData("hopper_wgmma_e5m2_f16", 1650)]
    [InlineData("hopper_wgmma_fp16_f16", 1650)]
    [InlineData("hopper_mmasync_e4m3_emulated", 600)]
    [InlineData("hopper_mmasync_e5m2_emulated", 600)]
    [InlineData("fp8_gemm_e4m3_block128", 1734)]
    [InlineData("bf16_gemm_wgmma", 1410)]
    public void Rule_N20_every_line_that_another_implementation_computed(string name, int lines)
    {
        VectorReport report = VectorFile.Evaluate(Golden.Path("vectors", "dev", name + ".jsonl.gz"));
        Assert.Null(report.FirstDifference);
        Assert.Equal((lines, lines), (report.Equal, report.Total));
        Assert.Empty(report.NotRead);
    }

    [Fact]
    public void Rule_N20_every_result_recorded_on_an_H100()
    {
        string folder = Golden.Path("..", "..", "shared", "data", "vectors", "silicon");
        if (!Directory.Exists(folder))
        {
            output.WriteLine($"not there, so nothing was compared: {folder}");
            return;
        }

        long total = 0;
        foreach (string path in Directory.EnumerateFiles(folder, "*.jsonl").Order(StringComparer.Ordinal))
        {
            VectorReport report = VectorFile.Evaluate(path);
            output.WriteLine($"{Path.GetFileName(path)} {report.Kind} {report.Equal}/{report.Total}");
            Assert.Null(report.FirstDifference);
            total += report.Total;
        }

        Assert.Equal(40_000, total);
    }
}
