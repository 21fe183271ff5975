using DeepSeek.Reference.Tests.House;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>What cuda.sh and plugin.sh compile, once for all tests of the class.</summary>
public sealed class CompiledCuda
{
    public CompiledCuda()
    {
        ForeignTool.Pass(ForeignTool.Run(ForeignTool.Script("plugin.sh")));
        ForeignTool.Pass(ForeignTool.Run(ForeignTool.Script("cuda.sh")));
    }
}

/// <summary>
/// tools/backends/cuda without a GPU: its kernels on fibers of the host, with the matrix instruction by the model of rule N20 and the placement rules of the PTX ISA, through the whole tool;
/// its device code as clang reads it; its errors. What a GPU does is not seen here.
/// </summary>
public sealed class CudaTests : IClassFixture<CompiledCuda>
{
    private static readonly string[] Products =
    [
        "scaled_linear[t=3,n=11,k=160]", "scaled_linear[t=3,n=11,k=160,y=bf16]", "scaled_linear[t=3,n=11,k=160,product=triton-fp8-gemm]", "scaled_linear[t=3,n=11,k=160,product=tilelang,add=yes]",
        "scaled_linear[t=3,n=11,k=160,product=hopper-without-promotion]", "scaled_linear[t=65,n=130,k=257,product=deepgemm-sm90-wgrad,rows=yes,add=yes]", "scaled_linear[t=66,n=7,k=384,map=logspread]",
        "scaled_linear[t=3,n=7,k=0,add=yes]", "scaled_linear[t=0,n=7,k=128]", "linear[t=3,n=13,k=67,x=bf16,weight=bf16,sum=hopper-wgmma-bf16-f32]",
        "linear[t=65,n=70,k=96,x=bf16,weight=bf16,y=bf16,sum=hopper-wgmma-bf16-f32]", "linear[t=3,n=7,k=0,x=bf16,weight=bf16,sum=hopper-wgmma-bf16-f32]",
    ];

    /// <summary>Those that the kernel has; TritonActQuantHopper needs rcp.approx of a GPU.</summary>
    private static readonly string[] Arithmetics = ["tritonactquant", "deepgemm", "deepgemm2025", "deepeplowlatency", "tilelang", "torchcuda"];

    private static readonly string[] Rows =
    [
        .. Arithmetics.SelectMany(a => (string[])[$"quantize[t=3,k=131,arithmetic={a},map=logspread]", $"quantize[t=3,k=131,arithmetic={a},scales=ue8m0,clamp=none]"]),
        "quantize[t=3,k=131,clamp=scale]", "quantize[t=2,k=300,x=bf16]", "quantize[t=3,k=0]", "rms_norm[t=3,n=67]", "rms_norm[t=17,n=130,x=bf16,y=bf16,rounding=beforeweight]", "rms_norm[t=0,n=7168]",
        "gate[t=3,e=256,k=8,groups=8,kept=4,map=tie]", "gate[t=3,e=256,k=8,groups=8,kept=4,contract=huggingface]", "gate[t=4,e=256,k=8,groups=8,kept=4]", "gate[t=3,e=8,k=8]", "gate[t=3,e=8,k=0]",
    ];

    /// <summary>Rules N20 and N21 by kernels that a GPU would run: way of operands into shared memory, descriptors, runs, promotion, edges.</summary>
    [Theory]
    [InlineData(true, "linear,scaled_linear")]
    [InlineData(false, "gate,quantize,rms_norm")]
    public void Rule_N21_every_kernel_has_every_bit(bool products, string operations)
    {
        string[] cases = products ? Products : Rows;
        InstructionSets.Outcome outcome = Verify("", cases, "--modes", "eager,perturb", "--accept", "bits", "--require", operations);
        Assert.Contains($"OK: {cases.Length} cases ({cases.Length} BITS), backend cuda", outcome.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("did not end well", outcome.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, outcome.ExitCode);
    }

    [Theory]
    [InlineData("oom@5", 1, "OOM from 'put' at RmsNorm, mode eager: the fake device has no more memory")]
    [InlineData("launch@3", 1, "LAUNCH_ERROR from 'run' at RmsNorm, mode eager: the fake kernel cannot start")]
    [InlineData("lost@3", 5, "CONTEXT_LOST from 'run' at RmsNorm, mode eager: the fake device fell off the bus")]
    public void An_error_of_the_driver_fails_that_case_and_the_run_goes_on(string how, int exit, string says)
    {
        InstructionSets.Outcome outcome = Verify(how, [.. Enumerable.Range(1, 5).Select(i => $"rms_norm[t=3,n=67,seed=0x{i}]")]);
        Assert.Contains(says, outcome.ToString(), StringComparison.Ordinal);
        Assert.Contains("5 cases (4 BITS, 1 FAIL)", outcome.ToString(), StringComparison.Ordinal);
        // Memory of the failed case was given back too: the driver ends with 9 otherwise.
        Assert.DoesNotContain("did not end well", outcome.ToString(), StringComparison.Ordinal);
        Assert.Equal(exit, outcome.ExitCode);
    }

    [Fact]
    public void A_machine_without_a_GPU_is_told_in_one_line()
    {
        InstructionSets.Outcome outcome = Verify("none", ["rms_norm[t=3,n=67]"]);
        Assert.Contains("libcuda_fake.so cannot be used: no GPU: the fake driver was told so", outcome.ToString(), StringComparison.Ordinal);
        Assert.Equal(5, outcome.ExitCode);
    }

    /// <summary>What the kernels do not do is refused with a reason, never done otherwise.</summary>
    [Theory]
    [InlineData("scaled_linear[t=3,n=11,k=160,product=torch-reexpression]", "only sums of Hopper's wgmma are done here (product.block hopper-wgmma-e4m3-f32)")]
    [InlineData("linear[t=3,n=13,k=67,x=bf16,weight=bf16]", "only sums of Hopper's wgmma are done here (accumulation hopper-wgmma-bf16-f32)")]
    [InlineData("quantize[t=3,k=131,tile=column128x1]", "only tiles of one row and 128 columns are done here")]
    [InlineData("quantize[t=3,k=131,arithmetic=tritonactquanthopper]", "this arithmetic is not known here")]
    [InlineData("gate[t=3,e=8,k=2,scoring=softmax]", "only sigmoid scores are done here")]
    [InlineData("softmax[t=3,n=67]", "this plug-in has no such operation")]
    public void What_is_not_offered_is_skipped(string one, string says)
    {
        string text = Verify("", [one]).ToString();
        Assert.Contains(says, text, StringComparison.Ordinal);
        Assert.Contains("1 cases (1 SKIP)", text, StringComparison.Ordinal);
    }

    private static InstructionSets.Outcome Verify(string fake, string[] cases, params string[] options)
    {
        string backend = $"{Repository.Path("artifacts", "plugin", "dsref-host")} {Repository.Path("artifacts", "cuda", "libcuda_fake.so")}";
        return ForeignTool.Run("env", [$"DSREF_CUDA_FAKE={fake}", "dotnet", Repository.Path("tools", "dsref", "bin", "Release", "net10.0", "dsref.dll"), "verify", .. cases, "--backend", backend, "--repeat", "1", .. options]);
    }
}
