using System.Text.Json;

namespace DeepSeek.Reference.Text;

/// <summary>A value of a JSON file with the path that errors name.</summary>
internal readonly record struct TokenizerField(string Source, string Path, JsonElement Value)
{
    /// <summary>Whether the value is null.</summary>
    public bool IsNull => Value.ValueKind == JsonValueKind.Null;

    /// <summary>An error at this field.</summary>
    public DataException Refuse(string why)
    {
        string text = Value.GetRawText();
        return new DataException($"{Source}: {Path}: {(text.Length > 60 ? text[..60] + "..." : text)}: {why}");
    }

    /// <summary>A field of this object, or null where it is missing or null.</summary>
    public TokenizerField? Optional(string name)
    {
        if (Value.ValueKind != JsonValueKind.Object)
            throw Refuse("an object is expected");
        return Value.TryGetProperty(name, out JsonElement found) && found.ValueKind != JsonValueKind.Null ? new TokenizerField(Source, $"{Path}.{name}", found) : null;
    }

    /// <summary>A field that must be there.</summary>
    public TokenizerField Required(string name) => Optional(name) ?? throw Refuse($"has no {name}");

    /// <summary>Refuses fields other than these.</summary>
    public void Allow(params ReadOnlySpan<string> names)
    {
        foreach (JsonProperty property in Value.EnumerateObject())
        {
            if (!names.Contains(property.Name))
                throw new TokenizerField(Source, $"{Path}.{property.Name}", property.Value).Refuse("not a field that is known here");
        }
    }

    /// <summary>The items of an array.</summary>
    public IEnumerable<TokenizerField> Items()
    {
        if (Value.ValueKind != JsonValueKind.Array)
            throw Refuse("an array is expected");
        (string source, string path) = (Source, Path);
        return Value.EnumerateArray().Select((item, i) => new TokenizerField(source, $"{path}[{i}]", item));
    }

    /// <summary>The value as text.</summary>
    public string Text() => Value.ValueKind == JsonValueKind.String ? Value.GetString()! : throw Refuse("a string is expected");

    /// <summary>The value as a switch.</summary>
    public bool Flag() => Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Refuse("true or false is expected"),
    };

    /// <summary>A switch that may be missing.</summary>
    public bool Flag(string name, bool missing) => Optional(name)?.Flag() ?? missing;

    /// <summary>The value as an id.</summary>
    public int Id() => Value.ValueKind == JsonValueKind.Number && Value.TryGetInt32(out int id) && id >= 0 && id < Vocabulary.MostIds
        ? id
        : throw Refuse($"an id is a whole number from 0 to {Vocabulary.MostIds - 1}");
}
