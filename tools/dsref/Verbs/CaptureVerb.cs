using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref capture</c>: what hardware gave, beside the model of its matrix unit, bit by bit.</summary>
internal static class CaptureVerb
{
    private static readonly string[] Endings = [".capture", ".capture.gz", CapturedSweep.Extension];

    public static Command Command(Terminal terminal)
    {
        var targets = new Argument<string[]>("FILE|DIR") { Description = "Captures (.capture, .capture.gz, .sweep), or folders of them.", Arity = ArgumentArity.OneOrMore }.NamesPath();
        var unit = new Option<string?>("--unit") { Description = "Evaluate this model in place of the instruction's own.", HelpName = "NAME" };
        var differences = new Option<int>("--differences") { Description = "How many differences of a file to describe; 4.", HelpName = "N", DefaultValueFactory = _ => 4 };
        var explain = new Option<bool>("--explain") { Description = "Show how the model comes to its result, for each difference described." };
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("capture",
            "Compares captures of a GPU's matrix units, conversions and approximate functions with the models of this library. Exit 1 if a bit differs; functions without a model (tanh) are measured, never judged.\n\nExample:\n  dsref capture golden/hardware --differences 8")
        { targets, unit, differences, explain, threads, json };
        command.SetAction(parsed =>
        {
            TensorCore? model = parsed.GetValue(unit) is { } name ? TensorCore.Parse(name) : null;
            int keep = parsed.GetValue(differences);
            if (keep < 0)
                throw new ContractException($"--differences {keep}: take 0 or a positive number");
            int workers = SharedOptions.Workers(parsed.GetValue(threads));

            var results = new List<CaptureJudgement>();
            foreach (string file in Files(parsed.GetRequiredValue(targets)))
            {
                CaptureJudgement result;
                using (var progress = new Progress(terminal))
                    result = CaptureJudgement.Of(file, model, workers, keep, (done, of) => progress.Report(file, done, of));
                results.Add(result);
                if (!parsed.GetValue(json))
                    WriteLines(terminal, result, parsed.GetValue(explain));
            }

            int exit = results.Count == 0 ? ExitCode.NothingRan : results.TrueForAll(r => r.Passes) ? ExitCode.Pass : ExitCode.Mismatch;
            if (parsed.GetValue(json))
                WriteJson(terminal, results, exit);
            else
                terminal.Out.WriteLine(Summary(results, exit));
            return exit;
        });
        return command;
    }

    /// <summary>The files named, and the captures of folders named, in the order of their names.</summary>
    private static IEnumerable<string> Files(string[] targets) => targets.SelectMany(target => Directory.Exists(target) ? Captures(target) : [target]);

    private static IEnumerable<string> Captures(string folder) => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .Where(file => Endings.Any(ending => file.EndsWith(ending, StringComparison.Ordinal)))
        .Order(StringComparer.Ordinal);

    private static string Summary(List<CaptureJudgement> results, int exit)
    {
        CaptureJudgement[] judged = [.. results.Where(r => r.Judged)];
        string word = exit switch { ExitCode.Pass => "OK", ExitCode.NothingRan => "NOTHING RAN", _ => "MISMATCH" };
        string synthetic = results.Exists(r => r.IsSynthetic) ? $", {results.Count(r => r.IsSynthetic)} of them synthetic" : "";
        return string.Create(CultureInfo.InvariantCulture, $"{word}: {judged.Sum(r => r.Equal)} of {judged.Sum(r => r.Total)} equal in {judged.Length} files{synthetic}; {results.Count - judged.Length} files measured");
    }

    private static void WriteLines(Terminal terminal, CaptureJudgement r, bool explain)
    {
        terminal.Out.WriteLine(Terminal.Plain(string.Create(CultureInfo.InvariantCulture, $"{r.Path}: {r.Equal} of {r.Total} equal, {r.Model} ({r.Provenance})")));
        foreach (string line in r.Lines)
            terminal.Out.WriteLine("  " + Terminal.Plain(line));
        if (!explain || r.Dots is null)
            return;
        foreach (CaptureDifference d in r.Dots.First)
        {
            terminal.Out.WriteLine();
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"tile {d.Tile}, row {d.Row}, column {d.Column}: captured 0x{CaptureJudgement.Hex([d.Captured], r.Dots.Dots.Instruction.Accumulator)}"));
            MmaReport.WriteTables(terminal, MmaEvaluation.Plain(new MmaOperands(r.Dots.Unit, [.. d.A], [.. d.B], d.C), [], []));
        }
    }

    private static void WriteJson(Terminal terminal, List<CaptureJudgement> results, int exit) => JsonOutput.Write(terminal, "capture", json =>
    {
        json.WriteStartArray("files");
        foreach (CaptureJudgement r in results)
        {
            json.WriteStartObject();
            json.WriteString("file", r.Path);
            json.WriteString("kind", r.Kind);
            json.WriteString("origin", r.IsSynthetic ? "synthetic" : "hardware");
            json.WriteString("instruction", r.Instruction);
            json.WriteString("device", r.Device);
            json.WriteString("model", r.Model);
            json.WriteBoolean("judged", r.Judged);
            json.WriteNumber("total", r.Total);
            json.WriteNumber("equal", r.Equal);
            if (r.Dots is { } dots)
                WriteDots(json, dots);
            else if (r.Scalars is { } scalars)
                WriteScalars(json, scalars);
            else
                WriteSweep(json, r.Sweep!);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("exit", exit);
    });

    private static void WriteDots(Utf8JsonWriter json, CaptureReport report)
    {
        json.WriteStartObject("differences");
        foreach (DifferenceKind kind in CaptureJudgement.Kinds)
            json.WriteNumber(CaptureJudgement.Word(kind), report.Of(kind));
        json.WriteEndObject();
        json.WriteStartArray("first");
        foreach (CaptureDifference d in report.First)
        {
            json.WriteStartObject();
            json.WriteNumber("tile", d.Tile);
            json.WriteNumber("row", d.Row);
            json.WriteNumber("column", d.Column);
            json.WriteString("a", CaptureJudgement.Hex(d.A, report.Dots.Instruction.A));
            json.WriteString("b", CaptureJudgement.Hex(d.B, report.Dots.Instruction.B));
            json.WriteString("c", CaptureJudgement.Hex([d.C], report.Dots.Instruction.Accumulator));
            json.WriteString("captured", CaptureJudgement.Hex([d.Captured], report.Dots.Instruction.Accumulator));
            json.WriteString("model", CaptureJudgement.Hex([d.Model], report.Dots.Instruction.Accumulator));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteScalars(Utf8JsonWriter json, ScalarReport report)
    {
        json.WriteNumber("largest_distance", report.LargestDistance);
        json.WriteStartArray("first");
        foreach (ScalarDifference d in report.First)
        {
            json.WriteStartObject();
            json.WriteString("argument", $"0x{d.Argument:x8}");
            json.WriteString("captured", $"0x{d.Captured:x}");
            json.WriteString("expected", $"0x{d.Expected:x}");
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
    private static void WriteSweep(Utf8JsonWriter json, SweepReport report)
    {
        json.WriteNumber("digests", report.Digests);
        json.WriteStartArray("different");
        foreach (SweepLine line in report.Different)
        {
            json.WriteStartObject();
            json.WriteString("instruction", line.Instruction);
            json.WriteString("first", $"0x{line.First:x8}");
            json.WriteNumber("count", line.Count);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
