using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Text;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref generate</c>: continues prompts, ids to ids or text to text.</summary>
internal static class GenerateVerb
{
    public static Command Command(Terminal terminal)
    {
        var model = new ModelOptions();
        var sampling = new SamplingOptions(128);
        var prompt = new Option<string?>("--prompt") { Description = "A text to continue, behind BOS; the model's directory holds tokenizer.json.", HelpName = "TEXT" };
        var stream = new Option<bool>("--stream") { Description = "Write the text of --prompt as it comes." };
        var ignoreEos = new Option<bool>("--ignore-eos") { Description = "Go on after the token that ends a text." };
        var logprobs = new Option<int?>("--logprobs") { Description = "With --json: each token's log-probability, and those of the N most probable.", HelpName = "N" };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("generate",
            "Continues prompts. Rows may differ in length; each row's ids are those it has alone.\n\nExamples:\n  dsref generate --model path/to/model --ids 1,2,3 --max-tokens 8 --json\n  dsref generate --model path/to/model --prompt \"Once upon\" --stream");
        model.AddTo(command);
        sampling.AddTo(command);
        foreach (Option option in (Option[])[prompt, stream, ignoreEos, logprobs, json])
            command.Add(option);
        command.SetAction(parsed =>
        {
            string? text = parsed.GetValue(prompt);
            bool asJson = parsed.GetValue(json), streams = parsed.GetValue(stream);
            string[] stops = sampling.Stops(parsed);
            int? top = parsed.GetValue(logprobs);
            Refuse(text, stops, streams, asJson, top);
            IReadOnlyList<int[]> prompts = text is null ? model.Prompts(parsed) : model.HasPrompts(parsed) ? throw new DataException("--prompt and --ids or --ids-file were both given; give one of them") : [];
            GenerationOptions chosen = sampling.Of(parsed) with { IgnoreEos = parsed.GetValue(ignoreEos) };
            using var progress = new Progress(terminal);
            DeepSeekTokenizer? tokenizer = text is null ? null : DeepSeekTokenizer.Load(model.Directory(parsed));
            using DeepSeekModel loaded = model.Open(parsed, terminal);
            TextGenerator? texts = tokenizer is null ? null : new TextGenerator(loaded, tokenizer);
            if (texts is not null)
                prompts = [texts.PromptIds(text!)];
            TokenLog? log = top is { } most ? new TokenLog(loaded, prompts.Count, most) : null;
            int done = 0;
            GenerationOptions options = chosen with
            {
                OnPrefill = (row, taken) => progress.Report($"prefill of row {row}", taken, prompts[row].Length),
                OnLogits = (_, _, logits) => log?.TakeLogits(logits),
                OnToken = (row, _, id) =>
                {
                    log?.TakeToken(row, id);
                    if (!streams)
                        progress.Report("generate", ++done, (long)chosen.MaxTokens * prompts.Count);
                },
            };
            progress.Report("prefill of row 0", 0, prompts[0].Length);
            IReadOnlyList<GeneratedSequence> rows;
            string? made = null;
            if (texts is null)
            {
                rows = new Generator(loaded).Generate(prompts, options, terminal.Cancelled);
            }
            else
            {
                var clock = new AnswerClock();
                GeneratedText answer = texts.Generate(prompts[0], options, stops, part =>
                {
                    progress.Clear();
                    if (streams)
                        terminal.Say(part);
                }, terminal.Cancelled);
                progress.Clear();
                (rows, made) = ([new GeneratedSequence(answer.Ids, answer.Reason)], answer.Text);
                clock.Tell(terminal, answer.Ids.Count);
            }

            progress.Clear();
            if (asJson)
                WriteJson(terminal, loaded, options, prompts, rows, made, log);
            else if (made is null)
                WriteLines(terminal, rows);
            else
                terminal.Out.WriteLine(streams ? "" : made);
            return ExitCode.Pass;
        });
        return command;
    }

    private static void Refuse(string? text, string[] stops, bool streams, bool asJson, int? top)
    {
        if (text is null && (streams || stops.Length > 0))
            throw new DataException("--stream and --stop are about text; give --prompt");
        if (streams && asJson)
            throw new DataException("--stream and --json were both given; standard output holds one of them");
        if (top is { } most && (most < 0 || !asJson))
            throw new DataException(asJson ? $"--logprobs {most}: a number from 0" : "--logprobs is written with --json");
    }

    private static void WriteLines(Terminal terminal, IReadOnlyList<GeneratedSequence> rows)
    {
        foreach (GeneratedSequence row in rows)
            terminal.Out.WriteLine(string.Join(',', row.Ids.Select(id => id.ToString(CultureInfo.InvariantCulture))));
    }

    private static void WriteJson(Terminal terminal, DeepSeekModel model, GenerationOptions options, IReadOnlyList<int[]> prompts, IReadOnlyList<GeneratedSequence> rows, string? text, TokenLog? log) =>
        JsonOutput.Write(terminal, "generate", json =>
        {
            json.WriteString("contract", model.Contract.Name);
            json.WriteString("attention", model.Contract.Attention.ToString().ToLowerInvariant());
            json.WriteString("backend", model.Backend.Name);
            json.WriteNumber("max_tokens", options.MaxTokens);
            json.WriteNumber("temperature", options.Temperature);
            json.WriteNumber("seed", options.Seed);
            json.WriteBoolean("ignore_eos", options.IgnoreEos);
            json.WriteStartArray("rows");
            for (int r = 0; r < rows.Count; r++)
            {
                json.WriteStartObject();
                json.WriteNumber("prompt_tokens", prompts[r].Length);
                json.WriteStartArray("ids");
                foreach (int id in rows[r].Ids)
                    json.WriteNumberValue(id);
                json.WriteEndArray();
                json.WriteString("stop", rows[r].Reason switch
                {
                    StopReason.EndOfText => "end_of_text",
                    StopReason.MaxPositions => "max_positions",
                    StopReason.Stopped => "stopped",
                    _ => "max_tokens",
                });
                if (text is not null)
                    json.WriteString("text", text);
                log?.Write(json, r);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteFp8(model.Fp8);
            json.WriteString("cache", ModelOptions.NameOf(model.Contract.Cache));
        });
}
