using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace DeepSeek.Reference;

/// <summary>A model's config.json with another <c>quantization_config</c>; every other field stays as it was written.</summary>
internal static class ConvertedConfig
{
    private static readonly JsonSerializerOptions Options = new() { WriteIndented = true, IndentSize = 2, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What a checkpoint that this library quantised says of itself.</summary>
    public static QuantizationConfig Quantization(ScaleFormat scales) =>
        new() { QuantMethod = "fp8", Fmt = "e4m3", ActivationScheme = "dynamic", BlockRows = 128, BlockColumns = 128, ScaleFmt = scales };

    /// <summary>The file with that field at its end.</summary>
    public static byte[] With(string directory, QuantizationConfig q)
    {
        JsonObject config = Read(directory);
        var field = new JsonObject { ["activation_scheme"] = q.ActivationScheme, ["fmt"] = q.Fmt, ["quant_method"] = q.QuantMethod };
        if (q.ScaleFmt == ScaleFormat.UE8M0)
            field["scale_fmt"] = "ue8m0";
        field["weight_block_size"] = new JsonArray(q.BlockRows, q.BlockColumns);
        config.Remove("quantization_config");
        config["quantization_config"] = field;
        return Write(config);
    }

    /// <summary>The file without it.</summary>
    public static byte[] Without(string directory)
    {
        JsonObject config = Read(directory);
        config.Remove("quantization_config");
        return Write(config);
    }

    private static JsonObject Read(string directory)
    {
        // DeepSeekConfig has read the same file: it is an object.
        using FileStream stream = File.OpenRead(Path.Combine(directory, "config.json"));
        return JsonNode.Parse(stream)!.AsObject();
    }

    private static byte[] Write(JsonObject config) => [.. System.Text.Encoding.UTF8.GetBytes(config.ToJsonString(Options)), (byte)'\n'];
}
