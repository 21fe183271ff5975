using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>What a command left: exit code and both streams.</summary>
internal sealed record Outcome(int Exit, string Out, string Error)
{
    /// <summary>Standard output as JSON.</summary>
    public JsonElement Json => JsonDocument.Parse(Out).RootElement;

    /// <summary>Standard error without progress, which any command may show on a busy machine.</summary>
    public IEnumerable<string> Said => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !IsProgress(line));

    /// <summary>Fails unless the command refused in one line, without a trace of where in the code.</summary>
    public Outcome RefusesWith(int exit, params string[] parts)
    {
        Assert.True(Exit == exit, $"exit {Exit}, expected {exit}: {Error}{Out}");
        string line = Assert.Single(Said);
        Assert.StartsWith("dsref: ", line, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", line, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", line, StringComparison.Ordinal);
        foreach (string part in parts)
            Assert.Contains(part, line, StringComparison.Ordinal);
        return this;
    }

    /// <summary>Whether a line tells of progress, as a busy machine may see before the error: name, steps done of all, seconds.</summary>
    public static bool IsProgress(string line) => Regex.IsMatch(line, "^[^:]* [0-9]+(/[0-9]+)?, [0-9]+ s\r?$");

    /// <summary>Fails unless the command passed.</summary>
    public Outcome Passes()
    {
        Assert.True(Exit == 0, $"exit {Exit}: {Error}{Out}");
        return this;
    }
}

/// <summary>Runs the tool: in this process, or as a child with its own environment.</summary>
internal static class CommandLine
{
    public static Outcome Run(params string[] args) => Run(CancellationToken.None, args);

    public static Outcome Run(CancellationToken cancelled, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int exit = Application.Run(args, new Terminal(output, error, outIsTerminal: false, errorIsTerminal: false, cancelled));
        return new Outcome(exit, output.ToString(), error.ToString());
    }

    public static Outcome Child(IEnumerable<(string Name, string Value)> environment, params string[] args)
    {
        using Process child = Start(environment, args);
        Task<string> error = child.StandardError.ReadToEndAsync();
        string output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return new Outcome(child.ExitCode, output, error.Result);
    }

    /// <summary>Whether these tests were started in the background of a shell, which hands down a Ctrl-C that is ignored; children then ask for the usual one.</summary>
    private static bool IgnoresInterrupts { get; } = File.Exists("/proc/self/status")
        && File.ReadLines("/proc/self/status").Any(l => l.StartsWith("SigIgn:", StringComparison.Ordinal) && (Convert.ToUInt64(l["SigIgn:".Length..].Trim(), 16) & 2) != 0);

    /// <summary>The tool as a child that still runs; both its streams are the caller's.</summary>
    public static Process Start(IEnumerable<(string Name, string Value)> environment, params string[] args)
    {
        string host = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        var start = new ProcessStartInfo(IgnoresInterrupts ? "env" : host)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (IgnoresInterrupts)
        {
            start.ArgumentList.Add("--default-signal=INT");
            start.ArgumentList.Add(host);
        }

        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "dsref.dll"));
        foreach (string arg in args)
            start.ArgumentList.Add(arg);
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
