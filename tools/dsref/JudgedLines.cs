using System.Text.Json;
using DeepSeek.Reference.Tool.Reports;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>A judged call for people and as JSON.</summary>
internal static class JudgedLines
{
    /// <summary>A line an output, the figures of those with other bits, and what the run proves.</summary>
    public static IEnumerable<string> Of(CallReport report)
    {
        foreach (OutputReport output in report.Outputs)
        {
            yield return $"  {output.Verdict.Word(),-8} {output.Name}  {output.Check}{(output.Note.Length == 0 ? "" : ": " + output.Note)}";
            if (output.Verdict == Verdict.Bits)
                continue;
            foreach (ReportFigure figure in OutputFigures.Of(output))
                yield return $"           {figure.Name,-27} {figure.Value}";
        }

        if (report.Proves.Length > 0)
            yield return "  " + report.Proves;
    }

    /// <summary>The call's verdict and its outputs.</summary>
    public static void WriteReport(this Utf8JsonWriter json, CallReport report)
    {
        json.WriteVerdict(report.Verdict);
        json.WriteString("check", report.Check);
        json.WriteString("proves", report.Proves);
        json.WriteNumber("recomputed", report.Recomputed);
        json.WriteNumber("seconds", Math.Round(report.Seconds, 3));
        json.WriteStartArray("outputs");
        foreach (OutputReport output in report.Outputs)
        {
            json.WriteStartObject();
            json.WriteString("name", output.Name);
            json.WriteVerdict(output.Verdict);
            json.WriteString("check", output.Check);
            json.WriteString("note", output.Note);
            OutputFigures.Write(json, output);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
