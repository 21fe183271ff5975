using System.Text.Json;
using DeepSeek.Reference.Tests;

namespace DeepSeek.Reference.Text.Tests;

/// <summary>The kept tokenizer and the rows that other implementations made with it.</summary>
internal static class Rows
{
    private static readonly Lazy<DeepSeekTokenizer> Loaded = new(() => DeepSeekTokenizer.Load(Golden.Path("tokenizer")));

    public static DeepSeekTokenizer Tokenizer => Loaded.Value;

    public static JsonElement[] Of(string file) => [.. File.ReadLines(Golden.Path("tokenizer", file)).Select(line => JsonDocument.Parse(line).RootElement)];

    public static int[] Ids(this JsonElement row, string field = "ids") => [.. row.GetProperty(field).EnumerateArray().Select(e => e.GetInt32())];

    /// <summary>The text of a row, or the UTF-16 units where it is none.</summary>
    public static string Text(this JsonElement row) => row.TryGetProperty("utf16", out JsonElement units)
        ? new string([.. units.EnumerateArray().Select(u => (char)u.GetInt32())])
        : row.GetProperty("text").GetString()!;
}
