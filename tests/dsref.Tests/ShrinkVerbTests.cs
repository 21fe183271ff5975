using System.Text.Json;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Tool.Verbs;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary><c>dsref shrink</c>: its report, its JSON, its file.</summary>
public sealed class ShrinkVerbTests(Models models) : IClassFixture<Models>
{
    private static Outcome Run(string id, IBackend backend, string? path = null, bool json = false)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var terminal = new Terminal(output, error, outIsTerminal: false, errorIsTerminal: false, CancellationToken.None);
        int exit = ShrinkVerb.Run(terminal, OperationCase.Parse(id), backend, "faulty:column", bits: false, seconds: 600, path, json);
        return new Outcome(exit, output.ToString(), error.ToString());
    }

    /// <summary>Drops the last product of every sum.</summary>
    private static OneWrong LastDropped() => new((call, right) =>
    {
        var linear = (LinearCall)call;
        Tensor x = linear.X.Clone();
        int K = (int)x.Shape[^1];
        for (int t = 0; t < x.Shape[0]; t++)
            x.AsSpan<float>()[(t * K) + K - 1] = 0;
        (linear with { X = x }).Run(right);
    });

    [Fact]
    public void The_report_ends_with_the_line_that_repeats_it()
    {
        Outcome outcome = Run("linear[t=3,n=5,k=40]", LastDropped());
        Assert.Equal(1, outcome.Exit);
        string[] lines = outcome.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("given     linear[t=3,n=5,k=40]: ", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("smallest  linear[t=1,n=1,k=1,map=int]: ", lines[1], StringComparison.Ordinal);
        Assert.Contains(lines, l => l.StartsWith("element   [0, 0], K = 1", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("candidate 0x00000000  0", StringComparison.Ordinal));
        Assert.Single(lines, l => l.StartsWith("  k = 0 ", StringComparison.Ordinal));
        Assert.Equal("repeat    dsref verify \"linear[t=1,n=1,k=1,map=int]\" --backend faulty:column", lines[^1].TrimEnd());
    }

    [Fact]
    public void As_json_with_a_file()
    {
        string path = models.NewPath(".safetensors");
        Outcome outcome = Run("linear[t=3,n=5,k=40]", LastDropped(), path, json: true);
        JsonElement json = outcome.Json;
        Assert.Equal(
            ["command", "case", "backend", "failure", "note", "smallest", "smallest_note", "trials", "seconds", "ran_out", "alone", "values_changed", "non_zeros", "dot", "out", "repeat", "exit"],
            json.EnumerateObject().Select(p => p.Name));
        Assert.Equal(["row", "column", "k", "candidate", "reference", "exact", "terms"], json.GetProperty("dot").EnumerateObject().Select(p => p.Name));
        Assert.Equal(["k", "a", "b", "scale"], json.GetProperty("dot").GetProperty("terms")[0].EnumerateObject().Select(p => p.Name));
        Assert.Equal(("wrong", 1), (json.GetProperty("failure").GetString(), json.GetProperty("exit").GetInt32()));
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal(["candidate.y", "reference.y", "weight", "x"], file.Entries.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(0f, file.Get("candidate.y").AsReadOnlySpan<float>()[0]);
        Assert.NotEqual(0f, file.Get("reference.y").AsReadOnlySpan<float>()[0]);
    }

    [Fact]
    public void A_case_that_passes_is_not_shrunk()
    {
        string path = models.NewPath(".safetensors");
        Outcome outcome = CommandLine.Run("shrink", "add[n=9]", "--backend", "scalar", "--out", path).Passes();
        Assert.Contains("OK: add[n=9] passes on backend scalar", outcome.Out, StringComparison.Ordinal);
        Assert.False(File.Exists(path));
        Assert.Equal(0, CommandLine.Run("shrink", "add[n=9]", "--backend", "simd", "--bits", "--json").Passes().Json.GetProperty("exit").GetInt32());
    }

    [Fact]
    public void A_case_that_is_not_offered_runs_nothing()
    {
        Outcome outcome = Run("add[n=9]", new OneWrong((_, _) => throw new ContractException("no Add here")));
        Assert.Equal(3, outcome.Exit);
        Assert.Contains("NOTHING RAN: backend faulty:column does not offer add[n=9]: no Add here", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_used_is_refused_in_one_line()
    {
        CommandLine.Run("shrink", "add[n=9]").RefusesWith(2, "--backend");
        CommandLine.Run("shrink", "adds[n=9]", "--backend", "simd").RefusesWith(2, "adds");
        CommandLine.Run("shrink", "add[n=9]", "--backend", "simd", "--budget", "-1").RefusesWith(2, "--budget -1");
        CommandLine.Run("shrink", "add[n=9]", "--backend", "simd", "--out", "no/such/folder/f.safetensors").RefusesWith(2, "no/such/folder");
    }
}
