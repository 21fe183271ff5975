using System.Globalization;

namespace DeepSeek.Reference.Layouts;

/// <summary>The text of one part of a layout, taken apart: <c>name[key=value,key=value]</c>; a value is a whole number, several with colons, or a word.</summary>
internal sealed class LayoutText
{
    private readonly Dictionary<string, string> arguments = [];
    private readonly List<string> asked = [];
    private readonly string text;

    /// <summary>Takes a part apart.</summary>
    /// <exception cref="ContractException">It is not of the grammar.</exception>
    public LayoutText(string part)
    {
        text = part.Trim().ToLowerInvariant();
        int open = text.IndexOf('[', StringComparison.Ordinal);
        Name = (open < 0 ? text : text[..open]).Trim();
        if (open < 0)
            return;
        if (text[^1] != ']')
            throw new ContractException($"layout '{text}' does not end in ']'");
        foreach (string argument in text[(open + 1)..^1].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string[] sides = argument.Split('=', StringSplitOptions.TrimEntries);
            if (sides is not [{ Length: > 0 } key, { Length: > 0 } value])
                throw new ContractException($"layout '{text}': '{argument}' is not key=value");
            if (!arguments.TryAdd(key, value))
                throw new ContractException($"layout '{text}': the key '{key}' occurs twice; give it once");
        }
    }

    /// <summary>What stands before the bracket.</summary>
    public string Name { get; }

    /// <summary>A whole number from <paramref name="least"/> to 2^31 - 1.</summary>
    public long Whole(string key, long otherwise, long least)
    {
        asked.Add(key);
        if (!arguments.TryGetValue(key, out string? value))
            return otherwise;
        long n = Number(key, value);
        return n >= least ? n : throw new ContractException($"layout '{text}': {key} is {n}; take {least} or more");
    }

    /// <summary>Whole numbers of 0 or more; null where the key is not given.</summary>
    public long[]? List(string key)
    {
        asked.Add(key);
        return arguments.TryGetValue(key, out string? value) ? [.. value.Split(':').Select(v => Number(key, v))] : null;
    }

    /// <summary>One of a few words; the first where the key is not given.</summary>
    public string Word(string key, params ReadOnlySpan<string> words)
    {
        asked.Add(key);
        if (!arguments.TryGetValue(key, out string? value))
            return words[0];
        return words.Contains(value) ? value : throw new ContractException($"layout '{text}': {key} is '{value}'; there are {string.Join(", ", words!)}");
    }

    /// <summary>Refuses keys that nothing asked for.</summary>
    public void Finish()
    {
        string? unknown = arguments.Keys.FirstOrDefault(key => !asked.Contains(key));
        if (unknown is not null)
            throw new ContractException($"layout '{text}' has no '{unknown}'; {Name} takes {(asked.Count == 0 ? "no arguments" : string.Join(", ", asked))}");
    }

    /// <summary>The text of a part; arguments whose value is null are left out.</summary>
    public static string Write(string name, params ReadOnlySpan<(string Key, string? Value)> arguments)
    {
        var given = new List<string>();
        foreach ((string key, string? value) in arguments)
        {
            if (value is not null)
                given.Add($"{key}={value}");
        }

        return given.Count == 0 ? name : $"{name}[{string.Join(',', given)}]";
    }

    /// <summary>A number's text; null, so that it is left out, where it is the default.</summary>
    public static string? Unless(long value, long otherwise) => value == otherwise ? null : value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Numbers with colons; null for none.</summary>
    public static string? Join(IEnumerable<long>? values) => values is null ? null : string.Join(':', values.Select(v => v.ToString(CultureInfo.InvariantCulture)));

    /// <summary>Multiples of a power or any other whole number, upwards.</summary>
    public static long Align(long value, long multiple) => checked((value + multiple - 1) / multiple * multiple);

    private long Number(string key, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int n) ? n : throw new ContractException($"layout '{text}': {key} holds '{value}', which is no whole number from 0 to {int.MaxValue}");
}
