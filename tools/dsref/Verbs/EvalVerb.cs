using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Text;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref eval</c>: the bits a byte that a model needs for texts, as a compressor's are counted.</summary>
internal static class EvalVerb
{
    public static Command Command(Terminal terminal)
    {
        var model = new ModelOptions();
        var data = new Option<string>("--data") { Description = "A text file, a .jsonl file with a text on each line, or a folder of them; folders in it are counted apart.", HelpName = "PATH", Required = true }.NamesPath();
        var window = new Option<int>("--window") { Description = "Ids that the model sees at once.", HelpName = "N", DefaultValueFactory = _ => 256 };
        var context = new Option<int?>("--context") { Description = "Ids of a window that the one before it predicted; by default half the window.", HelpName = "N" };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("eval",
            "Counts the bits a byte that a model needs for texts it has not seen: the length of the code that its probabilities give, beside which a compressor can be put.\n\nExample:\n  dsref eval --data heldout");
        model.AddTo(command, prompts: false);
        foreach (Option option in (Option[])[data, window, context, json])
            command.Add(option);
        command.SetAction(parsed =>
        {
            string path = parsed.GetRequiredValue(data);
            int taken = parsed.GetValue(window);
            using var progress = new Progress(terminal);
            var tokenizer = TrainingTokenizer.Load(model.Directory(parsed));
            using DeepSeekModel loaded = model.Open(parsed, terminal);
            if (tokenizer.VocabularySize > loaded.Config.VocabSize)
                throw new DataException($"{model.Directory(parsed)}: tokenizer.json has {tokenizer.VocabularySize} ids, but vocab_size of config.json is {loaded.Config.VocabSize}; the two belong to different models");
            var length = new CodeLength(loaded, taken, parsed.GetValue(context) ?? taken / 2);
            var sums = new SortedDictionary<string, Sum>(StringComparer.Ordinal);
            long bytes = 0;
            foreach (TextDocument document in TextDocuments.Read(path))
            {
                int[] ids = [tokenizer.Special.BeginOfSentence, .. tokenizer.Encode(document.Text), tokenizer.Special.EndOfSentence];
                Sum sum = new(1, Encoding.UTF8.GetByteCount(document.Text), ids.Length - 1, length.Nats(ids, terminal.Cancelled));
                string group = Group(path, document.Place);
                sums[group] = sums.GetValueOrDefault(group) + sum;
                progress.Report("eval, bytes", bytes += sum.Bytes);
            }

            progress.Clear();
            if (sums.Count == 0)
                throw new DataException($"{path}: no text in it; name a file or a folder of texts");
            if (parsed.GetValue(json))
                WriteJson(terminal, loaded, length, sums);
            else
                WriteLines(terminal, loaded, length, sums);
            return ExitCode.Pass;
        });
        return command;
    }

    /// <summary>The folder of a document below the path that was given, "." where it lies in none.</summary>
    private static string Group(string path, string place)
    {
        if (!Directory.Exists(path))
            return ".";
        string[] parts = Path.GetRelativePath(path, place).Replace('\\', '/').Split('/');
        return parts.Length > 1 ? parts[0] : ".";
    }

    private static void WriteLines(Terminal terminal, DeepSeekModel model, CodeLength length, SortedDictionary<string, Sum> sums)
    {
        foreach ((string name, Sum sum) in sums)
            terminal.Out.WriteLine(sum.Line(name));
        if (sums.Count > 1)
            terminal.Out.WriteLine(All(sums).Line("all"));
        terminal.Out.WriteLine($"windows of {length.Window} ids, {length.Context} of them context; contract {model.Contract.Name}");
    }

    private static Sum All(SortedDictionary<string, Sum> sums) => sums.Values.Aggregate(default(Sum), (a, b) => a + b);

    private static void WriteJson(Terminal terminal, DeepSeekModel model, CodeLength length, SortedDictionary<string, Sum> sums) => JsonOutput.Write(terminal, "eval", json =>
    {
        json.WriteString("contract", model.Contract.Name);
        json.WriteString("backend", model.Backend.Name);
        json.WriteNumber("window", length.Window);
        json.WriteNumber("context", length.Context);
        json.WriteStartArray("groups");
        foreach ((string name, Sum sum) in sums)
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            sum.Write(json);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        All(sums).Write(json);
    });

    /// <summary>What texts need.</summary>
    private readonly record struct Sum(long Documents, long Bytes, long Tokens, double Nats)
    {
        /// <summary>ln 2 in binary64, not the platform's: what is printed is compared to the digit.</summary>
        private const double Ln2 = 0.6931471805599453;

        private double BitsPerByte => Nats / (Ln2 * Bytes);

        public static Sum operator +(Sum a, Sum b) => new(a.Documents + b.Documents, a.Bytes + b.Bytes, a.Tokens + b.Tokens, a.Nats + b.Nats);

        public string Line(string name) => string.Create(
            CultureInfo.InvariantCulture, $"{name}: {BitsPerByte:F4} bits a byte; {Documents} documents, {Bytes} bytes, {Tokens} tokens, {Nats / Tokens:F4} nats a token");

        public void Write(Utf8JsonWriter json)
        {
            json.WriteNumber("documents", Documents);
            json.WriteNumber("bytes", Bytes);
            json.WriteNumber("tokens", Tokens);
            json.WriteReal("nats", Nats);
            json.WriteReal("bits_per_byte", BitsPerByte);
        }
    }
}
