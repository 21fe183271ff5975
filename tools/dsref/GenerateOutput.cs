using System.Globalization;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Text;

namespace DeepSeek.Reference.Tool;

/// <summary>What generate writes to standard output: texts, ids, or JSON.</summary>
internal static class GenerateOutput
{
    public static void Write(
        Terminal terminal, DeepSeekModel model, GenerationOptions options, IReadOnlyList<int[]> prompts, IReadOnlyList<GeneratedSequence> rows, IReadOnlyList<GeneratedText>? texts, TokenLog? log, bool asJson)
    {
        if (asJson)
        {
            WriteJson(terminal, model, options, prompts, rows, texts, log);
            return;
        }

        for (int r = 0; r < rows.Count; r++)
        {
            if (texts is null)
            {
                terminal.Out.WriteLine(string.Join(',', rows[r].Ids.Select(id => id.ToString(CultureInfo.InvariantCulture))));
                continue;
            }

            if (rows.Count > 1)
                terminal.Out.WriteLine($"# row {r}");
            terminal.Out.WriteLine(texts[r].Text);
        }
    }

    private static void WriteJson(Terminal terminal, DeepSeekModel model, GenerationOptions options, IReadOnlyList<int[]> prompts, IReadOnlyList<GeneratedSequence> rows, IReadOnlyList<GeneratedText>? texts, TokenLog? log) =>
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
                if (texts is not null)
                    json.WriteString("text", texts[r].Text);
                log?.Write(json, r);
                if (rows[r].Drafts is { } drafts)
                {
                    json.WriteStartObject("drafts");
                    json.WriteNumber("drafted", drafts.Drafted);
                    json.WriteNumber("accepted", drafts.Accepted);
                    json.WriteNumber("passes", drafts.Passes);
                    json.WriteEndObject();
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteFp8(model.Fp8);
            json.WriteString("cache", ModelOptions.NameOf(model.Contract.Cache));
            json.WriteNumber("cache_bytes_per_token", model.NewCache().BytesPerToken);
        });
}
