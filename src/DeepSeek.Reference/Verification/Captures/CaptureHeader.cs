using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace DeepSeek.Reference.Verification;

/// <summary>The header of a capture: one JSON object of texts and whole numbers, in the order of the file (docs/spec/capture.md 2).</summary>
internal sealed class CaptureHeader
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly List<KeyValuePair<string, object>> fields = [];

    /// <summary>The fields in order: a string or a long each.</summary>
    public IReadOnlyList<KeyValuePair<string, object>> Fields => fields;

    /// <summary>Reads a header.</summary>
    /// <exception cref="FormatException">It is not such an object.</exception>
    public static CaptureHeader Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            var header = new CaptureHeader();
            using JsonDocument document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new FormatException("its header is no JSON object");
            foreach (JsonProperty field in document.RootElement.EnumerateObject())
            {
                if (header.Find(field.Name) is not null)
                    throw new FormatException($"its header names {field.Name} twice");
                header.fields.Add(new(field.Name, field.Value.ValueKind switch
                {
                    JsonValueKind.String => field.Value.GetString()!,
                    JsonValueKind.Number when field.Value.TryGetInt64(out long number) => number,
                    _ => throw new FormatException($"its header's {field.Name} is neither a text nor a whole number"),
                }));
            }

            return header;
        }
        catch (JsonException e)
        {
            throw new FormatException($"its header is not JSON: {e.Message}", e);
        }
        catch (InvalidOperationException e)
        {
            // The only texts a JsonElement refuses late: bytes that are no UTF-8, and escapes that are half a surrogate pair.
            throw new FormatException("its header has a text that is no Unicode", e);
        }
    }

    /// <summary>Adds a field.</summary>
    public CaptureHeader Add(string name, object value)
    {
        fields.Add(new(name, value));
        return this;
    }

    /// <summary>The header's bytes.</summary>
    public byte[] ToBytes()
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, Options))
        {
            json.WriteStartObject();
            foreach ((string name, object value) in fields)
            {
                if (value is string text)
                    json.WriteString(name, text);
                else
                    json.WriteNumber(name, Convert.ToInt64(value, CultureInfo.InvariantCulture));
            }

            json.WriteEndObject();
        }

        return bytes.ToArray();
    }

    /// <summary>A field's text.</summary>
    /// <exception cref="FormatException">It is missing, or a number.</exception>
    public string Text(string name) => Find(name) switch
    {
        string text => text,
        null => throw new FormatException($"its header lacks {name}"),
        _ => throw new FormatException($"its header's {name} is a number where a text is expected"),
    };

    /// <summary>A field's text, or the given one where it is missing.</summary>
    public string Text(string name, string missing) => Find(name) as string ?? missing;

    /// <summary>A field's number, from <paramref name="least"/> to <paramref name="most"/>.</summary>
    /// <exception cref="FormatException">It is missing, a text, or out of range.</exception>
    public long Number(string name, long least, long most) => Find(name) switch
    {
        long number when number >= least && number <= most => number,
        long number => throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"its header's {name} is {number}, outside {least} to {most}")),
        null => throw new FormatException($"its header lacks {name}"),
        _ => throw new FormatException($"its header's {name} is a text where a number is expected"),
    };

    /// <summary>A field written as 0x and hexadecimal digits.</summary>
    /// <exception cref="FormatException">It is missing, or none.</exception>
    public ulong Bits(string name) =>
        Text(name) is var text && text.StartsWith("0x", StringComparison.Ordinal) && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong bits)
            ? bits
            : throw new FormatException($"its header's {name} '{text}' is not written as 0x and hexadecimal digits");

    private object? Find(string name) => fields.Find(f => f.Key == name).Value;

    /// <inheritdoc/>
    public override string ToString() => Encoding.UTF8.GetString(ToBytes());
}
