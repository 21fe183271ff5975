using System.Globalization;
using System.Text;
using System.Text.Json;

namespace DeepSeek.Reference.Text;

/// <summary>What templates do with values: null, bool, long, double, string, lists and dictionaries, as Python's jinja2 does it.</summary>
internal static class JinjaValue
{
    /// <summary>The value of JSON.</summary>
    public static object? Of(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined => null,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.String => json.GetString(),
        JsonValueKind.Number => json.TryGetInt64(out long whole) ? whole : json.GetDouble(),
        JsonValueKind.Array => json.EnumerateArray().Select(Of).ToList(),
        _ => json.EnumerateObject().ToDictionary(p => p.Name, p => Of(p.Value)),
    };

    /// <summary>Whether a value counts as true.</summary>
    public static bool Truth(object? value) => value switch
    {
        null or JinjaUndefined => false,
        bool b => b,
        long n => n != 0,
        double d => d != 0,
        string s => s.Length > 0,
        List<object?> l => l.Count > 0,
        Dictionary<string, object?> d => d.Count > 0,
        _ => true,
    };

    /// <summary>The value as it is printed.</summary>
    public static string Print(object? value) => value switch
    {
        JinjaUndefined => "",
        null => "None",
        bool b => b ? "True" : "False",
        string s => s,
        long n => n.ToString(CultureInfo.InvariantCulture),
        double d => Real(d),
        _ => throw new JinjaException($"a {Kind(value)} is printed; print its parts, or use tojson"),
    };

    /// <summary>Whether two values are equal.</summary>
    public static bool Same(object? a, object? b) => (a, b) switch
    {
        (long x, double y) => x == y,
        (double x, long y) => x == y,
        (bool x, long y) => (x ? 1 : 0) == y,
        (long x, bool y) => x == (y ? 1 : 0),
        (List<object?> x, List<object?> y) => x.Count == y.Count && x.Zip(y).All(p => Same(p.First, p.Second)),
        (Dictionary<string, object?> x, Dictionary<string, object?> y) => x.Count == y.Count && x.All(p => y.TryGetValue(p.Key, out object? other) && Same(p.Value, other)),
        _ => Equals(a, b),
    };

    /// <summary>The order of two numbers or two strings.</summary>
    public static int Order(object? a, object? b) => (a, b) switch
    {
        (long x, long y) => x.CompareTo(y),
        (string x, string y) => string.CompareOrdinal(x, y),
        (long or double, long or double) => Convert.ToDouble(a, CultureInfo.InvariantCulture).CompareTo(Convert.ToDouble(b, CultureInfo.InvariantCulture)),
        _ => throw new JinjaException($"a {Kind(a)} is compared with a {Kind(b)}"),
    };

    /// <summary>a in b.</summary>
    public static bool In(object? a, object? b) => (a, b) switch
    {
        (string part, string text) => text.Contains(part, StringComparison.Ordinal),
        (_, List<object?> list) => list.Exists(item => Same(item, a)),
        (string key, Dictionary<string, object?> map) => map.ContainsKey(key),
        _ => throw new JinjaException($"a {Kind(a)} is looked for in a {Kind(b)}"),
    };

    /// <summary>a + b and its like.</summary>
    public static object? Arithmetic(string operation, object? a, object? b) => (operation, a, b) switch
    {
        ("~", _, _) => Print(a) + Print(b),
        ("+", string x, string y) => x + y,
        ("+", List<object?> x, List<object?> y) => (List<object?>)[.. x, .. y],
        ("+", long x, long y) => x + y,
        ("-", long x, long y) => x - y,
        ("*", long x, long y) => x * y,
        ("//", long x, long y) when y != 0 => (x / y) - (x % y != 0 && (x < 0) != (y < 0) ? 1 : 0),
        ("%", long x, long y) when y != 0 => ((x % y) + y) % y,
        _ => throw new JinjaException($"{operation} between a {Kind(a)} and a {Kind(b)}"),
    };

    /// <summary>a[b], and a.b.</summary>
    public static object? Item(object? a, object? b) => (a, b) switch
    {
        (Dictionary<string, object?> map, string key) => map.TryGetValue(key, out object? value) ? value : new JinjaUndefined(key),
        (JinjaNamespace space, string key) => space.Fields.TryGetValue(key, out object? value) ? value : new JinjaUndefined(key),
        (List<object?> list, long i) => i + (i < 0 ? list.Count : 0) is >= 0 and var at && at < list.Count ? list[(int)at] : new JinjaUndefined($"[{i}]"),
        (string text, long i) => i + (i < 0 ? text.Length : 0) is >= 0 and var at && at < text.Length ? text[(int)at].ToString() : new JinjaUndefined($"[{i}]"),
        (JinjaUndefined missing, _) => throw new JinjaException($"'{missing.Name}' is not defined, and a part of it is asked for"),
        (null, _) => throw new JinjaException("a part of none is asked for"),
        _ => new JinjaUndefined(Print(b)),
    };

    /// <summary>a[from:to].</summary>
    public static object Slice(object? a, object? from, object? to)
    {
        int count = a switch { List<object?> l => l.Count, string s => s.Length, _ => throw new JinjaException($"a slice of a {Kind(a)}") };
        int first = Bound(from, 0, count), last = Math.Max(Bound(to, count, count), first);
        return a is string text ? text[first..last] : ((List<object?>)a).GetRange(first, last - first);
    }

    /// <summary>JSON as Python's json.dumps writes it without ASCII escapes.</summary>
    public static string Json(object? value)
    {
        var text = new StringBuilder();
        Append(text, value);
        return text.ToString();
    }

    /// <summary>What a value is, in an error.</summary>
    public static string Kind(object? value) => value switch
    {
        null => "none",
        JinjaUndefined u => $"'{u.Name}', which is not defined,",
        bool => "truth value",
        long or double => "number",
        string => "string",
        List<object?> => "list",
        Dictionary<string, object?> => "mapping",
        _ => "namespace",
    };

    private static int Bound(object? bound, int missing, int count) => bound switch
    {
        null => missing,
        long n => (int)Math.Clamp(n < 0 ? n + count : n, 0, count),
        _ => throw new JinjaException($"a slice to a {Kind(bound)}"),
    };

    private static string Real(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');
        return text.AsSpan().IndexOfAny('.', 'e', 'n') >= 0 ? text : text + ".0";
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
            case long or double:
                text.Append(Print(value));
                break;
            default:
                throw new JinjaException($"tojson of a {Kind(value)}");
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

/// <summary>A template that does what its values do not allow; becomes an error that names the template.</summary>
#pragma warning disable CA1032 // Raised and caught in this folder alone.
internal sealed class JinjaException(string message) : Exception(message);
#pragma warning restore CA1032
