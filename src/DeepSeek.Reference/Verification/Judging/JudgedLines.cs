using System.Text.Json;

namespace DeepSeek.Reference.Verification;

/// <summary>A judged call for people and as JSON.</summary>
internal static class JudgedLines
{
    /// <summary>A line an output, and what the run proves.</summary>
    public static IEnumerable<string> Of(CallReport report)
    {
        foreach (OutputReport output in report.Outputs)
            yield return $"  {output.Verdict.Word(),-8} {output.Name}  {output.Check}{(output.Note.Length == 0 ? "" : ": " + output.Note)}";
        if (report.Proves.Length > 0)
            yield return "  " + report.Proves;
    }

    /// <summary>The call's verdict and its outputs.</summary>
    public static void WriteReport(this Utf8JsonWriter json, CallReport report)
    {
        json.WriteString("verdict", report.Verdict.Word());
        json.WriteString("check", report.Check);
        json.WriteString("proves", report.Proves);
        json.WriteStartArray("outputs");
        foreach (OutputReport output in report.Outputs)
        {
            json.WriteStartObject();
            json.WriteString("name", output.Name);
            json.WriteString("verdict", output.Verdict.Word());
            json.WriteString("check", output.Check);
            json.WriteString("note", output.Note);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
