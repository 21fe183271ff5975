using DeepSeek.Reference.Tests.House;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>tools/oracles with Debian's PyTorch. DeepSeek's model.py is not here, so what is held is that nothing else passes for it; its README has what it gave.</summary>
public sealed class OracleMakerTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("dsref-oracles-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(null, "name inference/model.py of github.com/deepseek-ai/DeepSeek-V3 at commit 9b4e9788")]
    [InlineData("raise SystemExit('ran')", "--any-version takes it all the same")]
    public void Another_file_than_the_known_one_is_refused_and_leaves_nothing(string? text, string reason)
    {
        string model = Path.Combine(folder, "model.py"), made = Path.Combine(folder, "made");
        if (text is not null)
            File.WriteAllText(model, text);
        InstructionSets.Outcome outcome = ForeignTool.Run(
            "/usr/bin/python3", "-B", Repository.Path("tools", "oracles", "make.py"), "--model-py", model, "--config", Repository.Path("golden", "oracles", "bf16_softmax", "config.json"),
            "--seed", "3189", "--out", made);

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains(reason, outcome.ToString(), StringComparison.Ordinal);
        Assert.False(Path.Exists(made));
    }
}
