using System.Text.Json;
using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Verification;

/// <summary>What decides a model case besides its files. A <c>case.json</c> beside them may hold any of these names in snake_case.</summary>
public sealed record ModelCaseOptions
{
    /// <summary>The contract; null takes the model's default (rule N17). <c>contract</c></summary>
    public NumericContract? Contract { get; init; }

    /// <summary>How FP8 products are computed. <c>fp8</c>: auto, gemm or dequantize</summary>
    public Fp8Mode Fp8 { get; init; }

    /// <summary>Relative L2 that logits may differ by; null takes the rule's. <c>limit_logits</c></summary>
    public double? LogitsLimit { get; init; }

    /// <summary>Relative L2 that intermediates may differ by; null takes the rule's. <c>limit_intermediates</c></summary>
    public double? IntermediatesLimit { get; init; }

    /// <summary>How many times the oracle's own distance from logits_f64 ours may be; null takes the rule's. <c>limit_distance_ratio</c></summary>
    public double? DistanceRatioLimit { get; init; }

    /// <summary>Reads a case.json over these options.</summary>
    /// <exception cref="DataException">The file cannot be read, or holds a field that is unknown or of the wrong kind.</exception>
    internal ModelCaseOptions With(string path)
    {
        ModelCaseOptions options = this;
        try
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(path));
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw new FormatException("is no JSON object; write { \"limit_logits\": 1e-5 } or leave it out");
            foreach (JsonProperty field in json.RootElement.EnumerateObject())
            {
                options = field.Name switch
                {
                    "contract" => options with { Contract = options.Contract ?? NumericContract.Parse(Text(field)) },
                    "fp8" => options with { Fp8 = options.Fp8 == Fp8Mode.Auto ? ParseMode(Text(field)) : options.Fp8 },
                    "limit_logits" => options with { LogitsLimit = Limit(field) },
                    "limit_intermediates" => options with { IntermediatesLimit = Limit(field) },
                    "limit_distance_ratio" => options with { DistanceRatioLimit = Limit(field) },
                    "note" => options,
                    _ => throw new DataException($"{path}: field '{field.Name}' is unknown; a case has contract, fp8, limit_logits, limit_intermediates, limit_distance_ratio, note"),
                };
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or FormatException or ContractException)
        {
            throw new DataException($"{path}: {e.Message}; correct the file", e);
        }

        return options;
    }

    private static string Text(JsonProperty field) => field.Value.ValueKind == JsonValueKind.String
        ? field.Value.GetString()!
        : throw new FormatException($"{field.Name} is {field.Value.GetRawText()}, not a text");

    private static double Limit(JsonProperty field) => field.Value.ValueKind == JsonValueKind.Number && field.Value.TryGetDouble(out double limit) && limit >= 0 && double.IsFinite(limit)
        ? limit
        : throw new FormatException($"{field.Name} is {field.Value.GetRawText()}, not a number of 0 or more");

    private static Fp8Mode ParseMode(string word) => word switch
    {
        "auto" => Fp8Mode.Auto,
        "gemm" => Fp8Mode.Gemm,
        "dequantize" => Fp8Mode.Dequantize,
        _ => throw new FormatException($"fp8 is '{word}'; there are auto, gemm and dequantize"),
    };
}
