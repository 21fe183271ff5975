using System.Globalization;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Tests.House;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary><c>--in-process</c>: plug-ins loaded into the tool. What crashes there would crash here, so that only what can be told is tried.</summary>
public sealed class InProcessTests : IClassFixture<CompiledPlugins>
{
    [Fact]
    public void The_sample_plug_in_passes_every_operation_it_has()
    {
        const string Operations = "add,cast,dequantize,embedding,expand_keys,linear,log_softmax,mtp_input,rms_norm,scaled_linear,softmax,swiglu";
        (int exit, string text) = Verify("sample.so", [.. Operations.Split(',')], "--level", "quick", "--require", Operations, "--modes", "eager,perturb");
        Assert.True(exit == 0, text);
        Assert.DoesNotContain(" FAIL", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_library_by_its_name_is_run_by_a_host_that_is_on_the_path()
    {
        InstructionSets.Outcome outcome = ForeignTool.Run("env",
            $"PATH={Repository.Path("artifacts", "plugin")}:/usr/bin:/bin:{Environment.GetEnvironmentVariable("PATH")}", "dotnet", Repository.Path("tools", "dsref", "bin", "Release", "net10.0", "dsref.dll"),
            "verify", "add[n=131]", "--backend", Library("sample.so"));
        Assert.Contains("1 cases (1 BITS), backend sample", outcome.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("version.so", 2, "speaks version 99 of the interface, this host version 1")]
    [InlineData("holes.so", 2, "leaves functions of the table out")]
    [InlineData("empty.so", 2, "exports no dsref_backend_get")]
    [InlineData("text.so", 2, "is not a shared library")]
    [InlineData("missing.so", 2, "there is no such library")]
    [InlineData("arm.so", 2, "is a library for another processor (ELF machine 183, 64 bits)")]
    [InlineData("cut.so", 2, "cannot be loaded: ")]
    [InlineData("lie.so", 5, "the plug-in returned status 77, which is none")]
    public void What_is_wrong_with_a_plug_in_is_told_in_one_line(string library, int exit, string says)
    {
        string folder = Repository.Path("artifacts", "plugin");
        byte[] sample = File.ReadAllBytes(Path.Combine(folder, "sample.so"));
        File.WriteAllText(Path.Combine(folder, "text.so"), "int nothing;\n");
        File.WriteAllBytes(Path.Combine(folder, "cut.so"), sample[..4000]);
        sample[18] = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? (byte)183 : (byte)62;
        File.WriteAllBytes(Path.Combine(folder, "arm.so"), sample);
        (int found, string text) = Verify(library, [.. Enumerable.Range(1, 3).Select(i => string.Create(CultureInfo.InvariantCulture, $"add[n=131,seed=0x{i}]"))]);
        Assert.True(found == exit, text);
        Assert.Single(text.Split('\n'), line => line.Contains(says, StringComparison.Ordinal));
    }

    /// <summary>What a plug-in does to its operands is seen here as well; what it does to the process is not kept from it.</summary>
    [Theory]
    [InlineData("input.so", "Add: the plug-in changed its input 'a'")]
    [InlineData("nothing.so", "element 0 of the output y F32 [131] was not written")]
    [InlineData("full.so", "OOM from 'allocate' at Add: ")]
    public void A_plug_in_that_goes_wrong_fails_that_case_and_the_run_goes_on(string library, string says)
    {
        (int exit, string text) = Verify(library, [.. Enumerable.Range(1, 5).Select(i => string.Create(CultureInfo.InvariantCulture, $"add[n=131,seed=0x{i}]"))], "--repeat", "1");
        Assert.Equal(1, exit);
        Assert.Contains(says, text, StringComparison.Ordinal);
        Assert.Contains("5 cases (4 BITS, 1 FAIL)", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_command_cannot_be_loaded()
    {
        (int exit, string text) = Run("verify", "add[n=131]", "--backend", "python3 worker.py", "--in-process");
        Assert.Equal(2, exit);
        Assert.Contains("--in-process loads a shared library, and --backend 'python3 worker.py' names none", text, StringComparison.Ordinal);
    }

    private static string Library(string name) => Repository.Path("artifacts", "plugin", name);

    private static (int Exit, string Text) Verify(string library, string[] cases, params string[] options) => Run(["verify", .. cases, "--backend", Library(library), "--in-process", .. options]);

    private static (int Exit, string Text) Run(params string[] arguments)
    {
        using var output = new StringWriter();
        int exit = Tool.Application.Run(arguments, new Tool.Terminal(output, output, outIsTerminal: false, errorIsTerminal: false, CancellationToken.None));
        return (exit, output.ToString());
    }
}
