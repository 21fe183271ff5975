using System.CommandLine;
using DeepSeek.Reference.Text;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref tokenizer</c>: makes tokenizers.</summary>
internal static class TokenizerVerbs
{
    public static Command Command(Terminal terminal) => new("tokenizer", "Makes byte-level tokenizers in DeepSeek-V3's form.\n\nExample:\n  dsref tokenizer train --in corpus.txt --vocab-size 4096 --out tokenizer.json") { Train(terminal), Bytes(terminal) };

    private static Command Train(Terminal terminal)
    {
        var input = new Option<string[]>("--in") { Description = "Text files, UTF-8; each is a text of its own.", HelpName = "FILE", Required = true, AllowMultipleArgumentsPerToken = true }.NamesPath();
        var size = new Option<int>("--vocab-size") { Description = $"All ids, at most: 3 + 256 bytes + merges + 5 special tokens; from {TokenizerTrainer.LeastVocabulary}.", HelpName = "N", Required = true };
        var least = new Option<int>("--min-frequency") { Description = "How often a pair must come to be merged.", HelpName = "N", DefaultValueFactory = _ => 2 };
        Option<string> output = Output();
        var command = new Command("train", "Learns merges from texts (docs/spec/text.md 5). The same texts give the same file.\n\nExample:\n  dsref tokenizer train --in a.txt b.txt --vocab-size 4096 --out tokenizer.json") { input, size, least, output };
        command.SetAction(parsed =>
        {
            string[] files = parsed.GetRequiredValue(input);
            string to = parsed.GetRequiredValue(output);
            if (files.Any(f => Path.GetFullPath(f) == Path.GetFullPath(to)))
                throw new DataException($"--out {to}: this is an input, which would be lost; name another file");
            using var progress = new Progress(terminal);
            int room = parsed.GetValue(size);
            byte[] json = TokenizerTrainer.Train(files.Select(Utf8Text.Read), room, parsed.GetValue(least), made => progress.Report("merge", made, Math.Max(made, room - TokenizerTrainer.LeastVocabulary)), terminal.Cancelled);
            progress.Clear();
            Write(terminal, to, json);
            return ExitCode.Pass;
        });
        return command;
    }

    private static Command Bytes(Terminal terminal)
    {
        Option<string> output = Output();
        var command = new Command("bytes", "Writes a tokenizer without merges: the 256 bytes and the special tokens.\n\nExample:\n  dsref tokenizer bytes --out tokenizer.json") { output };
        command.SetAction(parsed =>
        {
            Write(terminal, parsed.GetRequiredValue(output), TokenizerTrainer.Bytes());
            return ExitCode.Pass;
        });
        return command;
    }

    private static Option<string> Output() => new Option<string>("--out") { Description = "The file to write; it appears whole or not at all.", HelpName = "tokenizer.json", Required = true }.NamesPath();

    private static void Write(Terminal terminal, string path, byte[] json)
    {
        terminal.BeginWriting();
        AtomicFile.Write(path, stream => stream.Write(json));
        DeepSeekTokenizer made = DeepSeekTokenizer.Parse(json, path);
        terminal.Out.WriteLine($"{path}: {made.IdLimit} ids, {made.IdLimit - TokenizerTrainer.LeastVocabulary} of them merged");
    }
}
