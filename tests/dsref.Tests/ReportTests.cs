using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using DeepSeek.Reference.Tool.Reports;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>docs/spec/reports.md: what <c>verify --junit</c> and <c>--html</c> write. That a browser shows the page is tests/External's.</summary>
public sealed class ReportTests(Models models) : IClassFixture<Models>
{
    private static readonly ReportRun Run = SampleRun.Make();

    [Fact]
    public void JUnit_has_a_test_for_each_case_in_a_suite_for_each_operation()
    {
        XElement root = JUnit();
        Assert.Equal("testsuites", root.Name);
        XElement[] cases = [.. root.Descendants("testcase")];
        Assert.Equal(Run.Cases.Count + Run.Missing.Count, cases.Length);
        Assert.Equal(cases.Length, (int)root.Attribute("tests")!);
        Assert.Equal(5, (int)root.Attribute("failures")!);
        Assert.Equal(1, (int)root.Attribute("errors")!);
        Assert.Equal(2, (int)root.Attribute("skipped")!);
        Assert.Equal(5, root.Descendants("failure").Count());
        Assert.Equal(2, root.Descendants("skipped").Count());
        Assert.Equal("the worker ended with signal 11", (string?)Assert.Single(root.Descendants("error")).Attribute("message"));
        foreach (string total in (string[])["tests", "failures", "errors", "skipped"])
            Assert.Equal((int)root.Attribute(total)!, root.Elements("testsuite").Sum(s => (int)s.Attribute(total)!));
        XElement linear = Assert.Single(root.Elements("testsuite"), s => (string?)s.Attribute("name") == "linear");
        Assert.Equal("./libkernels.so", (string?)linear.Element("properties")!.Elements().Single(p => (string?)p.Attribute("name") == "backend").Attribute("value"));
        Assert.Equal("2026-01-02T03:04:05", (string?)linear.Attribute("timestamp"));
    }

    [Fact]
    public void JUnit_tells_of_a_failure_what_its_reader_needs()
    {
        XElement failed = Assert.Single(JUnit().Descendants("testcase"), c => (string?)c.Attribute("name") == "scaled_linear[t=129,n=576,k=7168,contract=hopperfp8]");
        Assert.Equal("dsref.scaled_linear", (string?)failed.Attribute("classname"));
        XElement failure = failed.Element("failure")!;
        Assert.Equal("FAIL", (string?)failure.Attribute("type"));
        Assert.Contains("4.1 times", (string?)failure.Attribute("message"), StringComparison.Ordinal);
        Assert.Contains("calc_diff 9.6E-12", failure.Value, StringComparison.Ordinal);
        Assert.EndsWith("dsref verify \"scaled_linear[t=129,n=576,k=7168,contract=hopperfp8]\" --backend ./libkernels.so", failure.Value, StringComparison.Ordinal);
        XElement bound = Assert.Single(JUnit().Descendants("failure"), f => (string?)f.Attribute("type") == "BOUND");
        Assert.Equal("error/bound 0.61", (string?)bound.Attribute("message"));
    }

    /// <summary>What is no character of XML is replaced; everything else comes back as it went in.</summary>
    [Fact]
    public void JUnit_keeps_hostile_text()
    {
        string name = JUnit().Descendants("testcase").Select(c => (string)c.Attribute("name")!).Single(n => n.StartsWith("</script>", StringComparison.Ordinal));
        Assert.Equal(SampleRun.Hostile.Replace('\u0001', '?').Replace('\u001b', '?')[..^1] + "?", name);
    }

    [Fact]
    public void The_page_holds_its_run_as_data_that_no_text_can_leave()
    {
        string page = Html();
        const string Open = "<script type=\"application/json\" id=\"run\">";
        int start = page.IndexOf(Open, StringComparison.Ordinal) + Open.Length;
        string data = page[start..page.IndexOf("</script>", start, StringComparison.Ordinal)];
        Assert.DoesNotContain('<', data);
        JsonElement run = JsonDocument.Parse(data).RootElement;
        Assert.Equal(Run.Cases.Count, run.GetProperty("cases").GetArrayLength());
        Assert.Equal("MISMATCH", run.GetProperty("outcome").GetString());
        Assert.Equal("2026-01-02 03:04 +00:00", run.GetProperty("date").GetString());
        Assert.DoesNotContain("http:", page, StringComparison.Ordinal);
        Assert.DoesNotContain("https:", page, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_writes_both_and_says_the_same_in_each()
    {
        string junit = models.NewPath(".xml"), html = models.NewPath(".html");
        Outcome outcome = CommandLine.Run("verify", "softmax", "--level", "quick", "--junit", junit, "--html", html, "--json").Passes();
        int cases = outcome.Json.GetProperty("cases").GetArrayLength();
        Assert.True(cases > 0);
        Assert.Equal(cases, XDocument.Load(junit).Descendants("testcase").Count());
        Assert.Contains("\"outcome\":\"OK\"", File.ReadAllText(html), StringComparison.Ordinal);
        Assert.Equal([], Directory.GetFiles(models.Folder, ".*"));
    }

    [Fact]
    public void A_path_that_cannot_be_written_is_known_before_the_run()
    {
        string missing = Path.Combine(models.NewPath(), "report.html");
        Outcome outcome = CommandLine.Run("verify", "softmax", "--level", "quick", "--html", missing).RefusesWith(2, missing, "the directory does not exist");
        Assert.Equal("", outcome.Out);
        string one = models.NewPath();
        CommandLine.Run("verify", "softmax", "--junit", one, "--html", one).RefusesWith(2, "both name");
        CommandLine.Run("verify", "softmax", "--junit", models.Folder).RefusesWith(2, models.Folder);
        CommandLine.Run("verify", "--junit", "").RefusesWith(2, "--junit is empty");
    }

    /// <summary>The line that repeats a case does so.</summary>
    [Theory]
    [InlineData("softmax[t=3,n=65]", "operation", "dsref verify \"softmax[t=3,n=65]\" --backend simd")]
    [InlineData("oracles/fp32_short", "model", "dsref verify --filter \"^oracles/fp32_short$\" --backend simd")]
    [InlineData("it's $HOME", "model", "dsref verify 'it'\\''s $HOME' --backend simd")]
    public void The_line_that_repeats_a_case_is_one_of_a_shell(string id, string kind, string line)
    {
        var selected = new SelectedCase(id, kind, "family", _ => throw new InvalidOperationException());
        Assert.Equal(line, ReportCase.Of(selected, new CaseReport(Verdict.Bits, "", TimeSpan.Zero), ["--backend", "simd"], Verdict.Noise).Repro);
    }

    [Fact]
    public void A_case_counts_as_its_verdict_and_what_was_accepted_say()
    {
        static CaseOutcome Of(Verdict verdict, Verdict weakest, bool crashed = false) => ReportCase.Of(new SelectedCase("a", "operation", "a", _ => throw new InvalidOperationException()), new CaseReport(verdict, "", TimeSpan.Zero, Crashed: crashed), ["--backend", "simd"], weakest).Outcome;
        Assert.Equal(CaseOutcome.Passed, Of(Verdict.Noise, Verdict.Noise));
        Assert.Equal(CaseOutcome.Failed, Of(Verdict.Bound, Verdict.Noise));
        Assert.Equal(CaseOutcome.Passed, Of(Verdict.Bound, Verdict.Bound));
        Assert.Equal(CaseOutcome.Failed, Of(Verdict.Suspect, Verdict.Bound));
        Assert.Equal(CaseOutcome.Skipped, Of(Verdict.Skip, Verdict.Bound));
        Assert.Equal(CaseOutcome.Skipped, Of(Verdict.Unjudged, Verdict.Noise));
        Assert.Equal(CaseOutcome.Crashed, Of(Verdict.Fail, Verdict.Noise, crashed: true));
    }

    [Fact]
    public void A_judged_output_brings_its_figures()
    {
        Tensor expected = Tensor.From([1f, 2f, 4f], 3), actual = Tensor.From([1f, 2f, 5f], 3);
        var output = new OutputReport { Name = "y", Verdict = Verdict.Fail, Check = "bits", Comparison = TensorComparison.Compare(expected, actual) };
        ReportPart part = ReportPart.Of(output);
        Assert.Contains(new ReportFigure("bit-equal", "2 of 3"), part.Figures);
        Assert.Contains(new ReportFigure("first mismatch", "[2]"), part.Figures);
        Assert.Contains(new ReportFigure("max abs", "1"), part.Figures);
    }

    private static XElement JUnit()
    {
        using var bytes = new MemoryStream();
        JUnitReport.Write(bytes, Run);
        return XDocument.Parse(Encoding.UTF8.GetString(bytes.ToArray())).Root!;
    }

    private static string Html()
    {
        using var bytes = new MemoryStream();
        HtmlReport.Write(bytes, Run);
        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
