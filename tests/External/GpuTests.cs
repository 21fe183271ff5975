using System.Text.Json;
using DeepSeek.Reference.Tests.House;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>What cuda.sh, plugin.sh and the capture program's host build compile, once for all tests of the class.</summary>
public sealed class CompiledForGpu
{
    public CompiledForGpu()
    {
        ForeignTool.Pass(ForeignTool.Run(ForeignTool.Script("plugin.sh")));
        ForeignTool.Pass(ForeignTool.Run(ForeignTool.Script("cuda.sh")));
        string folder = Directory.CreateDirectory(Repository.Path("artifacts", "capture")).FullName;
        ForeignTool.Pass(ForeignTool.Run("g++", "-std=c++17", "-O2", "-pthread", Repository.Path("tools", "backends", "cuda", "capture", "host.cpp"), "-o", Path.Combine(folder, "capture-host")));
    }
}

/// <summary>
/// tools/backends/gpu without a GPU: workers that call DeepGEMM, FlashMLA, PyTorch and kernel.py by the signatures and checks that were read at the commits they name, with numpy behind;
/// the script for a machine with a GPU, whole, with nvcc and nvidia-smi stood in for.
/// </summary>
public sealed class GpuTests : IClassFixture<CompiledForGpu>
{
    private const string Python = "/usr/bin/python3";
    private static readonly string Fake = Repository.Path("tests", "External", "gpu", "fake");

    [Theory]
    [InlineData("deep_gemm_worker.py", "gemm_fp8[m=5,n=136,k=272,contract=hopperfp8]")]
    [InlineData("deep_gemm_worker.py", "scaled_linear[t=5,n=24,k=256,product=deepgemm-sm90-wgrad,rows=yes,add=yes]")]
    [InlineData("deep_gemm_worker.py --k-grouped", "scaled_linear[t=5,n=24,k=256,product=deepgemm-sm90-wgrad,rows=yes,add=yes]")]
    [InlineData("deep_gemm_worker.py", "m_grouped_gemm_fp8_contiguous[r=256,g=2,n=16,k=160,align=128,contract=hopperfp8]")]
    [InlineData("deep_gemm_worker.py", "m_grouped_gemm_fp8_masked[m=6,g=2,n=16,k=160,contract=hopperfp8]")]
    [InlineData("deep_gemm_worker.py", "linear[t=3,n=16,k=72,x=bf16,weight=bf16,y=bf16,sum=hopper-wgmma-bf16-f32]")]
    [InlineData("torch_worker.py kernel.py", "quantize[t=3,k=256,arithmetic=tritonactquanthopper,x=bf16]")]
    [InlineData("torch_worker.py kernel.py", "quantize[t=3,k=256,arithmetic=tritonactquanthopper,map=special]")]
    [InlineData("torch_worker.py kernel.py", "quantize[t=3,k=256,arithmetic=tritonactquanthopper,scales=ue8m0]")]
    [InlineData("torch_worker.py kernel.py", "scaled_linear[t=5,n=130,k=272,product=triton-fp8-gemm,y=bf16]")]
    [InlineData("torch_worker.py kernel.py", "dequantize[t=130,k=200,tile=block128x128]")]
    public void A_worker_hands_operands_to_the_kernel_as_its_library_takes_them(string worker, string one)
    {
        string text = Verify(worker, one, "--accept", "bits").ToString();
        Assert.Contains("OK: 1 cases (1 BITS)", text, StringComparison.Ordinal);
    }

    /// <summary>Sums of another order than the contract's: numpy's are not FlashMLA's, and a row's mean is not in lanes.</summary>
    [Theory]
    [InlineData("flash_mla_worker.py", "attention[s=1,t=100,h=4,hk=1,d=576,dv=512,latent=yes,q=bf16,keys=bf16,y=bf16,lse=yes,scale=0.1352337,schedule=flashmlahopper,parts=132]", "NOISE")]
    [InlineData("flash_mla_worker.py", "attention[s=2,t=65,h=4,hk=1,d=576,dv=512,latent=yes,q=bf16,keys=bf16,y=bf16,lse=yes,scale=0.1352337,schedule=flashmladense,parts=132]", "NOISE")]
    [InlineData("torch_worker.py kernel.py", "rms_norm[t=3,n=67]", "NOISE")]
    public void A_worker_whose_sums_have_another_order_stays_within_bounds(string worker, string one, string verdict)
    {
        string text = Verify(worker, one, "--accept", "bound").ToString();
        Assert.Contains($"OK: 1 cases (1 {verdict})", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("deep_gemm_worker.py", "scaled_linear[t=5,n=7,k=128,contract=hopperfp8]", "rows of 16 bytes: N a multiple of 8 and K of 16, not 7 and 128")]
    [InlineData("deep_gemm_worker.py", "scaled_linear[t=5,n=8,k=128,product=triton-fp8-gemm]", "this kernel is deepgemm-sm90 or deepgemm-sm90-wgrad, not triton-fp8-gemm")]
    [InlineData("deep_gemm_worker.py", "scaled_linear[t=5,n=8,k=128]", "without C, SM90's kernel writes BF16")]
    [InlineData("flash_mla_worker.py", "attention[s=1,t=9,h=2,hk=1,d=20,dv=13,latent=yes]", "this kernel is the contract FlashMlaDense or FlashMlaSm90 or FlashMlaHopper")]
    [InlineData("flash_mla_worker.py", "attention[s=1,t=100,h=4,hk=1,d=576,dv=512,latent=yes,q=bf16,keys=bf16,y=bf16,scale=0.1352337,schedule=flashmlahopper]", "this GPU cuts the keys into 132 parts at most: take parts=132")]
    [InlineData("torch_worker.py kernel.py", "quantize[t=3,k=131,arithmetic=tritonactquanthopper]", "act_quant takes whole tiles of 128")]
    [InlineData("torch_worker.py kernel.py", "quantize[t=0,k=0,arithmetic=tritonactquanthopper]", "act_quant takes whole tiles of 128")]
    [InlineData("torch_worker.py kernel.py", "quantize[t=3,k=256]", "act_quant is row1x128, TritonActQuantHopper on this GPU, amax clamped")]
    [InlineData("torch_worker.py kernel.py", "scaled_linear[t=5,n=130,k=272,product=triton-fp8-gemm-mma,y=bf16]", "tuned to 64 rows a tile, which is triton-fp8-gemm")]
    public void What_a_kernel_does_not_take_is_skipped_with_its_reason(string worker, string one, string says)
    {
        string text = Verify(worker, one).ToString();
        Assert.Contains("1 cases (1 SKIP)", text, StringComparison.Ordinal);
        Assert.Contains(says, text, StringComparison.Ordinal);
    }

    [Fact]
    public void On_a_GPU_that_is_no_Hopper_act_quant_divides()
    {
        Assert.Contains("OK: 1 cases (1 BITS)", On("8.0", "quantize[t=3,k=256,x=bf16]"), StringComparison.Ordinal);
        Assert.Contains("act_quant is row1x128, TritonActQuant on this GPU", On("8.0", "quantize[t=3,k=256,arithmetic=tritonactquanthopper]"), StringComparison.Ordinal);

        static string On(string capability, string one) => Verify("torch_worker.py kernel.py", one, [$"FAKE_CAPABILITY={capability}"], "--accept", "bits").ToString();
    }

    /// <summary>The whole script: builds, captures, judges four backends, leaves a folder with provenance, reports and a table.</summary>
    [Fact]
    public void The_script_for_a_machine_with_a_GPU_runs_from_end_to_end()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("dsref-gpu-");
        try
        {
            InstructionSets.Outcome outcome = Script(folder.FullName, "--small", "--kernel-py", Path.Combine(Fake, "kernel.py"));
            Assert.True(outcome.ExitCode == 0, outcome.ToString());
            string kept = Path.Combine(folder.FullName, "h100");
            using (var provenance = JsonDocument.Parse(File.ReadAllText(Path.Combine(kept, "provenance.json"))))
            {
                string[] facts = ["gpu", "driver", "cuda", "commit", "deep_gemm", "flash_mla", "kernel_py", "date", "torch", "triton"];
                Assert.Equal(facts, provenance.RootElement.EnumerateObject().Select(m => m.Name));
                Assert.Equal("No GPU, a stub", provenance.RootElement.GetProperty("gpu").GetString());
                Assert.Equal("Cuda compilation tools, release 0.0, a stub", provenance.RootElement.GetProperty("cuda").GetString());
            }

            string[] archives = ["mma-fp8.tar.gz", "mma-wide.tar.gz", "scalar.tar.gz", "wgmma-fp8.tar.gz", "wgmma-wide.tar.gz"];
            Assert.Equal(archives, Directory.GetFiles(Path.Combine(kept, "captures")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
            string[] reports = ["deep-gemm", "deep-gemm-bf16", "deep-gemm-grouped", "deep-gemm-k-grouped", "flash-mla", "plugin", "plugin-shapes", "triton"];
            Assert.Equal(reports.Select(r => r + ".json.gz").Order(StringComparer.Ordinal), Directory.GetFiles(Path.Combine(kept, "verify"), "*.gz").Select(Path.GetFileName).Order(StringComparer.Ordinal));
            Assert.Equal(reports.Length, File.ReadAllLines(Path.Combine(kept, "verify", "exits")).Count(line => line.EndsWith("exit 0", StringComparison.Ordinal)));
            string table = File.ReadAllText(Path.Combine(kept, "README.md"));
            Assert.Contains("| DeepGEMM | deep-gemm | scaled_linear | 1 | 100.0 % | 0 | 0 | 0 | 1 of 1 by calc_diff < 0.001 |", table, StringComparison.Ordinal);
            Assert.Contains("| FlashMLA | flash-mla | attention | 1 | 0.0 % | 1 | 0 | 0 | 1 of 1 by calc_diff < 5e-06 |", table, StringComparison.Ordinal);
            Assert.Contains("| CUDA | plugin | rms_norm | 1 | 100.0 % | 0 | 0 | 0 | - |", table, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_dry_run_prints_the_commands_and_runs_none()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("dsref-gpu-");
        try
        {
            string text = Script(folder.FullName, "--dry-run").ToString();
            Assert.Contains("+ nvcc -std=c++17 -O2 -fmad=false -gencode=arch=compute_90a,code=sm_90a -shared", text, StringComparison.Ordinal);
            Assert.Contains("gemm_fp8[m=4096,n=7168,k=2048,contract=hopperfp8]", text, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFiles(Path.Combine(folder.FullName, "work")));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Each id of the script is one of the tool's.</summary>
    [Fact]
    public void The_cases_of_the_script_are_cases()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("dsref-gpu-");
        string text = Script(folder.FullName, "--dry-run").ToString();
        folder.Delete(recursive: true);
        string[] ids = [.. text.Split([' ', '\n']).Where(word => word.EndsWith(']') && word.Contains('[', StringComparison.Ordinal) && word.Contains('=', StringComparison.Ordinal)).Distinct()];
        Assert.True(ids.Length >= 25, text);
        Assert.All(ids, id => DeepSeek.Reference.Verification.OperationCase.Parse(id));
    }

    private static InstructionSets.Outcome Script(string output, params string[] options)
    {
        string path = $"PATH={Repository.Path("tests", "External", "gpu", "stubs")}:{Environment.GetEnvironmentVariable("PATH")}";
        return ForeignTool.Run("env", [path, $"PYTHONPATH={Fake}", $"PYTHON={Python}", $"STUBS={Repository.Path("artifacts")}", "bash", Repository.Path("tools", "backends", "gpu", "run-on-gpu.sh"), output, .. options]);
    }

    private static InstructionSets.Outcome Verify(string worker, string one, params string[] options) => Verify(worker, one, [], options);

    private static InstructionSets.Outcome Verify(string worker, string one, string[] variables, params string[] options)
    {
        string backend = $"{Python} {Repository.Path("tools", "backends", "gpu")}/{worker.Replace("kernel.py", Path.Combine(Fake, "kernel.py"), StringComparison.Ordinal)}";
        return ForeignTool.Run("env", [$"PYTHONPATH={Fake}", .. variables, "dotnet", Repository.Path("tools", "dsref", "bin", "Release", "net10.0", "dsref.dll"), "verify", one, "--backend", backend, "--repeat", "1", .. options]);
    }
}
