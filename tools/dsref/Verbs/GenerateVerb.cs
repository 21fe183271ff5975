using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref generate</c>: continues prompts, ids to ids.</summary>
internal static class GenerateVerb
{
    /// <summary>Ids a pass: progress is told, and Ctrl-C looked at, between passes. No bit depends on it.</summary>
    private const int PrefillChunk = 256;

    public static Command Command(Terminal terminal)
    {
        var model = new ModelOptions();
        var maxTokens = new Option<int>("--max-tokens") { Description = "New tokens of each row, at most.", HelpName = "N", DefaultValueFactory = _ => 128 };
        var temperature = new Option<string>("--temperature") { Description = "0 takes the most probable token; above, tokens are drawn.", HelpName = "T", DefaultValueFactory = _ => "0" };
        var seed = new Option<string>("--seed") { Description = "Key of the draws, decimal or 0x hexadecimal.", HelpName = "S", DefaultValueFactory = _ => "0" };
        var ignoreEos = new Option<bool>("--ignore-eos") { Description = "Go on after the token that ends a text." };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("generate",
            "Continues prompts. Rows may differ in length; each row's ids are those it has alone.\n\nExample:\n  dsref generate --model path/to/model --ids 1,2,3 --max-tokens 8 --json");
        model.AddTo(command);
        foreach (Option option in (Option[])[maxTokens, temperature, seed, ignoreEos, json])
            command.Add(option);
        command.SetAction(parsed =>
        {
            IReadOnlyList<int[]> prompts = model.Prompts(parsed);
            int most = parsed.GetValue(maxTokens);
            using var progress = new Progress(terminal);
            int done = 0;
            var options = new GenerationOptions
            {
                MaxTokens = most,
                Temperature = ParseTemperature(parsed.GetValue(temperature)!),
                Seed = SharedOptions.Seed(parsed.GetValue(seed)!),
                IgnoreEos = parsed.GetValue(ignoreEos),
                PrefillChunk = PrefillChunk,
                OnPrefill = (row, taken) => progress.Report($"prefill of row {row}", taken, prompts[row].Length),
                OnToken = (_, _, _) => progress.Report("generate", ++done, (long)most * prompts.Count),
            };
            progress.Report("prefill of row 0", 0, prompts[0].Length);
            using DeepSeekModel loaded = model.Open(parsed, terminal);
            IReadOnlyList<GeneratedSequence> rows = new Generator(loaded).Generate(prompts, options, terminal.Cancelled);
            progress.Clear();
            if (parsed.GetValue(json))
                WriteJson(terminal, loaded, options, prompts, rows);
            else
                WriteLines(terminal, rows);
            return ExitCode.Pass;
        });
        return command;
    }

    /// <summary>A decimal point and nothing else separates digits: 0,5 is refused, not read as 5.</summary>
    private static float ParseTemperature(string text) => float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float temperature)
        ? temperature
        : throw new DataException($"--temperature '{text}' is not a number such as 0.7");

    private static void WriteLines(Terminal terminal, IReadOnlyList<GeneratedSequence> rows)
    {
        foreach (GeneratedSequence row in rows)
            terminal.Out.WriteLine(string.Join(',', row.Ids.Select(id => id.ToString(CultureInfo.InvariantCulture))));
    }

    private static void WriteJson(Terminal terminal, DeepSeekModel model, GenerationOptions options, IReadOnlyList<int[]> prompts, IReadOnlyList<GeneratedSequence> rows) =>
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
                    _ => "max_tokens",
                });
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteFp8(model.Fp8);
            json.WriteString("cache", model.Contract.Cache == CacheFormat.Fp8 ? "f8" : "activations");
        });
}
