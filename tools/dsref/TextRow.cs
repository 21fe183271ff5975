using System.Text.Json;
using DeepSeek.Reference.Text;

namespace DeepSeek.Reference.Tool;

/// <summary>A line of a file of texts, ids or chats, and what the tokenizer makes of it.</summary>
internal sealed class TextRow
{
    private readonly string where;
    private readonly JsonElement row;
    private readonly List<(string Field, JsonElement? Kept, bool Equal, Action<Utf8JsonWriter> Write, string Shown)> made = [];

    private TextRow(string where, JsonElement row) => (this.where, this.row) = (where, row);

    /// <summary>Whether the line already holds some of what was made, and all of that is equal.</summary>
    public bool Equal => made.Exists(m => m.Kept is not null) && made.TrueForAll(m => m.Kept is null || m.Equal);

    /// <summary>Whether the line holds anything to compare with.</summary>
    public bool CanBeChecked => made.Exists(m => m.Kept is not null);

    /// <summary>The first field that differs, what the line holds, and what was made.</summary>
    public string Difference
    {
        get
        {
            (string name, JsonElement? kept, _, _, string shown) = made.Find(m => m.Kept is not null && !m.Equal);
            return $"{where}: {name}: the row holds {Short(kept!.Value.GetRawText())}, here {Short(shown)}";
        }
    }

    /// <summary>Reads a line and makes its ids, its text or its chat.</summary>
    /// <exception cref="DataException">The line is none of these; names the line and the field.</exception>
    public static TextRow Make(string line, string where, DeepSeekTokenizer tokenizer, Lazy<ChatTemplate> template, bool decode)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement json = document.RootElement.Clone();
            if (json.ValueKind != JsonValueKind.Object)
                throw new DataException($"{where}: an object is expected");
            var row = new TextRow(where, json);
            if (decode)
                row.Decode(tokenizer);
            else if (json.TryGetProperty("messages", out JsonElement messages))
                row.Chat(messages, tokenizer, template.Value);
            else
                row.AddIds(tokenizer.Encode(row.Text()));
            return row;
        }
        catch (JsonException e)
        {
            throw new DataException($"{where}: not JSON; one object a line is expected", e);
        }
        catch (InvalidOperationException e)
        {
            throw new DataException($"{where}: a string with half a surrogate pair; write the row's text as utf16, its code units", e);
        }
        catch (DataException e) when (!e.Message.StartsWith(where, StringComparison.Ordinal))
        {
            throw new DataException($"{where}: {e.Message}", e);
        }
    }

    /// <summary>Writes the row with what was made in the place of what it held.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        foreach (JsonProperty property in row.EnumerateObject().Where(p => !made.Exists(m => m.Field == p.Name)))
            property.WriteTo(json);
        foreach ((string field, _, _, Action<Utf8JsonWriter> write, _) in made)
        {
            json.WritePropertyName(field);
            write(json);
        }

        json.WriteEndObject();
    }

    private void Decode(DeepSeekTokenizer tokenizer)
    {
        int[] ids = Numbers("ids", int.MaxValue);
        AddText("decoded", tokenizer.Decode(ids));
        AddText("decoded_skip_special", tokenizer.Decode(ids, skipSpecialTokens: true));
    }

    private void Chat(JsonElement messages, DeepSeekTokenizer tokenizer, ChatTemplate template)
    {
        bool prompt = row.TryGetProperty("add_generation_prompt", out JsonElement add) && add.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw new DataException($"{where}: add_generation_prompt: true or false is expected"),
        };
        string text = template.Render(messages, prompt);
        AddText("text", text);
        AddIds(tokenizer.Encode(text));
    }

    private string Text()
    {
        if (row.TryGetProperty("text", out JsonElement text) && text.ValueKind != JsonValueKind.Null)
            return text.ValueKind == JsonValueKind.String ? text.GetString()! : throw new DataException($"{where}: text: a string is expected");
        if (row.TryGetProperty("utf16", out _))
            return new string([.. Numbers("utf16", char.MaxValue).Select(u => (char)u)]);
        throw new DataException($"{where}: has none of text, utf16 and messages");
    }

    private int[] Numbers(string field, int most)
    {
        if (!row.TryGetProperty(field, out JsonElement list) || list.ValueKind != JsonValueKind.Array)
            throw new DataException($"{where}: {field}: an array of whole numbers is expected");
        return [.. list.EnumerateArray().Select(n => n.ValueKind == JsonValueKind.Number && n.TryGetInt32(out int value) && value >= 0 && value <= most
            ? value
            : throw new DataException($"{where}: {field}: {Short(n.GetRawText())} is not a whole number from 0 to {most}"))];
    }

    private void AddIds(int[] ids)
    {
        JsonElement? kept = Kept("ids");
        bool equal = kept is not null && Numbers("ids", int.MaxValue).SequenceEqual(ids);
        made.Add(("ids", kept, equal, json =>
        {
            json.WriteStartArray();
            foreach (int id in ids)
                json.WriteNumberValue(id);
            json.WriteEndArray();
        }, $"[{string.Join(',', ids)}]"));
    }

    private void AddText(string field, string text)
    {
        JsonElement? kept = Kept(field);
        bool equal = kept is { ValueKind: JsonValueKind.String } value && value.GetString() == text;
        made.Add((field, kept, equal, json => json.WriteStringValue(text), $"\"{text}\""));
    }

    private JsonElement? Kept(string field) => row.TryGetProperty(field, out JsonElement kept) && kept.ValueKind != JsonValueKind.Null ? kept : null;

    private static string Short(string text) => text.Length > 120 ? text[..120] + "..." : text;
}
