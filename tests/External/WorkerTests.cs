using DeepSeek.Reference.Tests.House;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>docs/spec/worker.md: backends in Python, well-behaved and not, through the whole tool.</summary>
public sealed class WorkerTests
{
    private const string Python = "/usr/bin/python3";

    /// <summary>Five cases that differ in nothing but the seed; the hostile worker goes wrong in its third run, which is that of the third case where each has one.</summary>
    private static readonly string[] Five = [.. Enumerable.Range(1, 5).Select(i => $"add[n=131,seed=0x{i}]")];

    [Fact]
    public void Kernels_in_numpy_are_judged_like_any_other()
    {
        InstructionSets.Outcome outcome = Verify($"{Python} {Repository.Path("tools", "python", "examples", "numpy_kernels.py")}", ["add[n=131]", "add[n=131,a=bf16,y=bf16]"]);
        Assert.Contains("2 BITS", outcome.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, outcome.ExitCode);
    }

    /// <summary>D = C + S with C as an input, and an output a group: of nine groups with five rows between them most are left as they are.</summary>
    [Fact]
    public void Gradients_in_numpy_are_added_to_what_they_are_given()
    {
        InstructionSets.Outcome outcome = Verify(
            $"{Python} {Repository.Path("tools", "python", "examples", "numpy_kernels.py")}",
            ["linear_dgrad[t=4,n=131,k=17]", "linear_wgrad[t=35,n=5,k=17]", "grouped_linear_wgrad[r=5,g=9,n=3,k=7]", "linear_wgrad[t=0,n=3,k=5]", "linear_wgrad[t=67,n=3,k=13,sum=exact]"]);
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("5 cases", outcome.ToString(), StringComparison.Ordinal);
        Assert.Contains("1 SKIP", outcome.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("crash", "the worker crashed in 'run' while it was at Add, mode eager: ended by SIGSEGV")]
    [InlineData("exit", "exit code 7; its last line: out of luck")]
    [InlineData("hang", "gave no answer to 'run' within 3 s while it was at Add")]
    [InlineData("raise", "LAUNCH_ERROR from 'run' at Add, mode eager: ValueError: no such tile")]
    [InlineData("shape", "output 'y' has shape (130,), expected (131,)")]
    [InlineData("input", "the worker changed its input 'a'")]
    [InlineData("nonsense", "status 'MAYBE' is none of")]
    [InlineData("nohandle", "the worker's answer to 'put' is no message of the protocol (Add, mode eager: 'handle' is no whole number)")]
    [InlineData("lost", "CONTEXT_LOST from 'run' at Add, mode eager: device fell off the bus")]
    public void A_worker_that_goes_wrong_fails_that_case_and_the_run_goes_on(string how, string says)
    {
        string text = Verify(Hostile(how), Five, "--timeout", "3").ToString();
        Assert.Contains(says, text, StringComparison.Ordinal);
        Assert.Contains("5 cases (4 BITS, 1 FAIL)", text, StringComparison.Ordinal);
        // A worker that lives on got everything back, the failed case's tensors and plan too.
        Assert.DoesNotContain("did not end well", text, StringComparison.Ordinal);
    }

    /// <summary>A crash without a word is not told by what an earlier case wrote.</summary>
    [Fact]
    public void The_last_line_of_another_case_is_not_quoted()
    {
        string text = Verify(Hostile("late"), Five).ToString();
        Assert.Contains("the worker crashed in 'run' while it was at Add, mode eager: ended by SIGSEGV", text, StringComparison.Ordinal);
        Assert.DoesNotContain("an old line", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Crashes_exit_with_5_and_so_does_a_worker_that_leaves_badly()
    {
        Assert.Equal(5, Verify(Hostile("crash"), Five).ExitCode);
        Assert.Equal(1, Verify(Hostile("raise"), Five).ExitCode);
        InstructionSets.Outcome leaves = Verify(Hostile("leaves"), Five);
        Assert.Contains("the worker did not end well: exit code 9", leaves.ToString(), StringComparison.Ordinal);
        Assert.Equal(5, leaves.ExitCode);
    }

    [Fact]
    public void Results_that_move_between_modes_fail()
    {
        string text = Verify(Hostile("unsteady"), Five, "--modes", "eager,repeat").ToString();
        Assert.Contains("in mode repeat byte 0 of 'y' is 0x", text, StringComparison.Ordinal);
        Assert.Contains("5 FAIL", text, StringComparison.Ordinal);
        Assert.Contains("5 BITS", Verify(Hostile("none"), Five, "--modes", "eager,repeat,perturb").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_worker_in_the_harness_has_each_call_repeated_on_poisoned_outputs()
    {
        Assert.Contains("5 BITS", Verify(Hostile("none"), Five, "--repeat", "3").ToString(), StringComparison.Ordinal);
        string text = Verify(Hostile("drifts"), Five, "--repeat", "3").ToString();
        Assert.Contains("FAIL     add[n=131,seed=0x1]  NONDETERMINISTIC ", text, StringComparison.Ordinal);
        Assert.Contains("5 FAIL", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mode_that_the_worker_lacks_is_refused()
    {
        InstructionSets.Outcome outcome = Verify(Hostile("none"), Five, "--modes", "eager,graph");
        Assert.Contains("cannot run in mode graph; it says it can do eager, repeat, perturb", outcome.ToString(), StringComparison.Ordinal);
        Assert.Equal(2, outcome.ExitCode);
    }

    [Fact]
    public void One_operation_cannot_pass_for_all()
    {
        InstructionSets.Outcome outcome = Verify(Hostile("none"), [.. Five, "softmax[t=3,n=67]"], "--require", "add,softmax");
        Assert.Contains("required, and no case passed: softmax", outcome.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, outcome.ExitCode);
    }

    [Fact]
    public void A_kernel_gets_operands_in_the_layouts_that_it_wants_and_their_padding_is_watched()
    {
        string worker = $"{Python} {Repository.Path("tests", "External", "workers", "layouts.py")}";
        Assert.Contains("5 BITS", Verify(worker, Five).ToString(), StringComparison.Ordinal);
        string text = Verify(worker + " spoil", Five).ToString();
        Assert.Contains("padding of 'y' was written: byte 0 of 1048 is 0x00 (layout strided[strides=2,offset=1])", text, StringComparison.Ordinal);
        Assert.Contains("the backend wants 'y' in layout 'swizzled'", Verify(worker + " nonsense", Five).ToString(), StringComparison.Ordinal);
    }

    /// <summary>worker.md 6: nothing but digests of the inputs crosses, in every map and dtype.</summary>
    [Fact]
    public void Rule_N14_a_worker_makes_its_inputs_from_their_seed()
    {
        string[] maps = ["uniform", "int", "bell", "logspread", "outlier", "boundary", "tie", "special", "subnormal"];
        string[] cases = [.. maps.SelectMany(map => (string[])[$"add[n=131,map={map}]", $"add[n=131,a=bf16,map={map}]"])];
        string text = Verify(Hostile("makes"), cases, "--generate", "0", "--modes", "eager,repeat,perturb").ToString();
        Assert.Contains($"{cases.Length} cases ({cases.Length} BITS)", text, StringComparison.Ordinal);
        Assert.Contains("RuntimeError: an input crossed", Verify(Hostile("makes"), Five).ToString(), StringComparison.Ordinal);
        Assert.Contains("5 BITS", Verify(Hostile("declines"), Five, "--generate", "0").ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("misgenerates", "Add: the worker made the input 'b' wrongly: F32 [131] by map bell from seed 0x3 has SHA-256 ")]
    [InlineData("input", "the worker changed its input 'a'")]
    public void A_worker_that_makes_or_leaves_other_inputs_fails_that_case(string how, string says)
    {
        string text = Verify(Hostile(how), Five, "--generate", "0").ToString();
        Assert.Contains(says, text, StringComparison.Ordinal);
        Assert.Contains("5 cases (4 BITS, 1 FAIL)", text, StringComparison.Ordinal);
        Assert.DoesNotContain("did not end well", text, StringComparison.Ordinal);
    }

    private static string Hostile(string how) => $"{Python} {Repository.Path("tests", "External", "workers", "hostile.py")} {how}";

    private static InstructionSets.Outcome Verify(string backend, string[] cases, params string[] options) =>
        ForeignTool.Run("dotnet", [Repository.Path("tools", "dsref", "bin", "Release", "net10.0", "dsref.dll"), "verify", .. cases, "--backend", backend, .. options.Contains("--repeat") ? [] : new[] { "--repeat", "1" }, .. options]);
}
