using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Tool.Lab;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref lab bounds</c>: whether anything that a correct kernel may do leaves the hard bounds, and how near it comes.</summary>
internal static class BoundsVerb
{
    private const long MostCases = 1_000_000_000;

    public static Command Command(Terminal terminal)
    {
        var cases = new Option<long>("--cases") { Description = "Random cases in all, the operations in turn; 2400.", HelpName = "N", DefaultValueFactory = _ => 2400 };
        var seed = new Option<string>("--seed") { Description = "What the cases are drawn from, below 2^31, decimal or 0x hexadecimal; 1.", HelpName = "S", DefaultValueFactory = _ => "1" };
        var filter = new Option<string?>("--filter") { Description = "Only operations whose name matches the regular expression.", HelpName = "REGEX" };
        var markdown = new Option<bool>("--markdown") { Description = "The table as Markdown." };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("bounds",
            "Draws small cases of every operation, has the definitions and legitimate variants make them, and holds the results against the hard bounds. Exit 1 if one is outside.\n\nExamples:\n  dsref lab bounds\n  dsref lab bounds --cases 100000 --seed 7\n  dsref lab bounds --filter attention --cases 5000")
        { cases, seed, filter, markdown, json };
        command.SetAction(parsed =>
        {
            long count = parsed.GetValue(cases);
            if (count is < 1 or > MostCases)
                throw new ContractException($"--cases {count}: take 1 to {MostCases}");
            ulong first = SharedOptions.Seed(parsed.GetRequiredValue(seed));
            if (first > int.MaxValue)
                throw new ContractException($"--seed {first}: take a number below 2^31");
            var settings = new BoundsSettings(count, (int)first, SharedOptions.MakeFilter(parsed.GetValue(filter)));
            IReadOnlyList<BoundSweepRow> rows;
            using (var progress = new Progress(terminal))
                rows = BoundsExperiment.Run(settings, done => progress.Report("case", done, count));
            if (rows.Count == 0)
                return ExitCode.NothingRan;
            if (parsed.GetValue(json))
                WriteJson(terminal, settings, rows);
            else if (parsed.GetValue(markdown))
                WriteMarkdown(terminal, rows);
            else
                WriteTable(terminal, rows);
            return rows.All(r => r.Violations == 0) ? ExitCode.Pass : ExitCode.Mismatch;
        });
        return command;
    }

    private static void WriteTable(Terminal terminal, IReadOnlyList<BoundSweepRow> rows)
    {
        terminal.Out.WriteLine($"{"operation",-24}{"cases",9}{"elements",13}{"free",10}{"outside",9}{"largest",10}{"in f32",10}");
        foreach (BoundSweepRow r in rows)
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{r.Operation,-24}{r.Cases,9}{r.Elements,13}{r.Free,10}{r.Violations,9}{r.Largest,10:F4}{r.LargestSingle,10:F4}"));
        WriteEnd(terminal, rows);
    }

    private static void WriteMarkdown(Terminal terminal, IReadOnlyList<BoundSweepRow> rows)
    {
        terminal.Out.WriteLine("| operation | cases | elements bounded | free | outside | largest error/bound | in binary32 |");
        terminal.Out.WriteLine("|---|---|---|---|---|---|---|");
        foreach (BoundSweepRow r in rows)
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {r.Operation} | {r.Cases} | {r.Elements} | {r.Free} | {r.Violations} | {r.Largest:F3} | {r.LargestSingle:F3} |"));
        terminal.Out.WriteLine();
        WriteEnd(terminal, rows);
    }

    private static void WriteEnd(Terminal terminal, IReadOnlyList<BoundSweepRow> rows)
    {
        foreach (BoundSweepRow r in rows.Where(r => r.Violations > 0))
            terminal.Out.WriteLine($"outside: {r.First}");
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{rows.Sum(r => r.Violations)} of {rows.Sum(r => r.Elements)} elements outside their bounds, {rows.Sum(r => r.Cases)} cases; {rows.Sum(r => r.Free)} elements of which nothing is promised."));
    }

    private static void WriteJson(Terminal terminal, BoundsSettings settings, IReadOnlyList<BoundSweepRow> rows) => JsonOutput.Write(terminal, "lab bounds", json =>
    {
        json.WriteNumber("seed", settings.Seed);
        json.WriteNumber("cases", rows.Sum(r => r.Cases));
        json.WriteNumber("elements", rows.Sum(r => r.Elements));
        json.WriteNumber("free", rows.Sum(r => r.Free));
        json.WriteNumber("violations", rows.Sum(r => r.Violations));
        json.WriteStartArray("rows");
        foreach (BoundSweepRow r in rows)
        {
            json.WriteStartObject();
            json.WriteString("operation", r.Operation);
            json.WriteNumber("cases", r.Cases);
            json.WriteNumber("elements", r.Elements);
            json.WriteNumber("free", r.Free);
            json.WriteNumber("violations", r.Violations);
            json.WriteReal("largest", r.Largest);
            json.WriteReal("largest_f32", r.LargestSingle);
            json.WriteString("first", r.First);
            json.WriteString("worst", r.Worst);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
