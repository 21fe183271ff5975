namespace DeepSeek.Reference.Tool.Tests;

/// <summary>FP8 checkpoints on the command line.</summary>
public sealed class Fp8VerbTests(Models models) : IClassFixture<Models>
{
    private string Dequantized => models["fp8_dequant"];

    [Fact]
    public void Verify_passes_a_directory_anywhere_and_says_how_the_products_were_computed()
    {
        Outcome outcome = CommandLine.Run("verify", models.Copy("fp8_dequant")).Passes();
        Assert.Contains("dequantised", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("22 BITS", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_and_generate_say_on_standard_error_what_they_chose()
    {
        Outcome outcome = CommandLine.Run("run", "--model", Dequantized, "--ids", "1,2,3", "--out", models.NewPath(".safetensors")).Passes();
        Assert.Contains("DeepSeekInference: dequantised (--fp8 dequantize)", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(CommandLine.Run("run", "--model", Dequantized, "--ids", "1,2,3", "--fp8", "dequantize", "--out", models.NewPath(".safetensors")).Passes().Said);
        Assert.Empty(CommandLine.Run("run", "--model", models["bf16"], "--ids", "1,2,3", "--out", models.NewPath(".safetensors")).Passes().Said);
        Assert.Contains("dequantised", CommandLine.Run("generate", "--model", Dequantized, "--ids", "1,2,3", "--max-tokens", "3").Passes().Error, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_mode_and_a_product_that_a_contract_lacks_are_refused()
    {
        string output = models.NewPath(".safetensors");
        CommandLine.Run("run", "--model", Dequantized, "--ids", "1", "--fp8", "fast", "--out", output).RefusesWith(2, "--fp8 'fast'", "gemm and dequantize");
        CommandLine.Run("run", "--model", Dequantized, "--ids", "1", "--fp8", "gemm", "--contract", "canonical", "--out", output).RefusesWith(2, "Canonical has no FP8 product");
    }

    [Fact]
    public void A_quantised_model_runs_and_comes_back()
    {
        string made = models.NewPath(), back = models.NewPath();
        Outcome outcome = CommandLine.Run("quantize", models["bf16"], made, "--scale-format", "ue8m0").Passes();
        Assert.Contains("1 weight file,", outcome.Out, StringComparison.Ordinal);
        CommandLine.Run("inspect", made, "--check").Passes();
        CommandLine.Run("generate", "--model", made, "--ids", "1,2,3", "--max-tokens", "2", "--fp8", "dequantize").Passes();
        CommandLine.Run("dequantize", made, back).Passes();
        Outcome one = CommandLine.Run("run", "--model", made, "--ids", "1,2,3", "--fp8", "dequantize", "--out", models.NewPath(".safetensors"), "--json").Passes();
        Outcome two = CommandLine.Run("run", "--model", back, "--ids", "1,2,3", "--out", models.NewPath(".safetensors"), "--json").Passes();
        Assert.Equal(one.Json.GetProperty("tensors").GetRawText(), two.Json.GetProperty("tensors").GetRawText());
        CommandLine.Run("quantize", models["bf16"], made).RefusesWith(2, made, "not empty");
        CommandLine.Run("quantize", models["bf16"], models.NewPath(), "--scale-format", "e8").RefusesWith(2, "--scale-format 'e8'", "f32 and ue8m0");
    }

    [Fact]
    public void Inspect_shows_FP8_and_finds_codes_and_scales_that_are_none()
    {
        string copy = models.Copy("fp8_act_ue8m0");
        Outcome sound = CommandLine.Run("inspect", copy, "--check").Passes();
        Assert.Contains("parameters in FP8", sound.Out, StringComparison.Ordinal);
        Assert.Contains("cache bytes a token at FP8", sound.Out, StringComparison.Ordinal);

        string path = Path.Combine(copy, "model.safetensors");
        Dictionary<string, Tensor> tensors;
        using (SafetensorsFile file = SafetensorsFile.Open(path))
            tensors = file.Entries.Keys.ToDictionary(n => n, n => file.Get(n).Clone());
        const string Code = "model.layers.0.mlp.up_proj.weight", Scale = "model.layers.0.mlp.gate_proj.weight_scale_inv", Negative = "model.layers.0.mlp.down_proj.weight_scale_inv";
        tensors[Code].AsSpan<byte>()[5] = 0xFF;
        tensors[Scale].AsSpan<float>()[0] *= 1.5f;
        tensors[Negative].AsSpan<float>()[0] *= -1;
        SafetensorsWriter.Write(path, tensors, nan: NaNBits.AsStored);
        Outcome outcome = CommandLine.Run("inspect", copy, "--check");
        Assert.Equal(2, outcome.Exit);
        Assert.Contains($"'{Code}', element 5", outcome.Out, StringComparison.Ordinal);
        Assert.Contains($"'{Scale}', element 0", outcome.Out, StringComparison.Ordinal);
        Assert.Contains($"'{Negative}', element 0", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("1 scales that are negative or not of scale_fmt", outcome.Out, StringComparison.Ordinal);
    }
}
