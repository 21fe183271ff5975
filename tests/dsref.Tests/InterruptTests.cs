using System.Diagnostics;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>Ctrl-C, and a request to terminate, as signals to a child: exit 130, one line, nothing left behind.</summary>
public sealed class InterruptTests : IDisposable
{
    /// <summary>A case of 2^36 multiply-adds, which the definition would take minutes for.</summary>
    private const string LongCase = "linear[t=4096,n=4096,k=4096]";

    /// <summary>When a child that ignores its signal is given up, so that a failure ends the test.</summary>
    private static readonly TimeSpan Lost = TimeSpan.FromMinutes(1);

    private readonly string folder = Directory.CreateTempSubdirectory("dsref-interrupt-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public void A_signal_in_the_middle_of_a_case_ends_verify(string signal)
    {
        Outcome outcome = Interrupted(signal, $"verify {LongCase} 0/1, ", "verify", LongCase, "--backend", "scalar");
        outcome.RefusesWith(130, "interrupted; nothing was written");
        Assert.Empty(outcome.Out);
    }

    [Fact]
    public void A_signal_leaves_no_unpacked_oracles()
    {
        Interrupted("INT", "verify ", "verify", "model", LongCase, "--backend", "scalar");
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    [Fact]
    public void A_signal_leaves_no_half_written_goldens()
    {
        string golden = Path.Combine(folder, "golden");
        Interrupted("INT", "gen ", "gen", "--update", "--reason", "never", "--golden", golden).RefusesWith(130, "interrupted; nothing was written");
        Assert.False(Directory.Exists(golden));
    }

    /// <summary>Runs a command, signals it when its progress begins with those words, and waits for its end.</summary>
    private Outcome Interrupted(string signal, string progress, params string[] args)
    {
        using Process child = CommandLine.Start([("TMPDIR", folder), ("DOTNET_EnableDiagnostics", "0")], args);
        Task<string> output = child.StandardOutput.ReadToEndAsync();
        string? line;
        do
            line = child.StandardError.ReadLine();
        while (line is not null && !line.StartsWith(progress, StringComparison.Ordinal));
        if (line is null)
            Assert.Fail($"no progress of '{progress}' before the end");
        Assert.True(Outcome.IsProgress(line), line);

        using (Process kill = Process.Start("sh", ["-c", $"kill -{signal} {child.Id}"]))
            kill.WaitForExit();
        Task<string> error = child.StandardError.ReadToEndAsync();
        if (!child.WaitForExit(Lost))
        {
            child.Kill();
            Assert.Fail($"still runs {Lost} after the signal");
        }

        return new Outcome(child.ExitCode, output.Result, error.Result);
    }
}
