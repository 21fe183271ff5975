using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Faulty;
using DeepSeek.Reference.Tool.Lab;
using DeepSeek.Reference.Verification;
using Spectre.Console;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref lab zoo</c>: whether verification catches every bug of a zoo of wrong backends, and lets every legitimate one pass.</summary>
internal static class ZooVerb
{
    public static Command Command(Terminal terminal)
    {
        var seeds = new Option<int>("--seeds") { Description = "Fresh seeds for each case of a bug; 5. 0 runs no bugs.", HelpName = "N", DefaultValueFactory = _ => 5 };
        var legitimate = new Option<int>("--legitimate") { Description = "Runs of legitimate variants in all, each on a fresh seed; 250.", HelpName = "N", DefaultValueFactory = _ => 250 };
        var seed = new Option<string>("--seed") { Description = "What the fresh seeds are drawn from, decimal or 0x hexadecimal; 1.", HelpName = "S", DefaultValueFactory = _ => "1" };
        var budget = new Option<double>("--budget") { Description = "Seconds for judging one run; 1.", HelpName = "SECONDS", DefaultValueFactory = _ => 1 };
        var filter = new Option<string?>("--filter") { Description = "Only variants whose name matches the regular expression.", HelpName = "REGEX" };
        var list = new Option<bool>("--list") { Description = "Lists the variants, and runs nothing." };
        var markdown = new Option<bool>("--markdown") { Description = "The table as Markdown." };
        Option<bool> json = SharedOptions.Json();
        var command = new System.CommandLine.Command("zoo",
            "Verifies the verifier: runs backends that are wrong on purpose, and others that are only different, on fresh seeds. Exit 1 if a bug is not caught or a legitimate variant raises an alarm.\n\nExamples:\n  dsref lab zoo\n  dsref lab zoo --filter ^promotion --seeds 20\n  dsref lab zoo --seeds 0 --legitimate 10000")
        { seeds, legitimate, seed, budget, filter, list, markdown, json };
        command.SetAction(parsed =>
        {
            int count = parsed.GetValue(seeds), runs = parsed.GetValue(legitimate);
            if (count is < 0 or > 100_000)
                throw new ContractException($"--seeds {count}: take 0 to 100000");
            if (runs is < 0 or > 10_000_000)
                throw new ContractException($"--legitimate {runs}: take 0 to 10000000");
            double seconds = parsed.GetValue(budget);
            if (!(seconds > 0 && seconds <= 3600))
                throw new ContractException($"--budget {seconds}: take more than 0 and at most 3600 seconds");
            Regex wanted = SharedOptions.MakeFilter(parsed.GetValue(filter));
            if (parsed.GetValue(list))
                return List(terminal, wanted);
            var settings = new ZooSettings(SharedOptions.Seed(parsed.GetRequiredValue(seed)), count, runs, wanted, seconds);
            ZooResult result;
            using (var progress = new Progress(terminal))
                result = ZooExperiment.Run(settings, (name, done, of) => progress.Report(name, done, of));
            if (result.Bugs.Count + result.LegitimateRuns == 0)
                return ExitCode.NothingRan;
            if (parsed.GetValue(json))
                WriteJson(terminal, settings, result);
            else if (parsed.GetValue(markdown))
                WriteMarkdown(terminal, result);
            else
                WriteTable(terminal, result);
            return result.Bugs.All(b => b.Caught) && result.FalseAlarms.Count == 0 ? ExitCode.Pass : ExitCode.Mismatch;
        });
        return command;
    }

    private static int List(Terminal terminal, Regex wanted)
    {
        Variant[] variants = [.. Bugs.All.Concat(Legitimate.All).Where(v => wanted.IsMatch(v.Name))];
        foreach (Variant v in variants)
            terminal.Out.WriteLine($"faulty:{v.Name,-34} {OperationCase.Parse(v.Cases[0]).Id.Name,-22} {(Bugs.All.Contains(v) ? "wrong" : "legitimate"),-11} {v.Sentence}");
        return variants.Length > 0 ? ExitCode.Pass : ExitCode.NothingRan;
    }

    private static void WriteTable(Terminal terminal, ZooResult result)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("bug", "operation", "caught", "by", "wrong", "relative L2", "allclose", "calc_diff", "NMSE");
        foreach (ZooBug b in result.Bugs)
            table.AddRow(Cells(b).Select(Markup.Escape).ToArray());
        terminal.Display.Write(table);
        foreach (ZooRun run in result.Bugs.SelectMany(b => b.Escapes))
            terminal.Out.WriteLine($"escaped: {run.Name} on {run.Case}: {run.Verdict.Word()} ({run.Check}) {run.Note}");
        foreach (ZooRun run in result.FalseAlarms)
            terminal.Out.WriteLine($"false alarm: {run.Name} on {run.Case}: {run.Verdict.Word()} ({run.Check}) {run.Note}");
        terminal.Out.WriteLine(Summary(result));
    }

    private static void WriteMarkdown(Terminal terminal, ZooResult result)
    {
        terminal.Out.WriteLine("| bug | what is wrong | operation | caught by | wrong elements | relative L2 | allclose 1e-2 | calc_diff 1e-3 | NMSE 1e-7 |");
        terminal.Out.WriteLine("|---|---|---|---|---|---|---|---|---|");
        foreach (ZooBug b in result.Bugs)
        {
            string[] cells = Cells(b);
            terminal.Out.WriteLine($"| `{b.Bug.Name}` | {b.Bug.Sentence.TrimEnd('.').Replace("|", "\\|", StringComparison.Ordinal)} | {cells[1]} | {(b.Caught ? cells[3] : "**not caught**")} | {string.Join(" | ", cells[4..])} |");
        }

        terminal.Out.WriteLine();
        terminal.Out.WriteLine(Summary(result));
    }

    private static string[] Cells(ZooBug b) =>
    [
        b.Bug.Name, OperationCase.Parse(b.Bug.Cases[0]).Id.Name, b.Caught ? "yes" : $"no ({b.Escapes.Count})", string.Join(", ", b.Checks.Take(3)),
        b.Wrong.ToString("0.0e+0", CultureInfo.InvariantCulture), b.RelativeL2.ToString("0.0e+0", CultureInfo.InvariantCulture),
        Word(b.Peers.AllClose), Word(b.Peers.CalcDiff), Word(b.Peers.Nmse),
    ];

    private static string Word(bool passes) => passes ? "pass" : "fail";

    private static string Summary(ZooResult r) => string.Create(CultureInfo.InvariantCulture,
        $"{r.Bugs.Count(b => b.Caught)} of {r.Bugs.Count} bugs caught; allclose passes {r.Bugs.Count(b => b.Peers.AllClose)}, calc_diff {r.Bugs.Count(b => b.Peers.CalcDiff)}, NMSE {r.Bugs.Count(b => b.Peers.Nmse)} of them. {r.FalseAlarms.Count} false alarms in {r.LegitimateRuns} runs of {r.LegitimateVariants} legitimate variants.");

    private static void WriteJson(Terminal terminal, ZooSettings settings, ZooResult result) => JsonOutput.Write(terminal, "lab zoo", json =>
    {
        json.WriteNumber("seed", settings.Seed);
        json.WriteNumber("seeds", settings.Seeds);
        json.WriteNumber("bugs", result.Bugs.Count);
        json.WriteNumber("caught", result.Bugs.Count(b => b.Caught));
        json.WriteNumber("legitimate", result.LegitimateRuns);
        json.WriteNumber("falseAlarms", result.FalseAlarms.Count);
        json.WriteStartArray("results");
        foreach (ZooBug b in result.Bugs)
        {
            json.WriteStartObject();
            json.WriteString("name", b.Bug.Name);
            json.WriteString("sentence", b.Bug.Sentence);
            json.WriteString("operation", OperationCase.Parse(b.Bug.Cases[0]).Id.Name);
            json.WriteBoolean("caught", b.Caught);
            json.WriteStartArray("checks");
            foreach (string check in b.Checks)
                json.WriteStringValue(check);
            json.WriteEndArray();
            json.WriteReal("wrong", b.Wrong);
            json.WriteReal("relative_l2", b.RelativeL2);
            json.WriteBoolean("allclose", b.Peers.AllClose);
            json.WriteBoolean("calc_diff", b.Peers.CalcDiff);
            json.WriteBoolean("nmse", b.Peers.Nmse);
            WriteRuns(json, "escaped", b.Escapes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteRuns(json, "alarms", result.FalseAlarms);
    });

    private static void WriteRuns(System.Text.Json.Utf8JsonWriter json, string key, IReadOnlyList<ZooRun> runs)
    {
        json.WriteStartArray(key);
        foreach (ZooRun run in runs)
        {
            json.WriteStartObject();
            json.WriteString("name", run.Name);
            json.WriteString("case", run.Case);
            json.WriteVerdict(run.Verdict);
            json.WriteString("check", run.Check);
            json.WriteString("note", run.Note);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
