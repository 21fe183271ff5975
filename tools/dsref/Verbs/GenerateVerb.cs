using System.CommandLine;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Text;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref generate</c>: continues prompts, ids to ids or text to text.</summary>
internal static class GenerateVerb
{
    public static Command Command(Terminal terminal)
    {
        var model = new ModelOptions();
        var sampling = new SamplingOptions(128);
        var prompt = new Option<string[]>("--prompt") { Description = "A text to continue, behind BOS; the model's directory holds tokenizer.json. May be given again.", HelpName = "TEXT", AllowMultipleArgumentsPerToken = false };
        var promptFile = new Option<string?>("--prompt-file") { Description = "The text to continue, from a UTF-8 file; - reads standard input. Taken whole, a line break at its end too.", HelpName = "F.txt" }.NamesPath();
        var stream = new Option<bool>("--stream") { Description = "Write the text of --prompt or --prompt-file as it comes; of several line by line, behind \"row N: \"." };
        var ignoreEos = new Option<bool>("--ignore-eos") { Description = "Go on after the token that ends a text." };
        var logprobs = new Option<int?>("--logprobs") { Description = "With --json: each token's log-probability, and those of the N most probable.", HelpName = "N" };
        var paged = new Option<int?>("--paged") { Description = "Serve all rows together, their caches on pages of a pool of this many MiB; no bit depends on it.", HelpName = "MIB" };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("generate",
            "Continues prompts. Rows may differ in length; each row's ids are those it has alone.\n\nExamples:\n  dsref generate --model path/to/model --ids 1,2,3 --max-tokens 8 --json\n  dsref generate --model path/to/model --prompt \"Once upon\" --stream\n  dsref generate --prompt-file story.txt --max-tokens 64\n  dsref generate --prompt \"The President of the United States\" --speculative 2");
        model.AddTo(command);
        sampling.AddTo(command);
        foreach (Option option in (Option[])[prompt, promptFile, stream, ignoreEos, logprobs, paged, json])
            command.Add(option);
        command.SetAction(parsed =>
        {
            string[] texts = Texts(parsed.GetValue(prompt) ?? [], parsed.GetValue(promptFile), model.HasPrompts(parsed), terminal);
            bool asJson = parsed.GetValue(json), streams = parsed.GetValue(stream);
            string[] stops = sampling.Stops(parsed);
            int? top = parsed.GetValue(logprobs), mib = parsed.GetValue(paged);
            Refuse(texts, stops, streams, asJson, top, mib);
            IReadOnlyList<int[]> prompts = texts.Length == 0 ? model.Prompts(parsed) : [];
            GenerationOptions chosen = sampling.Of(parsed) with { IgnoreEos = parsed.GetValue(ignoreEos) };
            using var progress = new Progress(terminal);
            DeepSeekTokenizer? tokenizer = texts.Length == 0 ? null : DeepSeekTokenizer.Load(model.Directory(parsed));
            using DeepSeekModel loaded = model.Open(parsed, terminal);
            if (tokenizer is not null)
            {
                var generator = new TextGenerator(loaded, tokenizer);
                prompts = [.. texts.Select(generator.PromptIds)];
            }

            var streamed = new StreamedTexts(terminal, prompts.Count);
            TextRows? made = tokenizer is null ? null : new TextRows(tokenizer, prompts.Count, stops, (row, part) =>
            {
                progress.Clear();
                if (streams)
                    streamed.Append(row, part);
            });
            TokenLog? log = top is { } most ? new TokenLog(loaded, prompts.Count, most) : null;
            int done = 0;
            var told = chosen with
            {
                OnPrefill = (row, taken) => progress.Report($"prefill of row {row}", taken, prompts[row].Length),
                OnLogits = (_, _, logits) => log?.TakeLogits(logits),
                OnToken = (row, _, id) =>
                {
                    log?.TakeToken(row, id);
                    done++;
                    if (!streams)
                        progress.Report("generate", done, (long)chosen.MaxTokens * prompts.Count);
                },
            };
            progress.Report("prefill of row 0", 0, prompts[0].Length);
            GenerationOptions options = made?.Follow(told) ?? told;
            var clock = new AnswerClock();
            IReadOnlyList<GeneratedSequence> rows = mib is { } size ? Together(loaded, prompts, options, size, terminal.Cancelled) : new Generator(loaded).Generate(prompts, options, terminal.Cancelled);
            IReadOnlyList<GeneratedText>? answers = made?.Finish(prompts, rows);
            if (streams)
                streamed.Finish();
            progress.Clear();
            clock.Tell(terminal, done, rows);
            if (!streams)
                GenerateOutput.Write(terminal, loaded, options, prompts, rows, answers, log, asJson);
            return ExitCode.Pass;
        });
        return command;
    }

    /// <summary>All rows at a time, in bounded memory.</summary>
    private static IReadOnlyList<GeneratedSequence> Together(DeepSeekModel model, IReadOnlyList<int[]> prompts, GenerationOptions options, int mib, CancellationToken cancellation)
    {
        var batch = new BatchGenerator(model, new BatchOptions { CacheBytes = (long)mib << 20, MaxWaiting = prompts.Count, Drafts = options.Drafts > 0 });
        BatchSequence[] sequences = [.. prompts.Select(ids => batch.Add(ids, options))];
        batch.Run(cancellation);
        return [.. sequences.Select(s => s.State == BatchState.Finished ? new GeneratedSequence(s.Ids, s.Reason!.Value) { Drafts = s.Drafts } : throw new NotANumberException(s.Error!))];
    }

    /// <summary>The texts to continue, of one source; none where the prompts are ids.</summary>
    private static string[] Texts(string[] given, string? file, bool ids, Terminal terminal)
    {
        if (given.Length > 0 && file is not null)
            throw new DataException("--prompt and --prompt-file were both given; give one of them");
        if (ids && (given.Length > 0 || file is not null))
            throw new DataException($"{(file is null ? "--prompt" : "--prompt-file")} and --ids or --ids-file were both given; give one of them");
        return file is null ? given : [Utf8Text.ReadPrompt(file, terminal)];
    }

    private static void Refuse(string[] texts, string[] stops, bool streams, bool asJson, int? top, int? mib)
    {
        if (texts.Length == 0 && (streams || stops.Length > 0))
            throw new DataException("--stream and --stop are about texts; give --prompt or --prompt-file");
        if (streams && asJson)
            throw new DataException("--stream and --json were both given; standard output holds one of them");
        if (top is { } most && (most < 0 || !asJson))
            throw new DataException(asJson ? $"--logprobs {most}: a number from 0" : "--logprobs is written with --json");
        if (mib is < 1)
            throw new DataException($"--paged {mib}: MiB of the pool, a number from 1");
    }
}
