using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Tool.Lab;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref lab budget</c>: what judging a large product finds within a time budget.</summary>
internal static class BudgetVerb
{
    private const string Shape = "scaled_linear[t=128,n=7168,k=7168,y=bf16,product=deepgemm-sm90]";

    public static Command Command(Terminal terminal)
    {
        var id = new Option<string>("--case") { Description = $"A product; {Shape}.", HelpName = "ID", DefaultValueFactory = _ => Shape };
        Option<double> budget = JudgeOptionsOf.Budget();
        Option<bool> full = JudgeOptionsOf.Full();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("budget",
            "Judges a binary32 product of one case within a time budget, as it is and with one element, one row and one tile wrong. Exit 1 if a wrong one passes.\n\nExamples:\n  dsref lab budget --budget 5\n  dsref lab budget --case \"scaled_linear[t=4096,n=7168,k=2048,y=bf16,product=deepgemm-sm90]\"")
        { id, budget, full, json };
        command.SetAction(parsed =>
        {
            JudgeOptions options = JudgeOptionsOf.Of(terminal, parsed.GetValue(budget), parsed.GetValue(full));
            IReadOnlyList<BudgetRow> rows;
            using (var progress = new Progress(terminal))
            {
                int step = 0;
                rows = BudgetExperiment.Run(parsed.GetRequiredValue(id), options, what => progress.Report(what, step++, 6));
            }

            if (parsed.GetValue(json))
                WriteJson(terminal, parsed.GetRequiredValue(id), rows);
            else
                WriteTable(terminal, rows);
            return rows.Skip(1).Any(r => r.Report.Verdict.Passes()) ? ExitCode.Mismatch : ExitCode.Pass;
        });
        return command;
    }

    private static void WriteTable(Terminal terminal, IReadOnlyList<BudgetRow> rows)
    {
        foreach (BudgetRow r in rows)
        {
            OutputReport y = r.Report.Outputs[0];
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{r.Candidate,-22}{r.Report.Verdict.Word(),-9}{r.Report.Check,-24}{r.Seconds,6:F1} s  {y.Note}"));
            terminal.Out.WriteLine($"  {r.Report.Proves}");
        }
    }

    private static void WriteJson(Terminal terminal, string id, IReadOnlyList<BudgetRow> rows) => JsonOutput.Write(terminal, "lab budget", json =>
    {
        json.WriteString("case", id);
        json.WriteStartArray("rows");
        foreach (BudgetRow r in rows)
        {
            json.WriteStartObject();
            json.WriteString("candidate", r.Candidate);
            json.WriteString("verdict", r.Report.Verdict.Word());
            json.WriteString("check", r.Report.Check);
            json.WriteNumber("seconds", Math.Round(r.Seconds, 2));
            json.WriteNumber("compared", r.Report.Outputs[0].Compared);
            json.WriteNumber("measured", r.Report.Outputs[0].Measured);
            json.WriteString("proves", r.Report.Proves);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
