using System.Globalization;
using System.Text;
using System.Text.Json;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Reports;

/// <summary>A run as one self-contained page: nothing is fetched, and the page says so to the browser.</summary>
/// <remarks>
/// page.html with the run as JSON in its place. The writer's default escapes leave no <c>&lt;</c>, <c>&gt;</c>, <c>&amp;</c> or quote in it, so that no text of a case
/// ends the element that holds it; the page's script puts every text into the document as text.
/// </remarks>
internal static class HtmlReport
{
    private const string Place = "/*run*/";

    /// <summary>Writes the page.</summary>
    public static void Write(Stream to, ReportRun run)
    {
        string page = Template();
        int at = page.IndexOf(Place, StringComparison.Ordinal);
        to.Write(Encoding.UTF8.GetBytes(page[..at]));
        using (var json = new Utf8JsonWriter(to))
            WriteRun(json, run);
        to.Write(Encoding.UTF8.GetBytes(page[(at + Place.Length)..]));
    }

    private static string Template()
    {
        using Stream stream = typeof(HtmlReport).Assembly.GetManifestResourceStream("reports/page.html")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private static void WriteRun(Utf8JsonWriter json, ReportRun run)
    {
        json.WriteStartObject();
        json.WriteString("outcome", run.Outcome);
        json.WriteString("backend", run.Backend);
        json.WriteString("isa", run.Isa);
        json.WriteString("level", run.Level);
        json.WriteString("version", run.Version);
        json.WriteString("date", run.Date.ToString("yyyy-MM-dd HH:mm zzz", CultureInfo.InvariantCulture));
        json.WriteNumber("seconds", Math.Round(run.Elapsed.TotalSeconds, 1));
        json.WriteString("weakest", run.Weakest.Word());
        WriteTexts(json, "missing", run.Missing);
        json.WriteStartArray("cases");
        foreach (ReportCase c in run.Cases)
            WriteCase(json, c);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Empty fields are left out: a page holds 1,400 cases, most of which have nothing to tell.</summary>
    private static void WriteCase(Utf8JsonWriter json, ReportCase c)
    {
        json.WriteStartObject();
        json.WriteString("id", c.Id);
        json.WriteString("family", c.Family);
        json.WriteString("kind", c.Kind);
        json.WriteString("verdict", c.Verdict.Word());
        json.WriteString("outcome", c.Outcome.ToString());
        json.WriteNumber("ms", Math.Round(c.Elapsed.TotalMilliseconds, 3));
        json.WriteString("repro", c.Repro);
        WriteText(json, "check", c.Check);
        WriteText(json, "note", c.Note);
        WriteText(json, "proves", c.Proves);
        if (c.Parts.Count > 0)
        {
            json.WriteStartArray("parts");
            foreach (ReportPart part in c.Parts)
                WritePart(json, part);
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void WritePart(Utf8JsonWriter json, ReportPart part)
    {
        json.WriteStartObject();
        json.WriteString("name", part.Name);
        json.WriteString("verdict", part.Verdict);
        WriteText(json, "check", part.Check);
        WriteText(json, "note", part.Note);
        json.WriteStartArray("figures");
        foreach (ReportFigure figure in part.Figures)
        {
            json.WriteStartArray();
            json.WriteStringValue(figure.Name);
            json.WriteStringValue(figure.Value);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter json, string name, string text)
    {
        if (text.Length > 0)
            json.WriteString(name, text);
    }

    private static void WriteTexts(Utf8JsonWriter json, string name, IReadOnlyList<string> texts)
    {
        json.WriteStartArray(name);
        foreach (string text in texts)
            json.WriteStringValue(text);
        json.WriteEndArray();
    }
}
