using System.CommandLine;
using DeepSeek.Reference.Tool.Verbs;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>The command line: parses, runs a verb, and turns every expected failure into one line and an exit code.</summary>
internal static class Application
{
    /// <summary>Runs one command and returns its exit code.</summary>
    public static int Run(string[] args, Terminal terminal)
    {
        ParseResult parsed = Root(terminal).Parse(args);
        if (parsed.Errors.Count > 0)
        {
            terminal.Fail($"{parsed.Errors[0].Message} `{CommandPath(parsed)} --help` shows the usage.");
            return ExitCode.BadInput;
        }

        try
        {
            return parsed.Invoke(new InvocationConfiguration { Output = terminal.Out, Error = terminal.Error, EnableDefaultExceptionHandler = false });
        }
        catch (GoldenException e)
        {
            terminal.Fail(e.Message);
            return ExitCode.BadGolden;
        }
        catch (Exception e) when (e is ReferenceException or IOException or UnauthorizedAccessException)
        {
            terminal.Fail(e.Message);
            return ExitCode.BadInput;
        }
        catch (OperationCanceledException)
        {
            terminal.Fail("interrupted; nothing was written");
            return ExitCode.Interrupted;
        }
    }

    private static RootCommand Root(Terminal terminal) => new("DeepSeek-V3 to the bit: verify, run, generate, diff, inspect.\n\nExample:\n  dsref verify")
    {
        VerifyVerb.Command(terminal),
        ListVerb.Command(terminal),
        ShowVerb.Command(terminal),
        GenVerb.Command(terminal),
        RunVerb.Command(terminal),
        GenerateVerb.Command(terminal),
        DiffVerb.Command(terminal),
        InspectVerb.Command(terminal),
        LabVerb.Command(terminal),
    };

    private static string CommandPath(ParseResult parsed)
    {
        string name = parsed.CommandResult.Command.Name;
        return parsed.CommandResult.Command is RootCommand ? "dsref" : $"dsref {name}";
    }
}
