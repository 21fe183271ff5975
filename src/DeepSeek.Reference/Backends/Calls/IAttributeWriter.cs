using System.Text.Json;

namespace DeepSeek.Reference.Backends;

/// <summary>Takes the attributes of a call one by one; an object's are between <see cref="Begin"/> and <see cref="End"/>.</summary>
internal interface IAttributeWriter
{
    /// <summary>A whole number.</summary>
    void Whole(string name, long value);

    /// <summary>A binary32 number.</summary>
    void Real(string name, float value);

    /// <summary>A word.</summary>
    void Text(string name, string value);

    /// <summary>Yes or no.</summary>
    void Flag(string name, bool value);

    /// <summary>Whole numbers.</summary>
    void List(string name, IReadOnlyList<int> values);

    /// <summary>An object begins.</summary>
    void Begin(string name);

    /// <summary>The object ends.</summary>
    void End();
}

/// <summary>Attributes as members of a JSON object (docs/spec/worker.md 4). A binary32 number is the decimal form of the binary64 number equal to it, so that any language reads the same bits.</summary>
internal sealed class JsonAttributes(Utf8JsonWriter json) : IAttributeWriter
{
    public void Whole(string name, long value) => json.WriteNumber(name, value);

    public void Real(string name, float value) => json.WriteNumber(name, (double)value);

    public void Text(string name, string value) => json.WriteString(name, value);

    public void Flag(string name, bool value) => json.WriteBoolean(name, value);

    public void List(string name, IReadOnlyList<int> values)
    {
        json.WriteStartArray(name);
        foreach (int value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }

    public void Begin(string name) => json.WriteStartObject(name);

    public void End() => json.WriteEndObject();
}
