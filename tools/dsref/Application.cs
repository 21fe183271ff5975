using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
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
            terminal.Fail($"{Complaint(parsed)} `{CommandPath(parsed)} --help` shows the usage.");
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
        catch (BackendException e)
        {
            terminal.Fail(e.Message);
            return ExitCode.Crashed;
        }
        catch (Exception e) when (e is ReferenceException or IOException or UnauthorizedAccessException or RegexMatchTimeoutException)
        {
            terminal.Fail(e.Message);
            return ExitCode.BadInput;
        }
        catch (AggregateException e) when (e.Flatten().InnerExceptions.OfType<ReferenceException>().Any())
        {
            terminal.Fail(e.Flatten().InnerExceptions.OfType<ReferenceException>().First().Message);
            return ExitCode.BadInput;
        }
        catch (OperationCanceledException)
        {
            return terminal.FailInterrupted();
        }
        catch (OutOfMemoryException)
        {
            terminal.Fail("not enough memory for what was asked; ask for less, or run on a machine with more");
            return ExitCode.BadInput;
        }
        catch (Exception e)
        {
            terminal.Fail($"{e.GetType().Name} where no error was expected: {e.Message} This is a fault of dsref or of the backend, not of the input; please report it with the command");
            return ExitCode.Crashed;
        }
    }

    private static RootCommand Root(Terminal terminal) => new("DeepSeek-V3 to the bit: verify, run, generate, grad, diff, inspect.\n\nExample:\n  dsref verify")
    {
        VerifyVerb.Command(terminal),
        ListVerb.Command(terminal),
        ShowVerb.Command(terminal),
        GenVerb.Command(terminal),
        RunVerb.Command(terminal),
        GenerateVerb.Command(terminal),
        TrainVerb.Command(terminal),
        EvalVerb.Command(terminal),
        GradVerb.Command(terminal),
        ChatVerb.Command(terminal),
        TokenizeVerb.Command(terminal),
        TokenizerVerbs.Command(terminal),
        CheckVerb.Command(terminal),
        DiffVerb.Command(terminal),
        InspectVerb.Command(terminal),
        BisectVerb.Command(terminal),
        ShrinkVerb.Command(terminal),
        VectorsVerb.Command(terminal),
        MmaVerb.Command(terminal),
        ConvertVerbs.Quantize(terminal),
        ConvertVerbs.Dequantize(terminal),
        CaptureVerb.Command(terminal),
        LabVerb.Command(terminal),
        ExplainVerb.Command(terminal),
        ProbeVerb.Command(terminal),
    };

    /// <summary>The parser's first complaint, in words of the command line: a verb that does not exist comes before the one that is missing, and types have no .NET names.</summary>
    private static string Complaint(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        if (command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Count > 0)
            return $"'{parsed.UnmatchedTokens[0]}' is none of {string.Join(", ", command.Subcommands.Select(c => c.Name))}.";
        string message = parsed.Errors[0].Message;
        int type = message.IndexOf(" as expected type", StringComparison.Ordinal);
        return type < 0 ? message : $"{message[..type]}: a whole number in range is expected.";
    }

    private static string CommandPath(ParseResult parsed)
    {
        string path = "";
        for (SymbolResult? at = parsed.CommandResult; at is CommandResult { Command: not RootCommand } named; at = at.Parent)
            path = $" {named.Command.Name}{path}";
        return "dsref" + path;
    }
}
