using System.Security.Cryptography;
using DeepSeek.Reference.Tests.House;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>The tool's own model, made again from what it was made of, as far as minutes go: the same text, the same tokenizer, the same weights after 50 steps, and bits a byte beside xz. Needs npm, node and xz.</summary>
public sealed class OwnModelTests : IDisposable
{
    private static readonly string Tool = Repository.Path("tools", "dsref", "bin", "Release", "net10.0", "dsref.dll");

    private readonly string folder = Directory.CreateTempSubdirectory("dsref-own-").FullName;

    private string Data => Path.Combine(folder, "data");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>One test, since each part takes the text that the first one fetches.</summary>
    [Fact]
    public void It_comes_out_the_same_and_beats_xz()
    {
        ForeignTool.Pass(ForeignTool.Run("bash", Repository.Path("tools", "model", "data.sh"), Data));
        Assert.Equal(Repository.ReadText("golden", "model", "data.sha256"), Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(Data, "SHA256SUMS")))) + "  SHA256SUMS\n");

        string tokenizer = Path.Combine(folder, "tokenizer.json");
        string[] texts = [.. Directory.GetFiles(Path.Combine(Data, "train"), "*", SearchOption.AllDirectories)];
        ForeignTool.Pass(ForeignTool.RunQuietly("dotnet", [Tool, "tokenizer", "train", "--vocab-size", "4096", "--out", tokenizer, "--in", .. texts]));
        Assert.Equal(File.ReadAllBytes(Repository.Path("golden", "model", "tokenizer.json")), File.ReadAllBytes(tokenizer));

        string run = Path.Combine(folder, "run");
        ForeignTool.Pass(ForeignTool.RunQuietly(
            "dotnet", Tool, "train", "--config", Repository.Path("tools", "model", "first-50.json"), "--tokenizer", tokenizer, "--data", Path.Combine(Data, "train"), "--out", run));
        // trainer.json is left out: what a checkpoint says of itself may grow by a field without a bit of the model changing.
        Assert.Equal(
            File.ReadAllLines(Repository.Path("golden", "model", "first-50-steps.txt")),
            File.ReadLines(Path.Combine(run, "step-000000050", "SHA256SUMS")).Where(line => !line.EndsWith("  trainer.json", StringComparison.Ordinal)));

        // The script fails where a domain needs more bits a byte than xz of each file.
        InstructionSets.Outcome compared = ForeignTool.Run("bash", Repository.Path("tools", "model", "compare.sh"), Data);
        ForeignTool.Pass(compared);
        // Domain, files, bytes and the model's figure; those behind them are of whatever xz is installed.
        foreach (string row in File.ReadLines(Repository.Path("golden", "model", "compared.md")).Skip(2))
            Assert.Contains(string.Join('|', row.Split('|')[..5]) + "|", compared.Output, StringComparison.Ordinal);
    }
}
