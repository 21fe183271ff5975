using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using DeepSeek.Reference.Text;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref tokenize</c>: texts and chats to ids, or ids to texts, a line at a time.</summary>
internal static class TokenizeVerb
{
    private static readonly JsonWriterOptions LineOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Command(Terminal terminal)
    {
        Option<string> tokenizer = Tokenizer();
        var input = new Option<string>("--in") { Description = "Rows, one JSON object a line: text or utf16 (code units), messages and add_generation_prompt, or ids with --decode.", HelpName = "F.jsonl", Required = true }.NamesPath();
        var output = new Option<string?>("--out") { Description = "The file to write; by default rows go to standard output, unless --check or --json is given.", HelpName = "G.jsonl" }.NamesPath();
        var check = new Option<bool>("--check") { Description = "Compare with the ids, decoded or text that a row holds; exit 1 on a difference." };
        var decode = new Option<bool>("--decode") { Description = "From ids to decoded and decoded_skip_special." };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("tokenize",
            "Encodes texts and chats, or decodes ids (docs/spec/text.md).\n\nExamples:\n  dsref tokenize --tokenizer path/to/tokenizer.json --in texts.jsonl --out ids.jsonl\n  dsref tokenize --tokenizer golden/tokenizer --in golden/tokenizer/encode.jsonl --check")
        { tokenizer, input, output, check, decode, json };
        command.SetAction(parsed =>
        {
            string path = parsed.GetRequiredValue(input), from = parsed.GetRequiredValue(tokenizer);
            string? to = parsed.GetValue(output);
            if (to is not null && (Path.GetFullPath(to) == Path.GetFullPath(path) || Path.GetFullPath(to) == Path.GetFullPath(from)))
                throw new DataException($"--out {to}: this is an input, which would be lost; name another file");
            var summary = new Summary(parsed.GetValue(check));
            DeepSeekTokenizer loaded = DeepSeekTokenizer.Load(from);
            var template = new Lazy<ChatTemplate>(() => ChatTemplate.Load(Directory.Exists(from) ? from : Path.GetDirectoryName(Path.GetFullPath(from))!));
            IEnumerable<TextRow> rows = Rows(path, loaded, template, parsed.GetValue(decode), terminal, summary);
            if (to is not null)
            {
                terminal.BeginWriting();
                AtomicFile.Write(to, stream => WriteLines(stream, rows));
            }
            else if (summary.Checks || parsed.GetValue(json))
            {
                foreach (TextRow _ in rows)
                {
                }
            }
            else
            {
                foreach (TextRow row in rows)
                    terminal.Out.WriteLine(Line(row));
            }

            int exit = summary is { Checks: true, Total: 0 } ? ExitCode.NothingRan : summary.Checks && summary.Equal < summary.Total ? ExitCode.Mismatch : ExitCode.Pass;
            Report(terminal, parsed.GetValue(json), path, summary, exit);
            return exit;
        });
        return command;
    }

    /// <summary>The option that names a tokenizer.</summary>
    public static Option<string> Tokenizer() => new Option<string>("--tokenizer") { Description = "A tokenizer.json, plain, .gz or .br, or a directory that holds one; its tokenizer_config.json beside it gives the chat template.", HelpName = "PATH", Required = true }.NamesPath();

    private static IEnumerable<TextRow> Rows(string path, DeepSeekTokenizer tokenizer, Lazy<ChatTemplate> template, bool decode, Terminal terminal, Summary summary)
    {
        using var progress = new Progress(terminal);
        int number = 0;
        foreach (string line in Utf8Text.Lines(path))
        {
            terminal.Cancelled.ThrowIfCancellationRequested();
            number++;
            if (string.IsNullOrWhiteSpace(line))
                continue;
            TextRow row = TextRow.Make(line, $"{path}, line {number}", tokenizer, template, decode);
            if (summary.Checks && !row.CanBeChecked)
                throw new DataException($"{path}, line {number}: holds nothing to check; {(decode ? "decoded or decoded_skip_special" : "ids")} is missing");
            summary.Add(row);
            progress.Report(path, number);
            yield return row;
        }
    }

    private static void WriteLines(Stream stream, IEnumerable<TextRow> rows)
    {
        using var writer = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        foreach (TextRow row in rows)
            writer.WriteLine(Line(row));
    }

    private static string Line(TextRow row)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, LineOptions))
            row.Write(json);
        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static void Report(Terminal terminal, bool asJson, string path, Summary summary, int exit)
    {
        if (asJson)
        {
            JsonOutput.Write(terminal, "tokenize", json =>
            {
                json.WriteString("in", path);
                json.WriteBoolean("checked", summary.Checks);
                json.WriteNumber("total", summary.Total);
                json.WriteNumber("equal", summary.Equal);
                json.WriteString("first_difference", summary.FirstDifference);
                json.WriteNumber("exit", exit);
            });
        }
        else if (summary.Checks)
        {
            terminal.Out.WriteLine(Terminal.Plain($"{summary.Equal}/{summary.Total} rows equal in {path}{(summary.FirstDifference is null ? "" : $"; first difference: {summary.FirstDifference}")}"));
        }
    }

    private sealed class Summary(bool checks)
    {
        public bool Checks { get; } = checks;

        public int Total { get; private set; }

        public int Equal { get; private set; }

        public string? FirstDifference { get; private set; }

        public void Add(TextRow row)
        {
            Total++;
            if (!Checks)
                return;
            if (row.Equal)
                Equal++;
            else
                FirstDifference ??= row.Difference;
        }
    }
}
