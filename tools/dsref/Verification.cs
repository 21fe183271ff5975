using System.Diagnostics;
using System.Globalization;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Verification;
using Spectre.Console;

namespace DeepSeek.Reference.Tool;

/// <summary>Runs selected cases, lists each with its verdict as it is known, and ends with a summary.</summary>
internal sealed class Verification(Terminal terminal, IBackend backend, CaseLevel level, bool json)
{
    private readonly List<(SelectedCase Case, OperationVerdict Verdict)> results = [];

    /// <summary>Runs all; returns the exit code.</summary>
    public int Run(IReadOnlyList<SelectedCase> cases)
    {
        long start = Stopwatch.GetTimestamp();
        using (var progress = new Progress(terminal))
        {
            foreach (SelectedCase c in cases)
            {
                progress.Report("verify", results.Count, cases.Count);
                OperationVerdict verdict = Judge(c);
                results.Add((c, verdict));
                progress.Clear();
                List(verdict);
            }
        }

        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        int exit = Exit();
        if (json)
            WriteJson(elapsed, exit);
        else
            Summary(elapsed, exit);
        return exit;
    }

    private OperationVerdict Judge(SelectedCase c)
    {
        if (c.Operation is null)
            return new OperationVerdict(c.Id, Verdict.Skip, "model cases are not offered yet", TimeSpan.Zero);
        return OperationJudge.Judge(c.Operation, c.Golden ?? OperationJudge.Record(c.Operation, new ScalarBackend(), []), backend);
    }

    private int Exit()
    {
        if (results.Any(r => !r.Verdict.Verdict.Passes() && r.Verdict.Verdict is not (Verdict.Skip or Verdict.Unjudged)))
            return ExitCode.Mismatch;
        return results.Any(r => r.Verdict.Verdict.Passes()) ? ExitCode.Pass : ExitCode.NothingRan;
    }

    private void List(OperationVerdict verdict)
    {
        if (json)
            return;
        string color = verdict.Verdict switch
        {
            Verdict.Bits or Verdict.Noise => "green",
            Verdict.Skip or Verdict.Unjudged => "yellow",
            _ => "red",
        };
        string detail = verdict.Detail.Length == 0 ? "" : "  " + verdict.Detail;
        terminal.Display.MarkupLine($"[{color}]{verdict.Verdict.Word(),-8}[/] {Markup.Escape(verdict.Id + detail)}");
    }

    private void Summary(TimeSpan elapsed, int exit)
    {
        if (results.Count == 0)
        {
            terminal.Fail("nothing ran: no case fits; `dsref list` shows the cases");
            return;
        }

        terminal.Display.WriteLine();
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumn("operation");
        Verdict[] shown = [.. results.Select(r => r.Verdict.Verdict).Distinct().Order()];
        foreach (Verdict verdict in shown)
            table.AddColumn(new TableColumn(verdict.Word()).RightAligned());
        table.AddColumn(new TableColumn("ms").RightAligned());
        foreach (var group in results.GroupBy(r => r.Case.Operation?.Id.Name ?? "model"))
        {
            string[] counts = [.. shown.Select(v => group.Count(r => r.Verdict.Verdict == v)).Select(n => n == 0 ? "" : n.ToString(CultureInfo.InvariantCulture))];
            table.AddRow([group.Key, .. counts, group.Sum(r => r.Verdict.Elapsed.TotalMilliseconds).ToString("F0", CultureInfo.InvariantCulture)]);
        }

        terminal.Display.Write(table);
        string total = string.Join(", ", shown.Select(v => $"{results.Count(r => r.Verdict.Verdict == v)} {v.Word()}"));
        terminal.Display.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{(exit == ExitCode.Pass ? "OK" : exit == ExitCode.Mismatch ? "MISMATCH" : "NOTHING RAN")}: {results.Count} cases ({total}), backend {backend.Name}, {Isa.Name}, level {level.ToString().ToLowerInvariant()}, {elapsed.TotalSeconds:F1} s"));
    }

    private void WriteJson(TimeSpan elapsed, int exit) => JsonOutput.Write(terminal, "verify", writer =>
    {
        writer.WriteString("backend", backend.Name);
        writer.WriteString("isa", Isa.Name);
        writer.WriteString("level", level.ToString().ToLowerInvariant());
        writer.WriteStartArray("cases");
        foreach ((SelectedCase c, OperationVerdict verdict) in results)
        {
            writer.WriteStartObject();
            writer.WriteString("id", verdict.Id);
            writer.WriteString("kind", c.Operation is null ? "model" : "operation");
            writer.WriteVerdict(verdict.Verdict);
            writer.WriteString("detail", verdict.Detail);
            writer.WriteNumber("milliseconds", Math.Round(verdict.Elapsed.TotalMilliseconds, 3));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartObject("counts");
        foreach (Verdict verdict in results.Select(r => r.Verdict.Verdict).Distinct().Order())
            writer.WriteNumber(verdict.Word(), results.Count(r => r.Verdict.Verdict == verdict));
        writer.WriteEndObject();
        writer.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 3));
        writer.WriteNumber("exit", exit);
    });
}
