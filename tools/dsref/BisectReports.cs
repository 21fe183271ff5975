using System.Globalization;
using System.Text.Json;
using DeepSeek.Reference.Verification;
using Spectre.Console;

namespace DeepSeek.Reference.Tool;

/// <summary>Bisections as lines and as JSON.</summary>
internal static class BisectReports
{
    /// <summary>A dump: a line a stage, the first that fails, and what was not judged.</summary>
    public static void Write(Terminal terminal, BisectionReport report, int exit)
    {
        var table = new Table { Border = terminal.Display.Profile.Capabilities.Ansi ? TableBorder.Simple : TableBorder.None };
        foreach (string column in (string[])["", "stage", "relative L2", "limit", "differ", "explained", "end to end", "note"])
            table.AddColumn(column);
        foreach (StageReport s in report.Stages)
        {
            string differ = double.IsNaN(s.Stage.RelativeL2) ? "" : string.Create(CultureInfo.InvariantCulture, $"{s.Stage.Mismatches}/{s.Count}");
            string explained = s.Explained == 0 ? "" : s.Explained.ToString(CultureInfo.InvariantCulture);
            string note = s.Verdict.Passes() && s.IsPropagated && s.Note.Length == 0 ? "drift from before" : s.Note;
            table.AddRow(s.Verdict.Word(), Markup.Escape(Terminal.Plain(s.Probe)), Real(s.Stage.RelativeL2), Real(s.Limit.RelativeL2), differ, explained, Real(s.EndToEnd), Markup.Escape(Terminal.Plain(note)));
        }

        terminal.Display.Write(table);
        foreach (var group in report.Unjudged.GroupBy(u => u.Why).OrderByDescending(g => g.Count()))
            terminal.Display.WriteLine(Terminal.Plain($"UNJUDGED {group.Count()}: {string.Join(", ", group.Take(3).Select(u => u.Name))}{(group.Count() > 3 ? ", ..." : "")}: {group.Key}"));
        string summary = $"{report.Stages.Count} stages, contract {report.Contract.Name}, attention {report.Contract.Attention.ToString().ToLowerInvariant()}, names {report.Names}, {report.Orders} other orders";
        if (report.FirstFailure is not { } first)
        {
            int drift = report.Stages.Count(s => s.IsPropagated);
            terminal.Display.WriteLine($"{(exit == ExitCode.Pass ? "OK: every stage passes" : "NOTHING RAN")}; {summary}; {report.Unjudged.Count} UNJUDGED{(drift > 0 ? $"; {drift} differ end to end by drift alone" : "")}");
            return;
        }

        int at = report.Stages.ToList().IndexOf(first);
        StageReport[] after = [.. report.Stages.Skip(at + 1)];
        int failed = after.Count(s => !s.Verdict.Passes());
        terminal.Display.WriteLine(Terminal.Plain($"MISMATCH: {summary}; {report.Unjudged.Count} UNJUDGED"));
        terminal.Display.WriteLine(Terminal.Plain($"first failure: {first.Probe}{(first.Source == first.Probe ? "" : $" ({first.Source})")}: {first.Note}"));
        terminal.Display.WriteLine(Terminal.Plain($"  recomputed from {(first.From.Count == 0 ? "the ids" : string.Join(", ", first.From))} of the dump{(first.Missing.Count == 0 ? "" : $"; not in the dump, so the fault may lie there too: {string.Join(", ", first.Missing)}")}"));
        terminal.Display.WriteLine($"  {at} stages before it pass; after it {after.Length - failed} pass on the dump's own values{(failed == 0 ? "" : $" and {failed} fail too: {string.Join(", ", after.Where(s => !s.Verdict.Passes()).Take(3).Select(s => s.Probe))}{(failed > 3 ? ", ..." : "")}")}");
    }

    /// <summary>A backend: a line an operation, and the first call that is wrong.</summary>
    public static void Write(Terminal terminal, string backend, BackendBisectionReport report, int exit)
    {
        var table = new Table { Border = terminal.Display.Profile.Capabilities.Ansi ? TableBorder.Simple : TableBorder.None };
        foreach (string column in (string[])["", "operation", "calls", "alone: logits, relative L2", "other tokens", "first wrong call"])
            table.AddColumn(column);
        foreach (OperationSwap o in report.Operations)
        {
            string first = o.First is { } wrong ? $"call {wrong.Number}, toward {wrong.Toward}: {wrong.Note}" : o.Note;
            table.AddRow(o.Verdict.Word(), o.Operation.ToString(), $"{o.Calls}", Real(o.Logits), double.IsNaN(o.Logits) ? "" : $"{o.OtherTokens}/{report.Positions}", Markup.Escape(Terminal.Plain(first)));
        }

        terminal.Display.Write(table);
        terminal.Display.WriteLine(Terminal.Plain(report.First is { } found
            ? $"MISMATCH: backend {backend}, contract {report.Contract.Name}: first wrong call {found.Number}, {found.Call.Operation}, on the way to {found.Toward}: {found.Note}"
            : exit == ExitCode.Pass ? $"OK: backend {backend}, contract {report.Contract.Name}: {report.Operations.Count} operations pass on the reference's inputs" : $"NOTHING RAN: backend {backend} offers none of the model's operations"));
    }

    /// <summary>A dump as JSON.</summary>
    public static void WriteJson(Terminal terminal, BisectionReport report, int exit) => JsonOutput.Write(terminal, "bisect", json =>
    {
        json.WriteString("contract", report.Contract.Name);
        json.WriteString("attention", report.Contract.Attention.ToString().ToLowerInvariant());
        json.WriteString("names", report.Names);
        json.WriteNumber("orders", report.Orders);
        json.WriteString("first_failure", report.FirstFailure?.Probe);
        json.WriteStartArray("stages");
        foreach (StageReport s in report.Stages)
        {
            json.WriteStartObject();
            json.WriteString("probe", s.Probe);
            json.WriteString("source", s.Source);
            json.WriteVerdict(s.Verdict);
            json.WriteString("check", s.Check);
            json.WriteString("note", s.Note);
            json.WriteReal("relative_l2", s.Stage.RelativeL2);
            json.WriteReal("limit", s.Limit.RelativeL2);
            json.WriteNumber("mismatches", s.Stage.Mismatches);
            json.WriteNumber("explained", s.Explained);
            json.WriteNumber("count", s.Count);
            json.WriteReal("end_to_end", s.EndToEnd);
            json.WriteBoolean("propagated", s.IsPropagated);
            json.WriteBoolean("fed", s.Fed);
            Strings(json, "from", s.From);
            Strings(json, "missing", s.Missing);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("unjudged");
        foreach ((string name, string why) in report.Unjudged)
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteString("why", why);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("exit", exit);
    });

    /// <summary>A backend as JSON.</summary>
    public static void WriteJson(Terminal terminal, string backend, BackendBisectionReport report, int exit) => JsonOutput.Write(terminal, "bisect", json =>
    {
        json.WriteString("contract", report.Contract.Name);
        json.WriteString("backend", backend);
        json.WriteNumber("positions", report.Positions);
        Call(json, "first", report.First);
        json.WriteStartArray("operations");
        foreach (OperationSwap o in report.Operations)
        {
            json.WriteStartObject();
            json.WriteString("operation", o.Operation.ToString());
            json.WriteVerdict(o.Verdict);
            json.WriteNumber("calls", o.Calls);
            json.WriteReal("logits_relative_l2", o.Logits);
            json.WriteNumber("other_tokens", o.OtherTokens);
            json.WriteString("note", o.Note);
            Call(json, "first", o.First);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("exit", exit);
    });

    private static void Call(Utf8JsonWriter json, string key, WrongCall? wrong)
    {
        if (wrong is null)
        {
            json.WriteNull(key);
            return;
        }

        json.WriteStartObject(key);
        json.WriteNumber("call", wrong.Number);
        json.WriteString("operation", wrong.Call.Operation.ToString());
        json.WriteString("toward", wrong.Toward);
        json.WriteString("note", wrong.Note);
        json.WriteEndObject();
    }

    private static void Strings(Utf8JsonWriter json, string key, IReadOnlyList<string> values)
    {
        json.WriteStartArray(key);
        foreach (string value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }

    private static string Real(double value) => double.IsNaN(value) ? "" : value.ToString("G3", CultureInfo.InvariantCulture);
}
