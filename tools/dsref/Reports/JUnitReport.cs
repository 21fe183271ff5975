using System.Globalization;
using System.Text;
using System.Xml;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Reports;

/// <summary>A run as JUnit XML, the form that CI systems read: a suite an operation, a test a case.</summary>
/// <remarks>
/// A verdict that passes is a passed test with its verdict as a property; FAIL and what else does not pass is a <c>failure</c> of that type, a backend that broke down an <c>error</c>; SKIP and UNJUDGED are <c>skipped</c>.
/// Times are seconds. A required operation of which nothing passed is a failed test of the suite <c>required</c>.
/// </remarks>
internal static class JUnitReport
{
    /// <summary>Writes the document.</summary>
    public static void Write(Stream to, ReportRun run)
    {
        var settings = new XmlWriterSettings { Indent = true, Encoding = new UTF8Encoding(false), NewLineChars = "\n" };
        using XmlWriter xml = XmlWriter.Create(to, settings);
        xml.WriteStartElement("testsuites");
        xml.WriteAttributeString("name", "dsref verify");
        WriteCounts(xml, run.Cases, run.Missing.Count, run.Elapsed);
        foreach (IGrouping<string, ReportCase> suite in run.Cases.GroupBy(c => c.Family))
            WriteSuite(xml, run, suite.Key, [.. suite]);
        if (run.Missing.Count > 0)
            WriteMissing(xml, run.Missing);
        xml.WriteEndElement();
    }

    private static void WriteSuite(XmlWriter xml, ReportRun run, string name, ReportCase[] cases)
    {
        xml.WriteStartElement("testsuite");
        xml.WriteAttributeString("name", Clean(name));
        WriteCounts(xml, cases, 0, TimeSpan.FromTicks(cases.Sum(c => c.Elapsed.Ticks)));
        xml.WriteAttributeString("timestamp", run.Date.UtcDateTime.ToString("s", CultureInfo.InvariantCulture));
        WriteProperties(xml, [("backend", run.Backend), ("isa", run.Isa), ("level", run.Level), ("version", run.Version), ("weakest verdict that passes", run.Weakest.Word())]);
        foreach (ReportCase c in cases)
            WriteCase(xml, c);
        xml.WriteEndElement();
    }

    private static void WriteCase(XmlWriter xml, ReportCase c)
    {
        xml.WriteStartElement("testcase");
        xml.WriteAttributeString("name", Clean(c.Id));
        xml.WriteAttributeString("classname", Clean($"dsref.{c.Family}"));
        xml.WriteAttributeString("time", Seconds(c.Elapsed));
        WriteProperties(xml, [("verdict", c.Verdict.Word()), ("kind", c.Kind), .. c.Check.Length > 0 ? [("check", c.Check)] : Array.Empty<(string, string)>()]);
        string message = c.Note.Length > 0 ? c.Note : c.Check.Length > 0 ? $"{c.Verdict.Word()} by {c.Check}" : c.Verdict.Word();
        if (c.Outcome is CaseOutcome.Failed or CaseOutcome.Crashed)
        {
            xml.WriteStartElement(c.Outcome == CaseOutcome.Failed ? "failure" : "error");
            xml.WriteAttributeString("message", Clean(message));
            xml.WriteAttributeString("type", c.Verdict.Word());
            xml.WriteString(Clean(Text(c)));
            xml.WriteEndElement();
        }
        else if (c.Outcome == CaseOutcome.Skipped)
        {
            xml.WriteStartElement("skipped");
            xml.WriteAttributeString("message", Clean(message));
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }

    /// <summary>What a person who reads a failure needs: each output with its figures, what is proved, the line that repeats it.</summary>
    private static string Text(ReportCase c)
    {
        var text = new StringBuilder();
        foreach (ReportPart part in c.Parts)
        {
            text.Append(CultureInfo.InvariantCulture, $"{part.Verdict} {part.Name}");
            foreach (string what in (string[])[part.Check, part.Note, .. part.Figures.Select(f => $"{f.Name} {f.Value}")])
                text.Append(what.Length > 0 ? ", " + what : "");
            text.Append('\n');
        }

        if (c.Proves.Length > 0)
            text.Append(c.Proves).Append('\n');
        return text.Append(c.Repro).ToString();
    }

    private static void WriteMissing(XmlWriter xml, IReadOnlyList<string> missing)
    {
        xml.WriteStartElement("testsuite");
        xml.WriteAttributeString("name", "required");
        WriteCounts(xml, [], missing.Count, TimeSpan.Zero);
        foreach (string operation in missing)
        {
            xml.WriteStartElement("testcase");
            xml.WriteAttributeString("name", Clean(operation));
            xml.WriteAttributeString("classname", "dsref.required");
            xml.WriteAttributeString("time", "0");
            xml.WriteStartElement("failure");
            xml.WriteAttributeString("message", Clean($"no case of {operation} passed"));
            xml.WriteAttributeString("type", "required");
            xml.WriteEndElement();
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }

    private static void WriteCounts(XmlWriter xml, IReadOnlyList<ReportCase> cases, int missing, TimeSpan elapsed)
    {
        (string Name, int Count)[] counts =
            [("tests", cases.Count + missing), ("failures", cases.Count(c => c.Outcome == CaseOutcome.Failed) + missing), ("errors", cases.Count(c => c.Outcome == CaseOutcome.Crashed)), ("skipped", cases.Count(c => c.Outcome == CaseOutcome.Skipped))];
        foreach ((string name, int count) in counts)
            xml.WriteAttributeString(name, count.ToString(CultureInfo.InvariantCulture));
        xml.WriteAttributeString("time", Seconds(elapsed));
    }

    private static void WriteProperties(XmlWriter xml, IReadOnlyList<(string Name, string Value)> properties)
    {
        xml.WriteStartElement("properties");
        foreach ((string name, string value) in properties)
        {
            xml.WriteStartElement("property");
            xml.WriteAttributeString("name", name);
            xml.WriteAttributeString("value", Clean(value));
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("F6", CultureInfo.InvariantCulture);

    /// <summary>Text without what XML 1.0 cannot hold even escaped: control characters, half a surrogate pair.</summary>
    private static string Clean(string text)
    {
        var clean = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
                clean.Append(text[i]).Append(text[++i]);
            else
                clean.Append(XmlConvert.IsXmlChar(text[i]) ? text[i] : '?');
        }

        return clean.ToString();
    }
}
