using System.CommandLine;
using System.Globalization;
using System.Text.Json;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref inspect</c>: parameters, bytes, cache and tensors of a model, from its config, and the soundness of its weights.</summary>
internal static class InspectVerb
{
    public static Command Command(Terminal terminal)
    {
        var target = new Argument<string?>("DIR|config.json") { Description = $"A model directory, or its config alone; {EmbeddedModel.Default}.", Arity = ArgumentArity.ZeroOrOne }.NamesPath();
        var check = new Option<bool>("--check") { Description = "Read every weight and report NaN, infinities and impossible scales (exit 2), one block at a time." };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("inspect",
            "Shows a model's parameters, bytes, KV cache, activated parameters and tensors; the weights are not needed, but if they are there their names, shapes and dtypes are checked.\n\nExamples:\n  dsref inspect path/to/config.json\n  dsref inspect path/to/model --check")
        { target, check, json };
        command.SetAction(parsed =>
        {
            string path = parsed.GetValue(target) ?? EmbeddedModel.Directory;
            bool isDirectory = Directory.Exists(path);
            DeepSeekConfig config = DeepSeekConfig.Load(isDirectory ? Path.Combine(path, "config.json") : path);
            var table = new ParameterTable(config);
            bool scan = parsed.GetValue(check);
            if (scan && !isDirectory)
                throw new DataException($"{path}: --check reads weights; name the directory that holds config.json and the safetensors files");

            WeightScan? scanned = null;
            bool hasWeights = isDirectory && (scan || Directory.EnumerateFiles(path, "*.safetensors").Any());
            if (hasWeights)
            {
                using Checkpoint checkpoint = Checkpoint.Open(path);
                ParameterTable.Validate(checkpoint, config);
                scanned = scan ? WeightScan.Of(checkpoint, config, terminal) : null;
            }

            if (parsed.GetValue(json))
                WriteJson(terminal, table, hasWeights, scanned);
            else
                WriteLines(terminal, table, hasWeights, scanned);
            if (scanned is not { Findings.Count: > 0 })
                return ExitCode.Pass;
            terminal.Fail(scanned.Findings[0].Text + (scanned.Findings.Count > 1 ? $" (and {scanned.Findings.Count - 1} more tensors)" : ""));
            return ExitCode.BadInput;
        });
        return command;
    }

    private static void WriteLines(Terminal terminal, ParameterTable table, bool hasWeights, WeightScan? scanned)
    {
        terminal.Out.Write(ParameterListing.Write(table));
        if (hasWeights)
            terminal.Out.WriteLine("weights: every tensor is there, with the config's shape and dtype");
        if (scanned is null)
            return;
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"scanned: {scanned.Tensors} tensors, {scanned.Elements:N0} elements, {scanned.Findings.Count} with NaN or infinity"));
        foreach (WeightFinding finding in scanned.Findings)
            terminal.Out.WriteLine("  " + finding.Text);
    }

    private static void WriteJson(Terminal terminal, ParameterTable table, bool hasWeights, WeightScan? scanned) => JsonOutput.Write(terminal, "inspect", json =>
    {
        json.WriteNumber("tensors", table.Parameters.Count);
        json.WriteNumber("parameters_main", table.MainCount);
        json.WriteNumber("parameters_mtp", table.MtpCount);
        json.WriteNumber("parameters_mtp_duplicates", table.DuplicateCount);
        json.WriteNumber("parameters_total", table.TotalCount);
        json.WriteNumber("parameters_activated", table.ActivatedCount);
        json.WriteNumber("parameters_activated_without_embedding", table.ActivatedCountWithoutEmbedding);
        json.WriteNumber("bytes", table.ByteCount);
        json.WriteNumber("cache_values_per_token_and_layer", table.CacheValuesPerTokenAndLayer);
        json.WriteNumber("cache_bytes_per_token_bf16", table.CacheBytesPerToken(DType.BF16));
        json.WriteNumber("cache_bytes_per_token_f32", table.CacheBytesPerToken(DType.F32));
        json.WriteBoolean("weights", hasWeights);
        if (scanned is not null)
            WriteFindings(json, scanned);
        json.WriteNumber("parameters_fp8", table.Fp8Count);
        json.WriteNumber("bytes_fp8_scales", table.ScaleByteCount);
        json.WriteNumber("cache_bytes_per_token_fp8", table.Fp8CacheBytesPerToken());
    });

    private static void WriteFindings(Utf8JsonWriter json, WeightScan scanned)
    {
        json.WriteNumber("scanned_tensors", scanned.Tensors);
        json.WriteStartArray("findings");
        foreach (WeightFinding finding in scanned.Findings)
        {
            json.WriteStartObject();
            json.WriteString("tensor", finding.Tensor);
            json.WriteString("file", finding.File);
            json.WriteNumber("nan", finding.NaN);
            json.WriteNumber("inf", finding.Infinite);
            json.WriteNumber("first_index", finding.FirstIndex);
            json.WriteNumber("first_offset", finding.FirstOffset);
            json.WriteNumber("bad_scales", finding.BadScales);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
