using DeepSeek.Reference.Tests.House;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>What plugin.sh compiles, once for all tests of the class.</summary>
public sealed class CompiledPlugins
{
    public CompiledPlugins() => ForeignTool.Pass(ForeignTool.Run(ForeignTool.Script("plugin.sh")));
}

/// <summary>The C interface (deepseek_backend.h) through its host and the whole tool.</summary>
public sealed class PluginTests : IClassFixture<CompiledPlugins>
{
    private static readonly string[] Five = [.. Enumerable.Range(1, 5).Select(i => $"add[n=131,seed=0x{i}]")];

    [Fact]
    public void The_sample_plug_in_passes_every_operation_it_has()
    {
        string[] operations = ["add", "cast", "dequantize", "embedding", "expand_keys", "linear", "log_softmax", "mtp_input", "rms_norm", "scaled_linear", "softmax", "swiglu"];
        InstructionSets.Outcome outcome = Verify("sample.so", operations, "--level", "quick", "--require", string.Join(',', operations), "--modes", "eager,perturb");
        Assert.Equal(0, outcome.ExitCode);
        Assert.DoesNotContain(" FAIL", outcome.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("crash", "the worker crashed in 'run' while it was at Add, mode eager: ended by SIGSEGV")]
    [InlineData("hang", "gave no answer to 'run' within 3 s")]
    [InlineData("overrun", "the worker crashed in ")]
    [InlineData("lie", "the plug-in returned status 77, which is none")]
    [InlineData("twice", "the worker crashed in 'run' while it was at Add, mode eager: ended by SIGABRT; its last line: ")]
    [InlineData("input", "Add: the worker changed its input 'a'")]
    [InlineData("nothing", "element 0 of the output y F32 [131] was not written")]
    [InlineData("full", "OOM from 'put' at Add, mode eager: ")]
    [InlineData("pad", "padding of 'y' was written: byte 0 of 1048 is 0x00 (layout strided[strides=2,offset=1])")]
    public void A_plug_in_that_goes_wrong_fails_that_case_and_the_run_goes_on(string how, string says)
    {
        string text = Verify(how + ".so", Five, "--timeout", "3").ToString();
        Assert.Contains(says, text, StringComparison.Ordinal);
        Assert.Contains("5 cases (4 BITS, 1 FAIL)", text, StringComparison.Ordinal);
    }

    /// <summary>worker.md 6, made by dsref-host: every map in every dtype that it makes; the others are sent.</summary>
    [Fact]
    public void Rule_N14_the_host_makes_inputs_from_their_seed()
    {
        string[] maps = ["uniform", "int", "bell", "logspread", "outlier", "boundary", "tie", "special", "subnormal"];
        string[] cases =
        [
            .. maps.SelectMany(map => (string[])[$"add[n=131,map={map}]", $"add[n=131,a=bf16,map={map}]"]),
            "embedding[t=5,v=11,d=16]", "embedding[t=5,v=11,d=16,long=yes]", "scaled_linear[t=3,n=11,k=160,product=torch-reexpression,map=logspread]",
        ];
        string text = Verify("sample.so", cases, "--generate", "0", "--modes", "eager,perturb").ToString();
        Assert.Contains($"{cases.Length} cases ({cases.Length} BITS)", text, StringComparison.Ordinal);
    }

    /// <summary>Each run keeps a MiB: seen where equal calls follow on one another, and not at fewer than it takes to tell.</summary>
    [Fact]
    public void A_leak_is_seen_over_repeated_calls_and_named()
    {
        string text = Verify("leak.so", Five, "--repeat", "8").ToString();
        Assert.Matches(@"Add: the worker's memory grew at each of 5 equal calls in a row, by 1\.\d\d MiB a call, though all was given back: a leak", text);
        Assert.Contains("5 cases (5 FAIL)", text, StringComparison.Ordinal);
        Assert.Contains("5 cases (5 BITS)", Verify("sample.so", Five, "--repeat", "8").ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("version.so", "speaks version 99 of the interface, this host version 1")]
    [InlineData("holes.so", "leaves functions of the table out")]
    [InlineData("empty.so", "exports no dsref_backend_get")]
    [InlineData("alone.c", "dsref-host: ")]
    [InlineData("missing.so", "cannot open shared object file")]
    public void A_library_that_is_no_plug_in_is_told_in_one_line(string library, string says)
    {
        InstructionSets.Outcome outcome = Verify(library, Five);
        Assert.Contains(says, outcome.ToString(), StringComparison.Ordinal);
        Assert.Equal(5, outcome.ExitCode);
    }

    [Fact]
    public void A_plug_in_gets_the_layout_that_it_wants() => Assert.Contains("5 cases (5 BITS)", Verify("want.so", Five).ToString(), StringComparison.Ordinal);

    [Fact]
    public void Strides_are_honoured_by_the_sample_and_other_layouts_refused()
    {
        string[] cases = ["linear[t=3,n=13,k=67]", "rms_norm[t=3,n=67]"];
        string layouts = "x=mn[align=16],weight=k[align=16,pad=3],y=strided[strides=2:9,offset=5]";
        Assert.Contains("2 cases (2 SKIP)", Verify("sample.so", cases, "--layouts", "x=paged").ToString(), StringComparison.Ordinal);
        Assert.Contains("1 cases (1 BITS)", Verify("sample.so", cases[..1], "--layouts", layouts, "--modes", "eager,perturb").ToString(), StringComparison.Ordinal);
    }

    private static InstructionSets.Outcome Verify(string library, string[] cases, params string[] options)
    {
        string folder = Repository.Path("artifacts", "plugin");
        string backend = $"{Path.Combine(folder, "dsref-host")} {Path.Combine(folder, library)}";
        return ForeignTool.Run("dotnet", [Repository.Path("tools", "dsref", "bin", "Release", "net10.0", "dsref.dll"), "verify", .. cases, "--backend", backend, .. options.Contains("--repeat") ? [] : new[] { "--repeat", "1" }, .. options]);
    }
}
