using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>The goldens that are kept as bytes, and what the tool carries of all goldens.</summary>
public sealed class ShowcaseTests : IDisposable
{
    private const int MostEmbedded = 12 << 20;

    private readonly string folder = Directory.CreateTempSubdirectory("dsref-showcase-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_missing_a_changed_and_an_unknown_file_are_told_and_the_right_ones_pass()
    {
        string[] command = ["gen", "--check", "--showcase", "--golden", folder, "--backend", "simd"];
        Outcome missing = CommandLine.Run(command);
        Assert.Equal(ExitCode.Mismatch, missing.Exit);
        Assert.All(Showcase.Cases, c => Assert.Contains($"+ showcase/{c.Name}", missing.Out, StringComparison.Ordinal));

        ShowcaseFiles.Write(folder, new Backends.SimdBackend());
        CommandLine.Run(command).Passes();

        string changed = Path.Combine(folder, Showcase.Folder, "gemm_fp8.safetensors");
        byte[] bytes = File.ReadAllBytes(changed);
        bytes[^1] ^= 1;
        File.WriteAllBytes(changed, bytes);
        File.WriteAllBytes(Path.Combine(folder, Showcase.Folder, "of_no_case.safetensors"), bytes);
        Outcome wrong = CommandLine.Run(command);
        Assert.Equal(ExitCode.Mismatch, wrong.Exit);
        Assert.Equal(["~ showcase/gemm_fp8", "- showcase/of_no_case"], wrong.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => l[0] is '~' or '-' or '+'));
    }

    [Fact]
    public void The_manifest_holds_every_showcase_case()
    {
        using var source = new GoldenSource(null);
        GoldenManifest manifest = source.Manifest();
        Assert.All(Showcase.Cases, c => Assert.Equal(["python"], manifest.Find(OperationCase.Parse(c.Id).ToString())!.Witness));
    }

    [Fact]
    public void What_verify_needs_is_small()
    {
        long bytes = GoldenSource.EmbeddedNames.Where(n => !n.StartsWith("golden/model/", StringComparison.Ordinal)).Sum(name =>
        {
            using Stream packed = GoldenSource.Compressed(name);
            return packed.Length;
        });
        Assert.InRange(bytes, 1, MostEmbedded);
    }
}
