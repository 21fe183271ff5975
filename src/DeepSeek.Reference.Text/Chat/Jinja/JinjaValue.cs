using System.Globalization;
using System.Numerics;

namespace DeepSeek.Reference.Text;

/// <summary>What templates do with values: null, bool, BigInteger, double, string, lists and dictionaries, as Python's jinja2 does it.</summary>
internal static class JinjaValue
{
    /// <summary>Python turns no longer whole number into text, or text into one.</summary>
    public const int MostDigits = 4300;

    private static readonly BigInteger TooLarge = BigInteger.Pow(10, MostDigits);

    /// <summary>Whether a value counts as true.</summary>
    public static bool Truth(object? value) => value switch
    {
        null or JinjaUndefined => false,
        bool b => b,
        BigInteger n => !n.IsZero,
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
        BigInteger n => n.ToString(CultureInfo.InvariantCulture),
        double d => Real(d, "inf"),
        _ => throw new JinjaException($"a {Kind(value)} is printed; print its parts, or use tojson"),
    };

    /// <summary>Whether two values are equal.</summary>
    public static bool Same(object? a, object? b) => (a, b) switch
    {
        (bool or BigInteger or double, bool or BigInteger or double) => OrderOfNumbers(a, b) == 0,
        (List<object?> x, List<object?> y) => x.Count == y.Count && x.Zip(y).All(p => Same(p.First, p.Second)),
        (Dictionary<string, object?> x, Dictionary<string, object?> y) => x.Count == y.Count && x.All(p => y.TryGetValue(p.Key, out object? other) && Same(p.Value, other)),
        (JinjaUndefined, JinjaUndefined) => true,
        _ => Equals(a, b),
    };

    /// <summary>The order of two numbers or two strings.</summary>
    public static int Order(object? a, object? b) => (a, b) switch
    {
        (string x, string y) => JinjaText.Order(x, y),
        (bool or BigInteger or double, bool or BigInteger or double) => OrderOfNumbers(a, b),
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
        (_, bool or BigInteger, bool or BigInteger) => Whole(operation, Whole(a), Whole(b)),
        _ => throw new JinjaException($"{operation} between a {Kind(a)} and a {Kind(b)}"),
    };

    /// <summary>a[b], and a.b.</summary>
    public static object? Item(object? a, object? b) => (a, b) switch
    {
        (Dictionary<string, object?> map, string key) => map.TryGetValue(key, out object? value) ? value : new JinjaUndefined(key),
        (JinjaLoop loop, string name) => loop.Get(name),
        (JinjaNamespace space, string key) => space.Fields.TryGetValue(key, out object? value) ? value : new JinjaUndefined(key),
        (List<object?> list, bool or BigInteger) => At(list, Whole(b)),
        (string text, bool or BigInteger) => At(JinjaText.Characters(text), Whole(b)),
        (JinjaUndefined missing, _) => throw new JinjaException($"'{missing.Name}' is not defined, and a part of it is asked for"),
        (null, _) => throw new JinjaException("a part of none is asked for"),
        _ => new JinjaUndefined(Print(b)),
    };

    /// <summary>a.name: where Python would give a method and not a field, refused.</summary>
    public static object? Attribute(object? a, string name) => JinjaCalls.IsMethod(a, name)
        ? throw new JinjaException($"{name} of a {Kind(a)} without a call; a field of this name is ['{name}']")
        : Item(a, name);

    /// <summary>a[from:to].</summary>
    public static object Slice(object? a, object? from, object? to)
    {
        switch (a)
        {
            case List<object?> list:
                return Part(list, from, to);
            case string text:
                return string.Concat(Part(JinjaText.Characters(text), from, to));
            default:
                throw new JinjaException($"a slice of a {Kind(a)}");
        }
    }

    /// <summary>What a value is, in an error.</summary>
    public static string Kind(object? value) => value switch
    {
        null => "none",
        JinjaUndefined u => $"'{u.Name}', which is not defined,",
        bool => "truth value",
        BigInteger => "whole number",
        double => "number with a point",
        string => "string",
        List<object?> => "list",
        Dictionary<string, object?> => "mapping",
        JinjaLoop => "loop",
        _ => "namespace",
    };

    /// <summary>A number with a point as Python writes it: the fewest digits that tell it from its neighbours, an exponent from 1e16 on.</summary>
    public static string Real(double value, string infinity)
    {
        if (double.IsInfinity(value))
            return value < 0 ? "-" + infinity : infinity;
        string text = value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');
        if (Math.Abs(value) >= 1e16 && !text.Contains('e', StringComparison.Ordinal))
        {
            // .NET has the exponent from 1e17 on: these are the digits of whole numbers, one of them before the point.
            int first = value < 0 ? 2 : 1;
            return $"{text[..first]}.{text[first..]}".TrimEnd('0').TrimEnd('.') + "e+16";
        }

        return text.AsSpan().IndexOfAny('.', 'e') >= 0 ? text : text + ".0";
    }

    /// <summary>A whole number, refused where Python would not print it.</summary>
    public static BigInteger Bounded(BigInteger value) =>
        BigInteger.Abs(value) < TooLarge ? value : throw new JinjaException($"a whole number of more than {MostDigits} digits; give it as a string");

    private static BigInteger Whole(string operation, BigInteger x, BigInteger y) => operation switch
    {
        "+" => Bounded(x + y),
        "-" => Bounded(x - y),
        "*" => Bounded(x * y),
        _ when y.IsZero => throw new JinjaException($"a number is divided by 0, by {operation}"),
        "//" => (x - Modulo(x, y)) / y,
        _ => Modulo(x, y),
    };

    /// <summary>What is left by a division that rounds down; has the divisor's sign.</summary>
    private static BigInteger Modulo(BigInteger x, BigInteger y) => ((x % y) + y) % y;

    private static BigInteger Whole(object? value) => value is bool b ? (b ? BigInteger.One : BigInteger.Zero) : (BigInteger)value!;

    private static int OrderOfNumbers(object? a, object? b) => (a, b) switch
    {
        (double x, double y) => x.CompareTo(y),
        (double x, _) => -Order(Whole(b), x),
        (_, double y) => Order(Whole(a), y),
        _ => Whole(a).CompareTo(Whole(b)),
    };

    /// <summary>Exact: no rounding of the whole number.</summary>
    private static int Order(BigInteger whole, double real)
    {
        if (double.IsInfinity(real))
            return real > 0 ? -1 : 1;
        double floor = Math.Floor(real);
        return whole.CompareTo(new BigInteger(floor)) is not 0 and var order ? order : floor < real ? -1 : 0;
    }

    private static object? At<T>(List<T> list, BigInteger i) =>
        i + (i < 0 ? list.Count : 0) is var at && at >= 0 && at < list.Count ? list[(int)at] : new JinjaUndefined($"[{i}]");

    private static List<T> Part<T>(List<T> list, object? from, object? to)
    {
        int first = Bound(from, 0, list.Count);
        return list.GetRange(first, Math.Max(Bound(to, list.Count, list.Count) - first, 0));
    }

    private static int Bound(object? bound, int missing, int count) => bound switch
    {
        null => missing,
        bool or BigInteger => (int)BigInteger.Clamp(Whole(bound) < 0 ? Whole(bound) + count : Whole(bound), 0, count),
        _ => throw new JinjaException($"a slice to a {Kind(bound)}"),
    };
}

/// <summary>A template that does what its values do not allow; becomes an error that names the template.</summary>
#pragma warning disable CA1032 // Raised and caught in this folder alone.
internal sealed class JinjaException(string message) : Exception(message);
#pragma warning restore CA1032
