using Spectre.Console;

namespace DeepSeek.Reference.Tool;

/// <summary>Where a command writes: results to <see cref="Out"/>, progress and errors to <see cref="Error"/>. Plain text unless the stream is a terminal.</summary>
internal sealed class Terminal
{
    private readonly Lock telling = new();
    private bool interruptionTold;

    public Terminal(TextWriter output, TextWriter error, bool outIsTerminal, bool errorIsTerminal, CancellationToken cancelled)
    {
        Out = output;
        Error = error;
        ErrorIsTerminal = errorIsTerminal;
        Cancelled = cancelled;
        Display = Console(output, outIsTerminal);
        ErrorDisplay = Console(error, errorIsTerminal, moves: errorIsTerminal);
    }

    /// <summary>Standard output.</summary>
    public TextWriter Out { get; }

    /// <summary>Standard error.</summary>
    public TextWriter Error { get; }

    /// <summary>Standard input; empty unless the process's own streams are in use.</summary>
    public TextReader In { get; init; } = TextReader.Null;

    /// <summary>Opens the bytes of standard input, for who cannot take a text whose unsound bytes were replaced; empty unless the process's own streams are in use.</summary>
    public Func<Stream> InBytes { get; init; } = () => Stream.Null;

    /// <summary>Whether a person types.</summary>
    public bool InIsTerminal { get; init; }

    /// <summary>What Ctrl-C does in the place of ending the command; null where it ends it.</summary>
    public Action? TakesInterrupt { get; set; }

    /// <summary>Whether a person watches standard error.</summary>
    public bool ErrorIsTerminal { get; }

    /// <summary>Set by Ctrl-C.</summary>
    public CancellationToken Cancelled { get; }

    /// <summary>Standard output for tables; no colour under NO_COLOR, no escape sequence when redirected.</summary>
    public IAnsiConsole Display { get; }

    /// <summary>Standard error for a progress bar; as <see cref="Display"/>.</summary>
    public IAnsiConsole ErrorDisplay { get; }

    /// <summary>The progress being told, whose line goes before an error is written.</summary>
    public Progress? Current { get; set; }

    /// <summary>Whether a command has begun to write files: from there on Ctrl-C takes effect at its steps alone.</summary>
    public bool IsWriting { get; private set; }

    /// <summary>What a command says that Ctrl-C ended.</summary>
    public string WhenInterrupted { get; private set; } = "interrupted; nothing was written";

    /// <summary>A command is about to write files.</summary>
    /// <exception cref="OperationCanceledException">Ctrl-C was pressed before.</exception>
    public void BeginWriting(string? whenInterrupted = null)
    {
        IsWriting = true;
        WhenInterrupted = whenInterrupted ?? WhenInterrupted;
        Cancelled.ThrowIfCancellationRequested();
    }

    /// <summary>The process's own streams.</summary>
    public static Terminal OfProcess(CancellationToken cancelled) => new(
        System.Console.Out, System.Console.Error, !System.Console.IsOutputRedirected, !System.Console.IsErrorRedirected, cancelled)
    {
        // Where nobody types, nobody sees that a byte was replaced.
        In = System.Console.IsInputRedirected ? new Utf8Reader(System.Console.OpenStandardInput(), "standard input") : System.Console.In,
        InBytes = System.Console.OpenStandardInput,
        InIsTerminal = !System.Console.IsInputRedirected,
    };

    /// <summary>A part of a text that a model writes, at once; where a person watches, without control characters that would move the cursor.</summary>
    public void Say(string part)
    {
        bool watched = Display.Profile.Out.IsTerminal;
        Out.Write(watched ? string.Concat(part.Where(c => c is '\n' or '\t' || !char.IsControl(c))) : part);
        Out.Flush();
    }

    /// <summary>One line of an error.</summary>
    public void Fail(string message)
    {
        Current?.Dispose();
        Error.WriteLine("dsref: " + Plain(message.ReplaceLineEndings(" ")));
    }

    /// <summary>Says that Ctrl-C ended the command: once, though the command and who waits for it may both find so. Returns the exit code.</summary>
    public int FailInterrupted()
    {
        // Whoever comes second waits for the line: the process ends when either returns.
        lock (telling)
        {
            if (!interruptionTold)
                Fail(WhenInterrupted);
            interruptionTold = true;
        }

        return ExitCode.Interrupted;
    }

    /// <summary>Text that came from a file, without the control characters that would move a cursor or begin a line.</summary>
    public static string Plain(string text) => string.Create(text.Length, text, (plain, from) =>
    {
        for (int i = 0; i < plain.Length; i++)
            plain[i] = char.IsControl(from[i]) ? '?' : from[i];
    });

    private static IAnsiConsole Console(TextWriter writer, bool isTerminal, bool moves = false)
    {
        bool color = isTerminal && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = color ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = color ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = moves ? InteractionSupport.Yes : InteractionSupport.No,
        });
        if (!isTerminal)
            console.Profile.Width = 4096;
        return console;
    }
}
