using System.Net;
using System.Text.RegularExpressions;
using DeepSeek.Reference.Tests.House;
using DeepSeek.Reference.Tool.Reports;
using DeepSeek.Reference.Tool.Tests;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>The page that <c>dsref verify --html</c> writes, opened in Chromium: its script runs, its filters filter, and no text of a case becomes markup.</summary>
public sealed partial class HtmlReportTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("dsref-html-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void The_page_lists_every_case_and_its_filters_reduce_them()
    {
        ReportRun run = SampleRun.Make();
        string page = Page();
        string all = Dom(page);
        Assert.Equal(run.Cases.Count, Rows(all));
        Assert.Contains($"{run.Cases.Count:N0} of {run.Cases.Count:N0}", all, StringComparison.Ordinal);
        Assert.Contains(">MISMATCH<", all, StringComparison.Ordinal);

        Assert.Equal(SampleRun.Plain / 3, Rows(Dom($"{page}#q=rms_norm")));
        Assert.Equal(run.Cases.Count(c => c.Verdict is Verification.Verdict.Fail or Verification.Verdict.Skip), Rows(Dom($"{page}#v=FAIL+SKIP")));
        Assert.Equal(0, Rows(Dom($"{page}#q=no_such_case")));
    }

    [Fact]
    public void Texts_of_cases_stay_texts()
    {
        string dom = Dom($"{Page()}#v=FAIL&open=2");
        Assert.Contains("<title>MISMATCH - dsref verify</title>", dom, StringComparison.Ordinal);
        Assert.DoesNotContain("<img", dom, StringComparison.Ordinal);
        Assert.Equal(2, Regex.Count(dom, "<tr class=\"detail\">"));
        Assert.Contains(WebUtility.HtmlDecode("&lt;/script&gt;"), WebUtility.HtmlDecode(dom), StringComparison.Ordinal);
        Assert.Contains("calc_diff", dom, StringComparison.Ordinal);
    }

    /// <summary>The check for errors would see one.</summary>
    [Fact]
    public void A_page_whose_script_fails_is_noticed()
    {
        string path = Path.Combine(folder, "broken.html");
        File.WriteAllText(path, "<!DOCTYPE html><title>broken</title><script>null.x</script>");
        Assert.Contains(":CONSOLE", Open(path).Error, StringComparison.Ordinal);
    }

    private string Page()
    {
        string path = Path.Combine(folder, "report.html");
        using FileStream file = File.Create(path);
        HtmlReport.Write(file, SampleRun.Make());
        return path;
    }

    private static int Rows(string dom) => CaseRow().Count(dom);

    /// <summary>The document once its script has run; nothing may have been said on the console.</summary>
    private string Dom(string page)
    {
        InstructionSets.Outcome outcome = Open(page);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.DoesNotContain("CONSOLE", outcome.Error, StringComparison.Ordinal);
        return outcome.Output;
    }

    private InstructionSets.Outcome Open(string page) => ForeignTool.RunQuietly("/usr/bin/chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        $"--user-data-dir={folder}/profile", "--enable-logging=stderr", "--dump-dom", $"file://{page}");

    [GeneratedRegex("<tr class=\"case( open)?\" tabindex")]
    private static partial Regex CaseRow();
}
