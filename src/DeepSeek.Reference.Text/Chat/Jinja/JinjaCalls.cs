using System.Numerics;

namespace DeepSeek.Reference.Text;

/// <summary>The filters, tests, methods and functions that templates may call.</summary>
internal static class JinjaCalls
{
    /// <summary>Whether there is a filter of this name.</summary>
    public static bool HasFilter(string name) => name is "trim" or "length" or "count" or "default" or "d" or "upper" or "lower" or "tojson" or "join" or "first" or "last" or "string" or "list" or "safe" or "replace";

    /// <summary>Whether there is a test of this name.</summary>
    public static bool HasTest(string name) => name is "defined" or "undefined" or "none" or "string" or "mapping" or "sequence" or "iterable" or "number" or "integer" or "boolean" or "true" or "false" or "odd" or "even";

    /// <summary>Whether there is a method of this name.</summary>
    public static bool HasMethod(string name) => name is "split" or "strip" or "lstrip" or "rstrip" or "startswith" or "endswith" or "replace" or "upper" or "lower" or "get" or "items" or "keys" or "values";

    /// <summary>Whether a filter or method takes so many arguments.</summary>
    public static bool Takes(string name, int arguments) => name switch
    {
        "trim" or "strip" or "lstrip" or "rstrip" or "join" => arguments <= 1,
        "default" or "d" or "split" => arguments <= 2,
        "startswith" or "endswith" => arguments == 1,
        "get" => arguments is 1 or 2,
        "replace" => arguments is 2 or 3,
        _ => arguments == 0,
    };

    /// <summary>Whether Python has a method of this name on this value, among those that templates call or might.</summary>
    public static bool IsMethod(object? value, string name) => value switch
    {
        Dictionary<string, object?> => name is "get" or "items" or "keys" or "values" or "pop" or "popitem" or "update" or "copy" or "clear" or "setdefault" or "fromkeys",
        List<object?> => name is "append" or "clear" or "copy" or "count" or "extend" or "index" or "insert" or "pop" or "remove" or "reverse" or "sort",
        string => name is not ("get" or "items" or "keys" or "values") && HasMethod(name),
        _ => false,
    };

    /// <summary>value | name(arguments).</summary>
    public static object? Filter(string name, object? value, object?[] arguments) => (name, value) switch
    {
        ("default" or "d", _) => value is JinjaUndefined || (arguments.Length > 1 && JinjaValue.Truth(arguments[1]) && !JinjaValue.Truth(value)) ? arguments.Length > 0 ? arguments[0] : "" : value,
        ("trim", string text) => JinjaText.Strip(text, Characters(arguments), begin: true, end: true),
        ("length" or "count", string text) => new BigInteger(JinjaText.Length(text)),
        ("length" or "count", List<object?> list) => new BigInteger(list.Count),
        ("length" or "count", Dictionary<string, object?> map) => new BigInteger(map.Count),
        ("upper", string text) => JinjaCasing.Upper(text),
        ("lower", string text) => JinjaCasing.Lower(text),
        ("replace", string text) => JinjaText.Replace(text, Text(arguments[0]), Text(arguments[1]), arguments.Length > 2 && arguments[2] is not null ? Count(arguments[2]) : -1),
        ("tojson", _) => JinjaJson.Write(value),
        ("join", List<object?> list) => string.Join(arguments.Length > 0 ? Text(arguments[0]) : "", list.Select(JinjaValue.Print)),
        ("first", List<object?> list) => JinjaValue.Item(list, BigInteger.Zero),
        ("last", List<object?> list) => JinjaValue.Item(list, BigInteger.MinusOne),
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
        "sequence" => value is List<object?> or string or Dictionary<string, object?> or JinjaUndefined,
        "iterable" => value is List<object?> or string or Dictionary<string, object?> or JinjaUndefined or JinjaLoop,
        "number" => value is BigInteger or double or bool,
        "integer" => value is BigInteger,
        "boolean" => value is bool,
        "true" => value is true,
        "false" => value is false,
        "odd" => Rest(name, value) == 1,
        _ => Rest(name, value) == 0,
    };

    /// <summary>value.name(arguments).</summary>
    public static object? Method(string name, object? value, object?[] arguments) => (name, value) switch
    {
        ("split", string text) => Split(text, arguments),
        ("strip", string text) => JinjaText.Strip(text, Characters(arguments), begin: true, end: true),
        ("lstrip", string text) => JinjaText.Strip(text, Characters(arguments), begin: true, end: false),
        ("rstrip", string text) => JinjaText.Strip(text, Characters(arguments), begin: false, end: true),
        ("startswith", string text) => text.StartsWith(Text(arguments[0]), StringComparison.Ordinal),
        ("endswith", string text) => text.EndsWith(Text(arguments[0]), StringComparison.Ordinal),
        ("replace", string text) => JinjaText.Replace(text, Text(arguments[0]), Text(arguments[1]), arguments.Length > 2 ? Count(arguments[2]) : -1),
        ("upper", string text) => JinjaCasing.Upper(text),
        ("lower", string text) => JinjaCasing.Lower(text),
        ("get", Dictionary<string, object?> map) => map.TryGetValue(Text(arguments[0]), out object? found) ? found : arguments.Length > 1 ? arguments[1] : null,
        ("items", Dictionary<string, object?> map) => map.Select(p => (object?)(List<object?>)[p.Key, p.Value]).ToList(),
        ("keys", Dictionary<string, object?> map) => map.Keys.Select(k => (object?)k).ToList(),
        ("values", Dictionary<string, object?> map) => map.Values.ToList(),
        _ => throw new JinjaException($"{name}() of a {JinjaValue.Kind(value)}"),
    };

    private static List<object?> Split(string text, object?[] arguments)
    {
        BigInteger most = arguments.Length > 1 ? Count(arguments[1]) : -1;
        if (arguments.Length > 0 && arguments[0] is not null)
            return [.. Text(arguments[0]) is { Length: > 0 } separator ? JinjaText.Split(text, separator, most) : throw new JinjaException("split() at an empty string")];
        return most < 0 ? [.. JinjaText.Words(text)] : throw new JinjaException("split() at blanks into a number of parts");
    }

    /// <summary>What a division by 2 leaves.</summary>
    private static double Rest(string test, object? value) => value switch
    {
        bool b => b ? 1 : 0,
        BigInteger n => n.IsEven ? 0 : 1,
        double d => Math.Abs(d) % 2,
        _ => throw new JinjaException($"whether a {JinjaValue.Kind(value)} is {test}"),
    };

    private static string? Characters(object?[] arguments) => arguments.Length > 0 && arguments[0] is not null ? Text(arguments[0]) : null;

    private static BigInteger Count(object? value) => value is BigInteger count ? count : throw new JinjaException($"a {JinjaValue.Kind(value)} where a whole number is expected");

    private static string Text(object? value) => value as string ?? throw new JinjaException($"a {JinjaValue.Kind(value)} where a string is expected");
}
