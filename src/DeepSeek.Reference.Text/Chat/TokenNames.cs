using System.Text.Json;

namespace DeepSeek.Reference.Text;

/// <summary>The files of a checkpoint's folder that name its special tokens.</summary>
internal static class TokenNames
{
    /// <summary>The token of a name such as bos_token; null where a file says that there is none. tokenizer_config.json comes before special_tokens_map.json.</summary>
    /// <returns>Whether a file says anything of it.</returns>
    /// <exception cref="DataException">A file is unsound, or has something else in the token's place.</exception>
    public static bool Find(string directory, string name, out string? token)
    {
        foreach (string file in new[] { "tokenizer_config.json", "special_tokens_map.json" })
        {
            string path = Path.Combine(directory, file);
            if (Read(path) is not { } fields || !fields.TryGetProperty(name, out JsonElement value))
                continue;
            if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out JsonElement content))
                value = content;
            token = value.ValueKind switch
            {
                JsonValueKind.String => value.GetString(),
                JsonValueKind.Null => null,
                _ => throw new DataException($"{path}: {name} is neither a string, nor null, nor an object whose content is one"),
            };
            return true;
        }

        token = null;
        return false;
    }

    /// <summary>The fields of a file; null where there is none.</summary>
    /// <exception cref="DataException">It is no JSON object.</exception>
    public static JsonElement? Read(string path)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            using JsonDocument document = JsonDocument.Parse(TextFile.Read(path, "").Bytes);
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : throw new DataException($"{path}: not a JSON object");
        }
        catch (JsonException e)
        {
            throw new DataException($"{path}, line {e.LineNumber + 1}: not JSON; correct the file", e);
        }
    }
}
