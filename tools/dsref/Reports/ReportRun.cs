using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Reports;

/// <summary>A run of <c>verify</c> as its reports tell it.</summary>
internal sealed record ReportRun
{
    /// <summary>The backend's name.</summary>
    public required string Backend { get; init; }

    /// <summary>The vector instructions in use.</summary>
    public required string Isa { get; init; }

    /// <summary>quick or full.</summary>
    public required string Level { get; init; }

    /// <summary>The version of the tool.</summary>
    public required string Version { get; init; }

    /// <summary>When the run began.</summary>
    public required DateTimeOffset Date { get; init; }

    /// <summary>How long it took.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The weakest verdict that passes.</summary>
    public required Verdict Weakest { get; init; }

    /// <summary>Required operations of which no case passed.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];

    /// <summary>The exit code.</summary>
    public required int Exit { get; init; }

    /// <summary>The cases in the order they ran.</summary>
    public required IReadOnlyList<ReportCase> Cases { get; init; }

    /// <summary>The exit code in words, as the terminal's last line begins.</summary>
    public string Outcome => Exit switch
    {
        ExitCode.Pass => "OK",
        ExitCode.Mismatch => "MISMATCH",
        ExitCode.Crashed => "CRASHED",
        _ => "NOTHING RAN",
    };
}
