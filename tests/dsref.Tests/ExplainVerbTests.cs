using System.Text.Json;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>dsref explain, gen --discriminate and probe on files.</summary>
public sealed class ExplainVerbTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("dsref-explain-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_case_s_output_of_another_preset_is_named_and_one_as_declared_needs_no_explanation()
    {
        const string Id = "scaled_linear[t=4,n=16,k=512,product=deepgemm-sm90,seed=0x5]";
        string y = Output(Id, ScaledProduct.TritonFp8Gemm);
        JsonElement json = CommandLine.Run("explain", Id, y, "--json", "--seconds", "600").Passes().Json;
        Assert.Equal(
            ["command", "case", "explained", "declared", "sentence", "meanings", "alike_meanings", "rounding", "contract", "alike", "presets", "open", "class", "elements", "compared", "differing", "left",
                "relative_l2_as_asked", "relative_l2", "meanings_tried", "meanings_left_out", "contracts_tried", "elements_tried", "lattice_seconds", "exit"],
            json.EnumerateObject().Select(p => p.Name));
        Assert.Equal("triton-fp8-gemm", json.GetProperty("contract").GetString());
        Assert.Equal(64, json.GetProperty("compared").GetInt64());
        Assert.Contains("nothing to explain", CommandLine.Run("explain", Id, Output(Id, ScaledProduct.DeepGemmSm90)).Passes().Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Inputs_made_to_tell_two_contracts_apart_are_explained_as_the_one_that_ran()
    {
        string inputs = Path.Combine(folder, "in.safetensors"), actual = Path.Combine(folder, "out.safetensors");
        Outcome made = CommandLine.Run("gen", "scaled_linear[t=4,n=16,k=512,product=deepgemm-sm90]", "--discriminate", "deepgemm-sm90", "deepgemm-sm90[promotion=none]", "--out", inputs).Passes();
        Assert.Contains("dsref explain scaled_linear ACTUAL --inputs", made.Out, StringComparison.Ordinal);
        using (TensorFile file = TensorFile.Read(inputs))
        {
            var y = new Tensor(DType.F32, 4, 16);
            new ScalarBackend().ScaledLinear(file.Get("x"), file.Get("x_scale"), file.Get("weight"), file.Get("weight_scale"), ScaledProduct.DeepGemmSm90, null, y);
            SafetensorsWriter.Write(actual, [new("y", y)]);
        }

        string text = CommandLine.Run("explain", "scaled_linear[product=torch-reexpression]", actual, "--inputs", inputs, "--seconds", "600").Passes().Out;
        Assert.Contains("bit-equal to deepgemm-sm90", text, StringComparison.Ordinal);
        Assert.DoesNotContain("no promotion", text, StringComparison.Ordinal);
    }

    /// <summary>A kernel's dx in bfloat16, of its own inputs: explained, where check, which judges what the operation writes, refuses it.</summary>
    [Fact]
    public void A_gradient_in_bfloat16_is_explained_from_files()
    {
        string inputs = Path.Combine(folder, "in.safetensors"), actual = Path.Combine(folder, "dx.safetensors");
        Tensor dy = Tensor.From([.. Enumerable.Range(0, 4 * 40).Select(i => 1f / (i + 3))], 4, 40), weight = Tensor.From([.. Enumerable.Range(0, 40 * 8).Select(i => 1f / (7 - 2 * i))], 40, 8);
        Tensor wide = new(DType.F32, 4, 8), dx = new(DType.BF16, 4, 8);
        new ScalarBackend().LinearDgrad(dy, weight, Accumulation.Lanes16, wide);
        new ScalarBackend().Cast(wide, dx);
        SafetensorsWriter.Write(inputs, [new("dy", dy), new("weight", weight)]);
        SafetensorsWriter.Write(actual, [new("dx", dx)]);
        Assert.Contains("nothing to explain", CommandLine.Run("explain", "linear_dgrad", actual, "--inputs", inputs).Passes().Out, StringComparison.Ordinal);
        CommandLine.Run("check", "linear_dgrad", "--inputs", inputs, "--actual", actual).RefusesWith(2, "F32");
    }

    [Fact]
    public void A_number_is_not_what_a_sum_that_overflows_to_NaN_was_to_be()
    {
        const string Id = "linear[t=3,n=5,k=40,map=boundary]";
        CaseTensors tensors = OperationCase.Parse(Id).Prepare();
        tensors["y"].AsSpan<float>().Fill(1);
        string actual = Path.Combine(folder, "ones.safetensors");
        SafetensorsWriter.Write(actual, [new("y", tensors["y"])]);
        Assert.Equal(ExitCode.Mismatch, CommandLine.Run("explain", Id, actual).Exit);
    }

    [Fact]
    public void Unusable_files_and_contracts_are_refused()
    {
        string y = Output("linear[t=2,n=3,k=8]", null);
        CommandLine.Run("explain", "linear[t=2,n=4,k=8]", y).RefusesWith(ExitCode.BadInput, "the candidate's 'y' is F32 [2, 3]");
        CommandLine.Run("explain", "linear[t=2,n=3,k=8]", y, "--contract", "Canonical").RefusesWith(ExitCode.BadInput, "--contract goes with --inputs");
        CommandLine.Run("explain", "linear[t=2,n=3,k=8]", y, "--seconds", "0").RefusesWith(ExitCode.BadInput, "--seconds 0");
        CommandLine.Run("gen", "--discriminate", "deepgemm-sm90", "lanes16", "--out", Path.Combine(folder, "x.safetensors")).RefusesWith(ExitCode.BadInput, "one has block scales");
        CommandLine.Run("gen", "--discriminate", "lanes16", "exact").RefusesWith(ExitCode.BadInput, "takes both options");
        CommandLine.Run("probe", "--kernel", "conv").RefusesWith(ExitCode.BadInput, "there are linear-f32, linear-bf16 and scaled-linear");
    }

    [Fact]
    public void Probe_writes_the_contract_as_JSON()
    {
        JsonElement json = CommandLine.Run("probe", "--kernel", "scaled-linear", "--product", "deepgemm-sm90", "--json").Passes().Json;
        Assert.Equal(["command", "backend", "kernel", "found", "sentence", "contract", "units", "alternatives", "questions", "exit"], json.EnumerateObject().Select(p => p.Name));
        JsonElement contract = json.GetProperty("contract");
        Assert.Equal((13, 32, 128), (contract.GetProperty("fraction_bits").GetInt32(), contract.GetProperty("fused_length").GetInt32(), contract.GetProperty("promotion").GetInt32()));
        Assert.Contains("hopper-wgmma-e4m3-f32", json.GetProperty("units").EnumerateArray().Select(u => u.GetString()));
    }

    private string Output(string id, ScaledProduct? product)
    {
        OperationCase c = OperationCase.Parse(id);
        OperationCall call = c.Call(c.Prepare());
        call = call is ScaledLinearCall scaled && product is not null ? scaled with { Product = product } : call;
        call.Run(new ScalarBackend());
        string path = Path.Combine(folder, $"{product?.Name ?? "y"}.safetensors");
        SafetensorsWriter.Write(path, [new("y", call.Outputs.First().Tensor)]);
        return path;
    }
}
