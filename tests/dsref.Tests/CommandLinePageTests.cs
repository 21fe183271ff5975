using System.Reflection;
using System.Text.RegularExpressions;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>docs/spec/command-line.md says of each verb what its help says.</summary>
public sealed partial class CommandLinePageTests
{
    private static readonly string Page = File.ReadAllText(PathOfPage());

    [Theory]
    [InlineData("verify")]
    [InlineData("list")]
    [InlineData("show")]
    [InlineData("gen")]
    [InlineData("run")]
    [InlineData("generate")]
    [InlineData("grad")]
    [InlineData("train")]
    [InlineData("eval")]
    [InlineData("chat")]
    [InlineData("tokenize")]
    [InlineData("tokenizer", "train")]
    [InlineData("tokenizer", "bytes")]
    [InlineData("check")]
    [InlineData("diff")]
    [InlineData("inspect")]
    [InlineData("vectors")]
    [InlineData("mma")]
    [InlineData("quantize")]
    [InlineData("dequantize")]
    [InlineData("capture")]
    [InlineData("explain")]
    [InlineData("probe")]
    [InlineData("bisect")]
    [InlineData("shrink")]
    [InlineData("lab", "exhaustive")]
    [InlineData("lab", "accumulation")]
    [InlineData("lab", "quantisation")]
    [InlineData("lab", "zoo")]
    [InlineData("lab", "noise")]
    [InlineData("lab", "budget")]
    [InlineData("lab", "bounds")]
    [InlineData("lab", "fp8-vs-bf16")]
    [InlineData("lab", "balance")]
    [InlineData("lab", "mtp")]
    [InlineData("lab", "mla")]
    public void A_verb_has_the_options_of_its_page(params string[] verb)
    {
        string help = CommandLine.Run([.. verb, "--help"]).Passes().Out;
        string synopsis = Assert.Single(Synopses().Matches(Page), m => m.Value.StartsWith($"`dsref {string.Join(' ', verb)} ", StringComparison.Ordinal)).Value;
        string[] options = [.. help[help.IndexOf("Options:", StringComparison.Ordinal)..].Split('\n').Where(line => line.StartsWith("  --", StringComparison.Ordinal)).Select(line => LongOption().Match(line).Value)];
        Assert.Equal(options.Order(StringComparer.Ordinal), LongOption().Matches(synopsis).Select(m => m.Value).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_exit_codes_are_those_of_the_page()
    {
        int[] codes = [.. typeof(ExitCode).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (int)f.GetRawConstantValue()!).Order()];
        string table = Page[Page.IndexOf("## 2. Exit codes", StringComparison.Ordinal)..Page.IndexOf("## 3. ", StringComparison.Ordinal)];
        Assert.Equal(codes, CodeRow().Matches(table).Select(m => int.Parse(m.Groups[1].Value)));
    }

    private static string PathOfPage()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            string page = Path.Combine(directory.FullName, "docs", "spec", "command-line.md");
            if (File.Exists(page))
                return page;
        }

        throw new DirectoryNotFoundException($"no folder above {AppContext.BaseDirectory} holds docs/spec/command-line.md; run the tests from a clone");
    }

    [GeneratedRegex(@"^`dsref [^`]*`", RegexOptions.Multiline)]
    private static partial Regex Synopses();

    [GeneratedRegex(@"--[a-z][a-z-]*")]
    private static partial Regex LongOption();

    [GeneratedRegex(@"^\| (\d+) \|", RegexOptions.Multiline)]
    private static partial Regex CodeRow();
}
