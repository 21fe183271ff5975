using DeepSeek.Reference.Tests.House;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>Runs a script or a program of this tree that needs more than the .NET SDK. A missing tool is a failure, never a skip.</summary>
internal static class ForeignTool
{
    /// <summary>Building, unpacking and running together; what is run has its own, shorter limit.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15);

    public static InstructionSets.Outcome Run(string program, params string[] arguments)
    {
        InstructionSets.Outcome outcome = RunQuietly(program, arguments);
        TestContext.Current.TestOutputHelper?.WriteLine(outcome.ToString());
        return outcome;
    }

    /// <summary>The same for a program whose output is too long for a log.</summary>
    public static InstructionSets.Outcome RunQuietly(string program, params string[] arguments)
    {
        try
        {
            return InstructionSets.Run(program, arguments, [], Limit);
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            throw new InvalidOperationException($"{program} is needed and cannot be started ({missing.Message}); run tools/ci/install.sh");
        }
    }

    public static void Pass(InstructionSets.Outcome outcome) => Assert.True(outcome.ExitCode == 0, outcome.ToString());

    public static string Script(string name) => Repository.Path("tools", "ci", name);
}
