namespace DeepSeek.Reference.Text;

/// <summary>The filters, tests, methods and functions that templates may call.</summary>
internal static class JinjaCalls
{
    private const string Blanks = " \t\n\r\v\f";

    /// <summary>Whether there is a filter of this name.</summary>
    public static bool HasFilter(string name) => name is "trim" or "length" or "count" or "default" or "d" or "upper" or "lower" or "tojson" or "join" or "first" or "last" or "string" or "list" or "safe" or "replace";

    /// <summary>Whether there is a test of this name.</summary>
    public static bool HasTest(string name) => name is "defined" or "undefined" or "none" or "string" or "mapping" or "sequence" or "iterable" or "number" or "integer" or "boolean" or "true" or "false" or "odd" or "even";

    /// <summary>Whether there is a method of this name.</summary>
    public static bool HasMethod(string name) => name is "split" or "strip" or "lstrip" or "rstrip" or "startswith" or "endswith" or "replace" or "upper" or "lower" or "get" or "items" or "keys" or "values";

    /// <summary>value | name(arguments).</summary>
    public static object? Filter(string name, object? value, object?[] arguments) => (name, value) switch
    {
        ("default" or "d", _) => value is JinjaUndefined || (arguments.Length > 1 && JinjaValue.Truth(arguments[1]) && !JinjaValue.Truth(value)) ? arguments.Length > 0 ? arguments[0] : "" : value,
        ("trim", string text) => arguments.Length == 0 ? text.Trim(Blanks.ToCharArray()) : text.Trim(Text(arguments[0]).ToCharArray()),
        ("length" or "count", string text) => (long)text.Length,
        ("length" or "count", List<object?> list) => (long)list.Count,
        ("length" or "count", Dictionary<string, object?> map) => (long)map.Count,
        ("upper", string text) => text.ToUpperInvariant(),
        ("lower", string text) => text.ToLowerInvariant(),
        ("replace", string text) => text.Replace(Text(At(arguments, 0)), Text(At(arguments, 1)), StringComparison.Ordinal),
        ("tojson", _) => JinjaValue.Json(value),
        ("join", List<object?> list) => string.Join(arguments.Length > 0 ? Text(arguments[0]) : "", list.Select(JinjaValue.Print)),
        ("first", List<object?> list) => JinjaValue.Item(list, 0L),
        ("last", List<object?> list) => JinjaValue.Item(list, -1L),
        ("string", _) => JinjaValue.Print(value),
        ("list", List<object?> list) => list,
        ("safe", _) => value,
        _ => throw new JinjaException($"the filter {name} of a {JinjaValue.Kind(value)}"),
    };

    /// <summary>value is name.</summary>
    public static bool Test(string name, object? value) => name switch
    {
        "defined" => value is not JinjaUndefined,
        "undefined" => value is JinjaUndefined,
        "none" => value is null,
        "string" => value is string,
        "mapping" => value is Dictionary<string, object?>,
        "sequence" or "iterable" => value is List<object?> or string or Dictionary<string, object?>,
        "number" => value is long or double,
        "integer" => value is long,
        "boolean" => value is bool,
        "true" => value is true,
        "false" => value is false,
        "odd" => value is long n && n % 2 != 0,
        _ => value is long n && n % 2 == 0,
    };

    /// <summary>value.name(arguments).</summary>
    public static object? Method(string name, object? value, object?[] arguments) => (name, value) switch
    {
        ("split", string text) => Split(text, arguments),
        ("strip", string text) => text.Trim(Characters(arguments)),
        ("lstrip", string text) => text.TrimStart(Characters(arguments)),
        ("rstrip", string text) => text.TrimEnd(Characters(arguments)),
        ("startswith", string text) => text.StartsWith(Text(At(arguments, 0)), StringComparison.Ordinal),
        ("endswith", string text) => text.EndsWith(Text(At(arguments, 0)), StringComparison.Ordinal),
        ("replace", string text) => text.Replace(Text(At(arguments, 0)), Text(At(arguments, 1)), StringComparison.Ordinal),
        ("upper", string text) => text.ToUpperInvariant(),
        ("lower", string text) => text.ToLowerInvariant(),
        ("get", Dictionary<string, object?> map) => map.TryGetValue(Text(At(arguments, 0)), out object? found) ? found : arguments.Length > 1 ? arguments[1] : null,
        ("items", Dictionary<string, object?> map) => map.Select(p => (object?)(List<object?>)[p.Key, p.Value]).ToList(),
        ("keys", Dictionary<string, object?> map) => map.Keys.Select(k => (object?)k).ToList(),
        ("values", Dictionary<string, object?> map) => map.Values.ToList(),
        _ => throw new JinjaException($"{name}() of a {JinjaValue.Kind(value)}"),
    };

    private static List<object?> Split(string text, object?[] arguments)
    {
        int most = arguments.Length > 1 ? arguments[1] is long n and >= 0 and < int.MaxValue ? (int)n + 1 : arguments[1] is -1L ? int.MaxValue : throw new JinjaException("split() into a number of parts that is none") : int.MaxValue;
        if (arguments.Length > 0 && arguments[0] is not null)
            return [.. Text(arguments[0]) is { Length: > 0 } separator ? text.Split(separator, most) : throw new JinjaException("split() at an empty string")];
        return most == int.MaxValue ? [.. text.Split(Blanks.ToCharArray(), StringSplitOptions.RemoveEmptyEntries)] : throw new JinjaException("split() at blanks into a number of parts");
    }

    private static char[] Characters(object?[] arguments) => (arguments.Length > 0 && arguments[0] is not null ? Text(arguments[0]) : Blanks).ToCharArray();

    private static object? At(object?[] arguments, int i) => i < arguments.Length ? arguments[i] : throw new JinjaException("an argument is missing");

    private static string Text(object? value) => value as string ?? throw new JinjaException($"a {JinjaValue.Kind(value)} where a string is expected");
}
