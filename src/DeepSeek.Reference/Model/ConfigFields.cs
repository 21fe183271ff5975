using System.Text.Json;

namespace DeepSeek.Reference;

/// <summary>The members of one JSON object of a configuration; every refusal names the file and the field.</summary>
/// <remarks>A member that is null counts as absent, as Python writes None.</remarks>
internal sealed class ConfigFields(string source, string prefix, JsonElement element)
{
    /// <summary>The file that errors name.</summary>
    public string Source => source;

    /// <summary>The field with the path of its object.</summary>
    public string Name(string field) => prefix + field;

    public bool Has(string field) => TryGet(field, out _);

    public int RequiredInt(string field) => OptionalInt(field) ?? throw Missing(field);

    public int? OptionalInt(string field)
    {
        if (!TryGet(field, out JsonElement value))
            return null;
        return AsInt(value, field);
    }

    public double RequiredNumber(string field) => OptionalNumber(field) ?? throw Missing(field);

    public double? OptionalNumber(string field)
    {
        if (!TryGet(field, out JsonElement value))
            return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) ? number : throw WrongKind(field, value, "a number");
    }

    public bool? OptionalBool(string field)
    {
        if (!TryGet(field, out JsonElement value))
            return null;
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw WrongKind(field, value, "true or false");
    }

    public string RequiredString(string field) => OptionalString(field) ?? throw Missing(field);

    public string? OptionalString(string field) => TryGet(field, out JsonElement value) ? AsString(value, field) : null;

    public ConfigFields? OptionalObject(string field)
    {
        if (!TryGet(field, out JsonElement value))
            return null;
        return value.ValueKind == JsonValueKind.Object ? new ConfigFields(source, $"{prefix}{field}.", value) : throw WrongKind(field, value, "an object");
    }

    public IReadOnlyList<int> RequiredInts(string field, int count)
    {
        if (!TryGet(field, out JsonElement value))
            throw Missing(field);
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() != count)
            throw WrongKind(field, value, $"an array of {count} integers");
        return [.. value.EnumerateArray().Select(item => AsInt(item, field))];
    }

    public IReadOnlyList<string> Strings(string field)
    {
        if (!TryGet(field, out JsonElement value))
            return [];
        if (value.ValueKind != JsonValueKind.Array)
            throw WrongKind(field, value, "an array of strings");
        return [.. value.EnumerateArray().Select(item => AsString(item, field))];
    }

    public IReadOnlyDictionary<string, string> StringMap(string field)
    {
        var map = new Dictionary<string, string>();
        if (!TryGet(field, out JsonElement value))
            return map;
        if (value.ValueKind != JsonValueKind.Object)
            throw WrongKind(field, value, "an object of strings");
        foreach (JsonProperty member in value.EnumerateObject())
            map.Add(member.Name, AsString(member.Value, field));
        return map;
    }

    /// <summary>A token id: an integer, or an array with one, as newer files write it.</summary>
    public int? TokenId(string field)
    {
        if (!TryGet(field, out JsonElement value))
            return null;
        return value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 1 ? AsInt(value[0], field) : AsInt(value, field);
    }

    public string OneOf(string field, string value, string supported) => value == supported ? value : throw Unknown(field, value, supported);

    public DataException Unknown(string field, string value, string supported) =>
        new($"{source}: {Name(field)} is '{value}', which is not supported; {supported} is");

    private DataException Missing(string field) => new($"{source}: {Name(field)} is missing; add it to the file");

    private DataException WrongKind(string field, JsonElement value, string expected)
    {
        string text = value.GetRawText().ReplaceLineEndings(" ");
        return new($"{source}: {Name(field)} is {(text.Length > 40 ? text[..40] + "..." : text)} where {expected} is expected; correct the file");
    }

    private bool TryGet(string field, out JsonElement value) => element.TryGetProperty(field, out value) && value.ValueKind != JsonValueKind.Null;

    private int AsInt(JsonElement value, string field) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) ? number : throw WrongKind(field, value, "an integer below 2^31");

    private string AsString(JsonElement value, string field) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw WrongKind(field, value, "a string");
}
