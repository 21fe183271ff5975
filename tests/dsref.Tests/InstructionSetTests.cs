namespace DeepSeek.Reference.Tool.Tests;

/// <summary>Rule N1: the same digests whatever instructions the processor offers. Each is a child process, since the runtime decides at its start.</summary>
public sealed class InstructionSetTests
{
    private const string Small = @"^(linear\[t=3,n=13,k=67|attention\[s=[235],|rms_norm\[t=5|rope\[t=5|gate\[t=[59]|combine\[t=[57]|softmax\[t=5|log_softmax\[t=5|swiglu\[n=515|[a-z_]+_([dw]grad|backward)\[|cross_entropy\[t=5|balance_loss\[t=19|model\[case=(fp32_short|bf16),)";

    [Theory]
    [InlineData("DOTNET_EnableAVX512", "0")]
    [InlineData("DOTNET_EnableAVX2", "0")]
    [InlineData("DOTNET_EnableHWIntrinsic", "0")]
    [InlineData("DOTNET_TieredCompilation", "0")]
    public void Rule_N1_the_goldens_come_out_without_the_newer_instructions(string variable, string value)
    {
        Outcome outcome = CommandLine.Child([(variable, value)], "verify", "--level", "quick", "--filter", Small, "--json").Passes();
        Assert.Equal(["BITS"], outcome.Json.GetProperty("counts").EnumerateObject().Select(p => p.Name));
        Assert.True(outcome.Json.GetProperty("cases").GetArrayLength() > 100);
        if (variable == "DOTNET_EnableHWIntrinsic")
            Assert.Equal("scalar", outcome.Json.GetProperty("isa").GetString());
    }

    [Fact]
    public void A_child_process_refuses_bad_input_in_one_line() =>
        CommandLine.Child([("NO_COLOR", "1")], "run", "--model", "no/such/dir", "--ids", "1", "--out", "x.safetensors").RefusesWith(2, "no/such/dir");
}
