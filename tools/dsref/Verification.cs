using System.Diagnostics;
using System.Globalization;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Tool.Reports;
using DeepSeek.Reference.Verification;
using Spectre.Console;

namespace DeepSeek.Reference.Tool;

/// <summary>Runs selected cases, lists each with its verdict as it is known, and ends with a summary; <c>options</c> are those of the command that repeats a case.</summary>
internal sealed class Verification(Terminal terminal, IBackend backend, CaseLevel level, Verdict weakest, IReadOnlyList<string> required, IReadOnlyList<string> options, bool json)
{
    private readonly List<(SelectedCase Case, CaseReport Report)> results = [];
    private DateTimeOffset date;
    private TimeSpan elapsed;

    /// <summary>Runs all; returns the exit code.</summary>
    public int Run(IReadOnlyList<SelectedCase> cases)
    {
        date = DateTimeOffset.Now;
        long start = Stopwatch.GetTimestamp();
        using (var progress = new Progress(terminal))
        {
            foreach (SelectedCase c in cases)
            {
                progress.Report($"verify {c.Id}", results.Count, cases.Count);
                CaseReport report = c.Judge(backend);
                results.Add((c, report));
                progress.Clear();
                List(c, report, cases.Count == 1);
            }
        }

        elapsed = Stopwatch.GetElapsedTime(start);
        int exit = Exit();
        if (json)
            WriteJson(exit);
        else
            Summary(exit);
        return exit;
    }

    /// <summary>The run as its reports tell it.</summary>
    /// <param name="exit">The exit code.</param>
    public ReportRun Report(int exit) => new()
    {
        Backend = backend.Name,
        Isa = Isa.Name,
        Level = level.ToString().ToLowerInvariant(),
        Version = typeof(Verification).Assembly.GetName().Version!.ToString(3),
        Date = date,
        Elapsed = elapsed,
        Weakest = weakest,
        Missing = results.Count > 0 ? Missing() : [],
        Exit = exit,
        Cases = [.. results.Select(r => ReportCase.Of(r.Case, r.Report, options, weakest))],
    };

    private int Exit()
    {
        if (results.Any(r => r.Report.Crashed))
            return ExitCode.Crashed;
        if (results.Any(r => r.Report.Verdict > weakest && r.Report.Verdict is not (Verdict.Skip or Verdict.Unjudged)))
            return ExitCode.Mismatch;
        if (results.Count > 0 && Missing().Length > 0)
            return ExitCode.Mismatch;
        return results.Any(r => r.Report.Verdict <= weakest) ? ExitCode.Pass : ExitCode.NothingRan;
    }

    /// <summary>Required operations of which no case passed.</summary>
    private string[] Missing() => RequiredOperations.Missing(required, results.Where(r => r.Report.Verdict <= weakest && r.Case.Kind == "operation").Select(r => r.Case.Family));

    private void List(SelectedCase c, CaseReport report, bool alone)
    {
        if (json)
            return;
        string color = report.Verdict switch
        {
            _ when report.Verdict <= weakest => "green",
            Verdict.Skip or Verdict.Unjudged => "yellow",
            _ => "red",
        };
        string detail = report.Detail.Length == 0 ? "" : "  " + report.Detail;
        terminal.Display.MarkupLine($"[{color}]{report.Verdict.Word(),-8}[/] {Markup.Escape(c.Id + detail)}");
        if (report.Call is not null && (alone || report.Verdict > Verdict.Noise))
        {
            foreach (string line in JudgedLines.Of(report.Call))
                terminal.Display.WriteLine(line);
        }

        if (report.Verdict > weakest && report.Verdict is not (Verdict.Skip or Verdict.Unjudged))
            terminal.Display.WriteLine($"  repeat: {ReportCase.Of(c, report, options, weakest).Repro}");
        if (report.Model is null || !(alone || report.Verdict == Verdict.Fail))
            return;
        foreach (string line in ModelReport.Lines(report.Model))
            terminal.Display.WriteLine(line);
    }

    private void Summary(int exit)
    {
        if (results.Count == 0)
        {
            terminal.Fail("nothing ran: no case fits; `dsref list` shows the cases");
            return;
        }

        terminal.Display.WriteLine();
        var table = new Table { Border = terminal.Display.Profile.Capabilities.Ansi ? TableBorder.Simple : TableBorder.None };
        table.AddColumn("cases");
        Verdict[] shown = [.. results.Select(r => r.Report.Verdict).Distinct().Order()];
        foreach (Verdict verdict in shown)
            table.AddColumn(new TableColumn(verdict.Word()).RightAligned());
        table.AddColumn(new TableColumn("ms").RightAligned());
        foreach (var group in results.GroupBy(r => r.Case.Family))
        {
            string[] counts = [.. shown.Select(v => group.Count(r => r.Report.Verdict == v)).Select(n => n == 0 ? "" : n.ToString(CultureInfo.InvariantCulture))];
            table.AddRow([group.Key, .. counts, group.Sum(r => r.Report.Elapsed.TotalMilliseconds).ToString("F0", CultureInfo.InvariantCulture)]);
        }

        terminal.Display.Write(table);
        if (Missing() is { Length: > 0 } missing)
            terminal.Fail($"required, and no case passed: {string.Join(", ", missing)}");
        string total = string.Join(", ", shown.Select(v => $"{results.Count(r => r.Report.Verdict == v)} {v.Word()}"));
        terminal.Display.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{(exit == ExitCode.Pass ? "OK" : exit == ExitCode.Mismatch ? "MISMATCH" : exit == ExitCode.Crashed ? "CRASHED" : "NOTHING RAN")}: {results.Count} cases ({total}), backend {backend.Name}, {Isa.Name}, level {level.ToString().ToLowerInvariant()}, {elapsed.TotalSeconds:F1} s"));
    }

    private void WriteJson(int exit) => JsonOutput.Write(terminal, "verify", writer =>
    {
        writer.WriteString("backend", backend.Name);
        writer.WriteString("isa", Isa.Name);
        writer.WriteString("level", level.ToString().ToLowerInvariant());
        writer.WriteStartArray("cases");
        foreach ((SelectedCase c, CaseReport report) in results)
        {
            writer.WriteStartObject();
            writer.WriteString("id", c.Id);
            writer.WriteString("kind", c.Kind);
            writer.WriteVerdict(report.Verdict);
            writer.WriteString("detail", report.Detail);
            writer.WriteNumber("milliseconds", Math.Round(report.Elapsed.TotalMilliseconds, 3));
            if (report.Model is not null)
                ModelReport.Write(writer, report.Model);
            if (report.Runs > 0)
            {
                writer.WriteString("check", report.Check);
                writer.WriteNumber("runs", report.Runs);
                writer.WriteBoolean("nondeterministic", report.Nondeterministic);
            }

            if (report.Call is not null)
            {
                writer.WriteStartObject("judged");
                writer.WriteReport(report.Call);
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartObject("counts");
        foreach (Verdict verdict in results.Select(r => r.Report.Verdict).Distinct().Order())
            writer.WriteNumber(verdict.Word(), results.Count(r => r.Report.Verdict == verdict));
        writer.WriteEndObject();
        writer.WriteStartArray("required_missing");
        foreach (string name in Missing())
            writer.WriteStringValue(name);
        writer.WriteEndArray();
        writer.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 3));
        writer.WriteNumber("exit", exit);
    });
}
