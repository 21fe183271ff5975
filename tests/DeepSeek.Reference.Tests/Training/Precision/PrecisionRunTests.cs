using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>Whole runs under each recipe: their bits, that they learn, and how they go on.</summary>
public sealed class PrecisionRunTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("dsref-precision-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("bf16", "39f0fad35a9fe692")]
    [InlineData("fp8", "6648b51be1eb5a84")]
    public void Four_steps_have_these_bits_on_any_threads_and_after_a_resume(string precision, string digest)
    {
        Make(precision, "whole", 4, threads: 2).Run();
        Make(precision, "parts", 3, threads: 1).Run();
        Trainer resumed = Make(precision, "parts", 4, threads: 1);
        Assert.True(resumed.Resume());
        Assert.Equal(3, resumed.Step);
        resumed.Run();
        foreach (string file in (string[])["model.safetensors", "optimizer.safetensors", "trainer.json"])
            Assert.Equal(File.ReadAllBytes(At("whole", file)), File.ReadAllBytes(At("parts", file)));
        Assert.Equal(digest, TrainingRuns.Digest(At("whole", "optimizer.safetensors")));
    }

    /// <summary>What is rounded is a copy: θ stays in binary32.</summary>
    [Fact]
    public void Masters_stay_in_binary32()
    {
        Trainer run = Make("fp8", "run", 4, threads: 1);
        run.Run();
        Assert.Contains(run.Weights["model.layers.0.self_attn.o_proj.weight"].AsReadOnlySpan<float>().ToArray(), w => (BitConverter.SingleToUInt32Bits(w) & 0xFFFF) != 0);
    }

    [Theory]
    [InlineData("bf16")]
    [InlineData("fp8")]
    public void A_small_model_learns(string precision)
    {
        var losses = new List<double>();
        Make(precision, "run", 20, threads: 1).Run(r => losses.Add(r.Loss));
        Assert.True(losses[^1] < 0.8 * losses[0], $"{losses[0]} to {losses[^1]}");
    }

    [Fact]
    public void A_run_goes_on_in_its_own_precision_alone()
    {
        Make("fp8", "run", 1, threads: 1).Run();
        Assert.Contains("\"precision\": \"fp8\"", File.ReadAllText(Path.Combine(folder, "run", "step-000000001", "trainer.json")), StringComparison.Ordinal);
        string message = Assert.Throws<DataException>(() => Make("bf16", "run", 2, threads: 1).Resume()).Message;
        Assert.Contains("the run is in fp8, not in bf16; resume in fp8", message, StringComparison.Ordinal);
        Trainer exact = Make(Options("fp8", 2) with { Fp8Accumulation = "exact" }, "run", threads: 1);
        Assert.Contains("another recipe", Assert.Throws<DataException>(() => exact.Resume()).Message, StringComparison.Ordinal);
        Trainer unit = Make(Options("fp8", 2) with { BFloat16Accumulation = "hopper" }, "run", threads: 1);
        Assert.Contains("another recipe", Assert.Throws<DataException>(() => unit.Resume()).Message, StringComparison.Ordinal);
    }

    /// <summary>A setting that another precision looks at is no part of a recipe, nor is one that says what is done anyway: runs begun before there was such a setting go on.</summary>
    [Fact]
    public void A_recipe_is_what_decides_bits()
    {
        byte[] config = TrainingRuns.Config();
        string bf16 = Options("bf16", 1).RecipeHash(config), fp32 = Options("fp32", 1).RecipeHash(config);
        Assert.Equal(("186750c7fbdf5141", "e3d74c66a157f7c0"), (bf16[..16], fp32[..16]));
        Assert.Equal(fp32, (Options("fp32", 1) with { BFloat16Accumulation = "hopper", Fp8Accumulation = "exact" }).RecipeHash(config));
        Assert.Equal(bf16, (Options("bf16", 1) with { Fp8Accumulation = "exact" }).RecipeHash(config));
        Assert.NotEqual(bf16, (Options("bf16", 1) with { BFloat16Accumulation = "hopper" }).RecipeHash(config));
    }

    /// <summary>Checkpoints of the first version named no precision, and were binary32's.</summary>
    [Fact]
    public void A_checkpoint_without_a_precision_is_binary32s()
    {
        Make("fp32", "run", 1, threads: 1).Run();
        string path = Path.Combine(folder, "run", "step-000000001", "trainer.json"), sums = Path.Combine(folder, "run", "step-000000001", "SHA256SUMS");
        string text = File.ReadAllText(path), older = text.Replace("  \"precision\": \"fp32\",\n", "", StringComparison.Ordinal);
        Assert.NotEqual(text, older);
        File.WriteAllText(path, older);
        File.WriteAllText(sums, File.ReadAllText(sums).Replace(Hash(text), Hash(older), StringComparison.Ordinal));
        Assert.True(Make("fp32", "run", 2, threads: 1).Resume());
        Assert.Contains("the run is in fp32", Assert.Throws<DataException>(() => Make("bf16", "run", 2, threads: 1).Resume()).Message, StringComparison.Ordinal);

        static string Hash(string of) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(of)));
    }

    [Fact]
    public void A_model_of_another_precision_than_the_settings_is_refused()
    {
        byte[] config = TrainingRuns.Config();
        var model = new ModelTrainingStep(DeepSeekConfig.Parse(config, "config.json"), new SimdBackend(1), TrainingPrecision.BF16);
        Assert.Contains("ask for fp8, the model computes in bf16", Assert.Throws<ContractException>(() => TrainingRuns.Make(Options("fp8", 1), model, folder, config)).Message, StringComparison.Ordinal);
    }

    private string At(string run, string file) => Path.Combine(folder, run, "step-000000004", file);

    private static TrainOptions Options(string precision, long steps) => TrainingRuns.Options with { Precision = precision, Steps = steps };

    private Trainer Make(string precision, string name, long steps, int threads) => Make(Options(precision, steps), name, threads);

    private Trainer Make(TrainOptions options, string name, int threads)
    {
        byte[] config = TrainingRuns.Config();
        var model = new ModelTrainingStep(DeepSeekConfig.Parse(config, "config.json"), new SimdBackend(threads), options.Arithmetic());
        return TrainingRuns.Make(options, model, Path.Combine(folder, name), config);
    }
}
