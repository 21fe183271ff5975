using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using Xunit;

namespace DeepSeek.Reference.Tests;

/// <summary>A set of instructions that a child process can be confined to, and the switches that do it.</summary>
/// <param name="Name">For test names.</param>
/// <param name="Path">The vector path an x64 machine with AVX-512 takes under these switches; empty: whatever it has.</param>
/// <param name="Switches">Environment of the child, as NAME=VALUE.</param>
public sealed record InstructionSet(string Name, string Path, params string[] Switches)
{
    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>The instruction sets of rule N1, each reachable on one machine, and child processes that run under them.</summary>
/// <remarks>
/// A test class marked <c>[Trait(InstructionSets.Trait, InstructionSets.Every)]</c> runs again in a child under each set.
/// The old switches EnableAVX512F and EnableFMA are ignored by .NET 10; these are not.
/// </remarks>
public static class InstructionSets
{
    /// <summary>The trait of tests that run again under every instruction set.</summary>
    public const string Trait = "InstructionSets";

    /// <summary>The trait's one value.</summary>
    public const string Every = "every";

    /// <summary>What the parent expects of <c>Isa.Name</c> in the child.</summary>
    public const string ExpectedPath = "DSREF_EXPECTED_PATH";

    /// <summary>All sets but the best, under which the parent itself runs.</summary>
    public static IReadOnlyList<InstructionSet> Confined { get; } =
    [
        new("AVX2", "AVX2+FMA", "DOTNET_EnableAVX512=0"),
        new("128-bit", "scalar", "DOTNET_EnableAVX2=0"),
        new("no intrinsics", "scalar", "DOTNET_EnableHWIntrinsic=0"),
    ];

    /// <summary>For <c>[MemberData]</c>.</summary>
    public static TheoryData<InstructionSet> Theory => [.. Confined];

    /// <summary>Runs this test assembly's marked tests in a child confined to a set.</summary>
    public static Outcome RunMarkedTests(InstructionSet set, TimeSpan limit) => RunTests(set, limit, "--filter-trait", $"{Trait}={Every}");

    /// <summary>Runs the tests of some namespaces of this assembly in a child confined to a set.</summary>
    public static Outcome RunNamespaces(InstructionSet set, TimeSpan limit, params string[] namespaces) => RunTests(set, limit, ["--filter-namespace", .. namespaces]);

    private static Outcome RunTests(InstructionSet set, TimeSpan limit, params string[] filter)
    {
        string[] environment = RuntimeInformation.ProcessArchitecture == Architecture.X64 && set.Path.Length > 0
            ? [.. set.Switches, $"{ExpectedPath}={set.Path}"]
            : set.Switches;
        return Run(Environment.ProcessPath ?? "dotnet", [Assembly.GetExecutingAssembly().Location, .. filter, "--no-ansi", "--progress", "off"], environment, limit);
    }

    /// <summary>Runs a program to its end; past the limit it and its children are killed and the outcome says so.</summary>
    public static Outcome Run(string program, IEnumerable<string> arguments, IEnumerable<string> environment, TimeSpan limit)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        bool isHost = System.IO.Path.GetFileNameWithoutExtension(program).Equals("dotnet", StringComparison.OrdinalIgnoreCase);
        foreach (string argument in isHost ? arguments : arguments.SkipWhile(a => a.EndsWith(".dll", StringComparison.Ordinal)))
            start.ArgumentList.Add(argument);
        // A child of a test host must not take the host's pipes for its own.
        foreach (string name in start.Environment.Keys.Where(k => k.StartsWith("TESTINGPLATFORM_", StringComparison.Ordinal)).ToArray())
            start.Environment.Remove(name);
        foreach (string setting in environment)
        {
            int equals = setting.IndexOf('=', StringComparison.Ordinal);
            start.Environment[setting[..equals]] = setting[(equals + 1)..];
        }

        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        bool ended = process.WaitForExit(limit);
        if (!ended)
            process.Kill(entireProcessTree: true);
        process.WaitForExit();
        return new Outcome(ended ? process.ExitCode : -1, output.Result, error.Result);
    }

    /// <summary>How a child ended: its exit code (-1: killed at its limit) and what it wrote.</summary>
    public sealed record Outcome(int ExitCode, string Output, string Error)
    {
        /// <inheritdoc/>
        public override string ToString() => $"exit code {ExitCode}\n{Output}\n{Error}";
    }
}
