using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>Writes one JSON document on standard output (docs/spec/json.md).</summary>
internal static class JsonOutput
{
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>An object that begins with the command's name.</summary>
    public static void Write(Terminal terminal, string command, Action<Utf8JsonWriter> body)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, Options))
        {
            json.WriteStartObject();
            json.WriteString("command", command);
            body(json);
            json.WriteEndObject();
        }

        terminal.Out.WriteLine(Encoding.UTF8.GetString(bytes.ToArray()));
    }

    /// <summary>A number, or a string where JSON has no number for it (NaN, infinities).</summary>
    public static void WriteReal(this Utf8JsonWriter json, string key, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumber(key, value);
        else
            json.WriteString(key, double.IsNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    }

    /// <summary>A verdict by its name in capitals.</summary>
    public static void WriteVerdict(this Utf8JsonWriter json, Verdict verdict) => json.WriteString("verdict", verdict.Word());

    /// <summary>How FP8 products were computed: gemm, dequantize, or null where no weight is FP8.</summary>
    public static void WriteFp8(this Utf8JsonWriter json, Fp8Mode? mode)
    {
        if (mode is { } taken)
            json.WriteString("fp8", taken == Fp8Mode.Gemm ? "gemm" : "dequantize");
        else
            json.WriteNull("fp8");
    }

    /// <summary>The dimensions of a shape.</summary>
    public static void WriteShape(this Utf8JsonWriter json, Shape shape)
    {
        json.WriteStartArray("shape");
        foreach (long d in shape.Dimensions)
            json.WriteNumberValue(d);
        json.WriteEndArray();
    }
}
