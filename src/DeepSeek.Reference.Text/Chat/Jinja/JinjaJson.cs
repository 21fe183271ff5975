using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;

namespace DeepSeek.Reference.Text;

/// <summary>JSON to the values of templates and back, as Python's json reads and writes it.</summary>
internal static class JinjaJson
{
    /// <summary>The value of messages.</summary>
    /// <exception cref="DataException">A key stands twice in an object, a string is not sound, or a number is too long.</exception>
    public static object? Read(JsonElement json)
    {
        try
        {
            return Of(json);
        }
        catch (InvalidOperationException e)
        {
            throw new DataException("messages: a string with half a surrogate pair, such as \\ud800 alone; give whole characters", e);
        }
        catch (JinjaException e)
        {
            throw new DataException($"messages: {e.Message}", e);
        }
    }

    /// <summary>JSON as Python's json.dumps writes it without ASCII escapes.</summary>
    public static string Write(object? value)
    {
        var text = new StringBuilder();
        Append(text, value);
        return text.ToString();
    }

    private static object? Of(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined => null,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.String => json.GetString(),
        JsonValueKind.Number => Number(json),
        JsonValueKind.Array => json.EnumerateArray().Select(Of).ToList(),
        _ => Mapping(json),
    };

    /// <summary>Whole, of any size, where no point and no exponent stands; so Python has it.</summary>
    private static object Number(JsonElement json)
    {
        string text = json.GetRawText();
        if (text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0)
            return json.GetDouble();
        return text.Length <= JinjaValue.MostDigits + 1
            ? JinjaValue.Bounded(BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture))
            : throw new JinjaException($"a whole number of more than {JinjaValue.MostDigits} digits; give it as a string");
    }

    private static Dictionary<string, object?> Mapping(JsonElement json)
    {
        var map = new Dictionary<string, object?>();
        foreach (JsonProperty property in json.EnumerateObject())
        {
            if (!map.TryAdd(property.Name, Of(property.Value)))
                throw new JinjaException($"'{property.Name}' stands twice in an object; keep one of them");
        }

        return map;
    }

    private static void Append(StringBuilder text, object? value)
    {
        switch (value)
        {
            case null:
                text.Append("null");
                break;
            case bool b:
                text.Append(b ? "true" : "false");
                break;
            case string s:
                Quote(text, s);
                break;
            case List<object?> list:
                text.Append('[');
                for (int i = 0; i < list.Count; i++)
                {
                    text.Append(i == 0 ? "" : ", ");
                    Append(text, list[i]);
                }

                text.Append(']');
                break;
            case Dictionary<string, object?> map:
                text.Append('{');
                string between = "";
                foreach ((string key, object? inner) in map)
                {
                    text.Append(between);
                    Quote(text, key);
                    text.Append(": ");
                    Append(text, inner);
                    between = ", ";
                }

                text.Append('}');
                break;
            case BigInteger:
                text.Append(JinjaValue.Print(value));
                break;
            case double d:
                text.Append(JinjaValue.Real(d, "Infinity"));
                break;
            default:
                throw new JinjaException($"tojson of a {JinjaValue.Kind(value)}");
        }
    }

    private static void Quote(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (char c in value)
        {
            text.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\b' => "\\b",
                '\f' => "\\f",
                < ' ' => $"\\u{(int)c:x4}",
                _ => c.ToString(),
            });
        }

        text.Append('"');
    }
}
