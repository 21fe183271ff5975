using System.Text.RegularExpressions;
using Xunit;

namespace DeepSeek.Reference.Tests.House;

/// <summary>The first thing a reader runs gives the bits the README promises, under every instruction set.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public sealed partial class QuickstartTests
{
    [Fact]
    public void Rule_N1_N17_the_quickstart_prints_the_hash_of_the_readme()
    {
        using var output = new StringWriter();
        Quickstart.Run([Repository.Path("golden", "oracles", "fp32_short")], output);
        Assert.Equal(Promise().Match(Repository.ReadText("README.md")).Groups[1].Value, output.ToString().Trim());
    }

    [GeneratedRegex("fp32_short` it prints `([0-9a-f]{64})`")]
    private static partial Regex Promise();
}
