using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>Digests of whole runs: what a few steps leave in the optimizer's file, from version to version.</summary>
public sealed class TrainingBitsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("dsref-bits-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>A run that was begun with an older version goes on with this one: neither the bits of its steps nor the name of its recipe move.</summary>
    [Fact]
    public void Four_steps_in_binary32_have_these_bits()
    {
        byte[] config = TrainingRuns.Config();
        TrainingRuns.Make(TrainingRuns.Options, new ModelTrainingStep(DeepSeekConfig.Parse(config, "config.json"), new SimdBackend(1)), folder, config).Run();
        Assert.Equal("5bfc75578876ec63", TrainingRuns.Digest(Path.Combine(folder, "step-000000004", "optimizer.safetensors")));
    }

    [Fact]
    public void A_recipe_in_binary32_keeps_its_name() => Assert.Equal("e3d74c66a157f7c0", TrainingRuns.Options.RecipeHash(TrainingRuns.Config())[..16]);
}
