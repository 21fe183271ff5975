namespace DeepSeek.Reference.Tool;

/// <summary>What the process returns (docs/spec/command-line.md 2).</summary>
internal static class ExitCode
{
    /// <summary>All that ran passed.</summary>
    public const int Pass = 0;

    /// <summary>At least one result differs.</summary>
    public const int Mismatch = 1;

    /// <summary>Wrong usage, or input that cannot be used.</summary>
    public const int BadInput = 2;

    /// <summary>Nothing ran: no case was selected, or none is supported.</summary>
    public const int NothingRan = 3;

    /// <summary>A golden is missing or damaged.</summary>
    public const int BadGolden = 4;

    /// <summary>A backend, or the tool itself, failed where no input is at fault.</summary>
    public const int Crashed = 5;

    /// <summary>Interrupted by Ctrl-C.</summary>
    public const int Interrupted = 130;
}
