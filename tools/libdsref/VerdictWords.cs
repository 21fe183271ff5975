using System.Text.Json;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>What the tool's reports, which are compiled in here, ask of its JSON output.</summary>
internal static class VerdictWords
{
    /// <summary>A verdict by its name in capitals.</summary>
    public static void WriteVerdict(this Utf8JsonWriter json, Verdict verdict) => json.WriteString("verdict", verdict.Word());
}
