using System.Text.RegularExpressions;
using DeepSeek.Reference.Ops;
using Xunit;

namespace DeepSeek.Reference.Tests.House;

/// <summary>The C headers say what the library has.</summary>
public sealed partial class HeaderTests
{
    /// <summary>Every preset that dsref_run and its like take, and no other name.</summary>
    [Fact]
    public void The_header_of_libdsref_lists_every_contract()
    {
        string header = Comment().Replace(File.ReadAllText(Repository.Path("tools", "libdsref", "libdsref.h")), " ");
        Match sentence = Contracts().Match(header);
        Assert.True(sentence.Success, "libdsref.h has no sentence 'contract is ..., for attention ... too'");
        string[] models = [.. NumericContract.Presets.Select(p => p.Name)];
        Assert.Equal(models, Name().Matches(sentence.Groups[1].Value).Select(m => m.Value));
        Assert.Equal(AttentionContract.Presets.Select(p => p.Name).Except(models), Name().Matches(sentence.Groups[2].Value).Select(m => m.Value));
    }

    [GeneratedRegex(@"\s*\n \* ?")]
    private static partial Regex Comment();

    [GeneratedRegex(@"contract is ([^.]*?), for attention ([^.]*?) too")]
    private static partial Regex Contracts();

    [GeneratedRegex(@"\b[A-Z]\w+")]
    private static partial Regex Name();
}
