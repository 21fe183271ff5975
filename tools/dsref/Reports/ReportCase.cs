using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Reports;

/// <summary>What became of a case: counted as passed, as failed, or not counted.</summary>
internal enum CaseOutcome
{
    /// <summary>Its verdict passes.</summary>
    Passed,

    /// <summary>It does not.</summary>
    Failed,

    /// <summary>The backend broke down in it.</summary>
    Crashed,

    /// <summary>It did not run, or nothing says how to judge it.</summary>
    Skipped,
}

/// <summary>A case as reports tell it, whichever way it was judged.</summary>
internal sealed record ReportCase
{
    /// <summary>The case id, or the directory as named.</summary>
    public required string Id { get; init; }

    /// <summary>operation, outputs or model.</summary>
    public required string Kind { get; init; }

    /// <summary>What it is counted under: the operation's name.</summary>
    public required string Family { get; init; }

    /// <summary>The verdict.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>What the verdict counts as.</summary>
    public required CaseOutcome Outcome { get; init; }

    /// <summary>The check that decided; empty where a digest did.</summary>
    public string Check { get; init; } = "";

    /// <summary>Empty, or one line: what differs, or why it was skipped.</summary>
    public string Note { get; init; } = "";

    /// <summary>What the judgement proves and what it does not; may be empty.</summary>
    public string Proves { get; init; } = "";

    /// <summary>Time of the case's own work.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The command that repeats it.</summary>
    public required string Repro { get; init; }

    /// <summary>Its outputs, or a model's tensors; none where a digest decided alone.</summary>
    public IReadOnlyList<ReportPart> Parts { get; init; } = [];

    /// <summary>A case and how it came out; <paramref name="options"/> are those of the command that repeats it.</summary>
    public static ReportCase Of(SelectedCase c, CaseReport report, IReadOnlyList<string> options, Verdict weakest)
    {
        CallReport? call = report.Call;
        ModelCaseResult? model = report.Model;
        return new ReportCase
        {
            Id = c.Id,
            Kind = c.Kind,
            Family = c.Family,
            Verdict = report.Verdict,
            Outcome = report.Crashed ? CaseOutcome.Crashed : report.Verdict is Verdict.Skip or Verdict.Unjudged ? CaseOutcome.Skipped : report.Verdict <= weakest ? CaseOutcome.Passed : CaseOutcome.Failed,
            Check = report.Check,
            Note = report.Detail,
            Proves = call?.Proves ?? "",
            Elapsed = report.Elapsed,
            Repro = $"dsref verify {Target(c)} {string.Join(' ', options.Select(Quoted))}",
            Parts = call is not null ? [.. call.Outputs.Select(ReportPart.Of)] : model is not null ? [.. model.Tensors.Select(ReportPart.Of)] : [],
        };
    }

    /// <summary>An oracle of golden/ has no name that verify takes; a filter finds it.</summary>
    private static string Target(SelectedCase c) => c.Kind == "model" && c.Id.StartsWith("oracles/", StringComparison.Ordinal) ? $"--filter {Quoted($"^{c.Id}$")}" : Quoted(c.Id);

    /// <summary>A word for a POSIX shell: in double quotes where that is enough, so that Windows takes it too.</summary>
    private static string Quoted(string word)
    {
        if (word.Length > 0 && word.All(ch => char.IsAsciiLetterOrDigit(ch) || ch is '_' or '-' or '.' or '/'))
            return word;
        return word.AsSpan().ContainsAny("\"`!\\") || (word.Contains('$', StringComparison.Ordinal) && !word.EndsWith('$')) ? $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'" : $"\"{word}\"";
    }
}
