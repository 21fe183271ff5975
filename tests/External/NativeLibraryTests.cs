extern alias native;

using System.Text.RegularExpressions;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Tests.House;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>What libdsref.sh and plugin.sh compile, once for all tests of the class.</summary>
public sealed class CompiledLibrary
{
    public CompiledLibrary()
    {
        ForeignTool.Pass(ForeignTool.Run(ForeignTool.Script("libdsref.sh")));
        ForeignTool.Pass(ForeignTool.Run(ForeignTool.Script("plugin.sh")));
    }

    public static string Folder => Repository.Path("artifacts", "libdsref");

    public static string Plugin(string name) => Repository.Path("artifacts", "plugin", name);
}

/// <summary>libdsref: the reference compiled ahead of time into a C library, used from C, from Python and as a backend.</summary>
public sealed partial class NativeLibraryTests : IClassFixture<CompiledLibrary>
{
    /// <summary>Rule N1 across the C interface: every operation of the manifest's quick cases, ahead of time, in another process, and in this tool's.</summary>
    [Theory]
    [InlineData("process")]
    [InlineData("in-process")]
    public void Rule_N1_the_library_as_a_backend_has_every_bit(string how)
    {
        string library = Path.Combine(CompiledLibrary.Folder, "libdsref.so");
        string[] backend = how == "process" ? [$"{CompiledLibrary.Plugin("dsref-host")} {library}"] : [library, "--in-process"];
        InstructionSets.Outcome outcome = ForeignTool.RunQuietly("dotnet",
            [Dsref, "verify", "--level", "quick", "--accept", "bits", "--filter", @"^[a-z_]+\[(?!case=)", "--modes", "eager,perturb", "--require", "attention,scaled_linear,gate", "--backend", .. backend]);
        string last = outcome.Output.TrimEnd().Split('\n')[^1];
        Assert.True(outcome.ExitCode == 0, string.Join('\n', [.. outcome.Output.Split('\n').Where(line => line.StartsWith("FAIL", StringComparison.Ordinal)), last]));
        Match counts = Summary().Match(last);
        Assert.True(counts.Success && counts.Groups[1].Value == counts.Groups[2].Value && int.Parse(counts.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) > 1000, last);
    }

    [Fact]
    public unsafe void A_C_program_runs_judges_and_errs_from_several_threads()
    {
        string program = Path.Combine(CompiledLibrary.Folder, "use");
        ForeignTool.Pass(ForeignTool.Run("cc",
            "-O1", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pthread", "-I", CompiledLibrary.Folder, "-o", program, Repository.Path("tests", "External", "native", "use.c"),
            Path.Combine(CompiledLibrary.Folder, "libdsref.so"), $"-Wl,-rpath,{CompiledLibrary.Folder}", "-lm"));
        InstructionSets.Outcome outcome = ForeignTool.Run(program);
        ForeignTool.Pass(outcome);
        string sizes = $"sizes DLTensor {sizeof(NativeTensor)} dsref_argument {sizeof(NativeArgument)} dsref_attribute {sizeof(NativeAttribute)} dsref_call {sizeof(NativeCall)} "
            + $"dsref_backend {sizeof(NativeTable)} dsref_judge_options {sizeof(native::DeepSeek.Reference.Native.NativeJudgeOptions)} dsref_report {sizeof(native::DeepSeek.Reference.Native.NativeReport)} "
            + $"dsref_comparison {sizeof(native::DeepSeek.Reference.Native.NativeComparison)}";
        Assert.Contains(sizes, outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_exported_is_what_the_headers_declare()
    {
        string headers = File.ReadAllText(Path.Combine(CompiledLibrary.Folder, "libdsref.h")) + File.ReadAllText(Path.Combine(CompiledLibrary.Folder, "deepseek_backend.h"));
        string[] declared = [.. Declaration().Matches(headers).Select(m => m.Groups[1].Value).Distinct().Order(StringComparer.Ordinal)];
        Assert.Equal(declared, File.ReadAllLines(Path.Combine(CompiledLibrary.Folder, "exports")).Order(StringComparer.Ordinal));
    }

    /// <summary>The first line of the how-to states the oldest glibc.</summary>
    [Fact]
    public void The_library_asks_for_no_newer_glibc_than_its_page_says()
    {
        string first = File.ReadLines(Repository.Path("docs", "how-to", "use-libdsref.md")).First();
        Assert.Contains($"glibc {File.ReadAllText(Path.Combine(CompiledLibrary.Folder, "glibc")).Trim()}", first, StringComparison.Ordinal);
    }

    [Fact]
    public void The_wheel_installs_alone_and_its_examples_pass()
    {
        InstructionSets.Outcome outcome = ForeignTool.Run(ForeignTool.Script("wheel.sh"));
        ForeignTool.Pass(outcome);
        Assert.Matches(@"\d+ passed", outcome.Output);
        string version = typeof(Tensor).Assembly.GetName().Version!.ToString(3);
        Assert.Contains($"dsref-{version}-py3-none-linux_x86_64.whl: ", outcome.Output, StringComparison.Ordinal);
    }

    private static string Dsref => Repository.Path("tools", "dsref", "bin", "Release", "net10.0", "dsref.dll");

    [GeneratedRegex(@"^OK: (\d+) cases \((\d+) BITS\)")]
    private static partial Regex Summary();

    [GeneratedRegex(@"^(?:void|uint32_t|const char\*|dsref_status) (dsref_\w+)\(", RegexOptions.Multiline)]
    private static partial Regex Declaration();
}
