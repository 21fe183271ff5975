using System.CommandLine;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref vectors FILE ...</c>: recorded or computed bit patterns against the definitions.</summary>
internal static class VectorsVerb
{
    private static readonly string[] Endings = [".jsonl", ".jsonl.gz", ".csv", ".csv.gz"];

    public static Command Command(Terminal terminal)
    {
        var files = new Argument<string[]>("FILE") { Description = "Files of vectors (.jsonl, .csv, plain or .gz), or folders of them.", Arity = ArgumentArity.OneOrMore }.NamesPath();
        var unit = new Option<string?>("--unit") { Description = "The matrix unit of every file, instead of the one that its name tells.", HelpName = "NAME" };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("vectors",
            "Evaluates files of bit patterns (docs/spec/tensor-cores.md 6): dot products of matrix units, block-scaled and BF16 products, quantisers, casts, functions. The kind is taken from a file's fields and name. Exit 1 if any result differs.\n\nExamples:\n  dsref vectors golden/vectors/dev\n  dsref vectors h100_wgmma_e4m3_f32.jsonl --json")
        { files, unit, json };
        command.SetAction(parsed =>
        {
            TensorCore? forced = parsed.GetValue(unit) is { } name ? TensorCore.Parse(name) : null;
            var reports = new List<VectorReport>();
            foreach (string path in parsed.GetRequiredValue(files).SelectMany(Files))
            {
                using var progress = new Progress(terminal);
                VectorReport report = VectorFile.Evaluate(path, forced, line => progress.Report(path, line));
                progress.Clear();
                reports.Add(report);
                if (!parsed.GetValue(json))
                    WriteLine(terminal, report);
            }

            int exit = reports.TrueForAll(r => r.Equal == r.Total) ? ExitCode.Pass : ExitCode.Mismatch;
            if (parsed.GetValue(json))
                WriteJson(terminal, reports, exit);
            else
                terminal.Out.WriteLine($"{reports.Sum(r => r.Equal)}/{reports.Sum(r => r.Total)} lines equal in {reports.Count} {(reports.Count == 1 ? "file" : "files")}");
            return exit;
        });
        return command;
    }

    /// <summary>A file as it was named, or those of a folder in the order of their names.</summary>
    private static IEnumerable<string> Files(string path)
    {
        if (!Directory.Exists(path))
            return [path];
        string[] inside = [.. Directory.EnumerateFiles(path).Where(f => Endings.Any(end => f.EndsWith(end, StringComparison.OrdinalIgnoreCase))).Order(StringComparer.Ordinal)];
        return inside.Length > 0 ? inside : throw new DataException($"{path}: holds no file that ends in {string.Join(", ", Endings)}; name the files of vectors");
    }

    private static void WriteLine(Terminal terminal, VectorReport report)
    {
        string difference = report.FirstDifference is null ? "" : $"; first difference: {report.FirstDifference}";
        string notRead = report.NotRead.Count == 0 ? "" : $"; not evaluated: {string.Join(", ", report.NotRead)}";
        terminal.Out.WriteLine(Terminal.Plain($"{report.Equal}/{report.Total} {report.Path} ({report.Kind}){difference}{notRead}"));
    }

    private static void WriteJson(Terminal terminal, List<VectorReport> reports, int exit) => JsonOutput.Write(terminal, "vectors", json =>
    {
        json.WriteStartArray("files");
        foreach (VectorReport report in reports)
        {
            json.WriteStartObject();
            json.WriteString("path", report.Path);
            json.WriteString("kind", report.Kind);
            json.WriteNumber("total", report.Total);
            json.WriteNumber("equal", report.Equal);
            json.WriteString("first_difference", report.FirstDifference);
            json.WriteStartArray("not_evaluated");
            foreach (string field in report.NotRead)
                json.WriteStringValue(field);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("total", reports.Sum(r => r.Total));
        json.WriteNumber("equal", reports.Sum(r => r.Equal));
        json.WriteNumber("exit", exit);
    });
}
