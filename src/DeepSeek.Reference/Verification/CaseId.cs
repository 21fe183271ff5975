using System.Text;

namespace DeepSeek.Reference.Verification;

/// <summary>The text of a case: at once its id, what a filter matches, and the line that repeats it.</summary>
/// <remarks>
/// <code>
/// id       = name [ "[" argument { "," argument } "]" ]
/// argument = name "=" value
/// name     = a letter a-z, then letters, digits, "_"
/// value    = one or more of letters, digits, and "_ . + - : /"
/// </code>
/// For example <c>linear[t=3,n=17,k=33,x=bf16]</c>. Text is lower case; parsing takes any case and blanks around the parts. A key occurs once.
/// The order of the keys has no meaning; <see cref="OperationCase"/> writes the canonical order and leaves out what is at its default.
/// </remarks>
public sealed class CaseId : IEquatable<CaseId>
{
    private readonly KeyValuePair<string, string>[] arguments;

    /// <summary>An id of its parts.</summary>
    /// <exception cref="CaseException">A part is not of the grammar, or a key occurs twice.</exception>
    public CaseId(string name, params IEnumerable<KeyValuePair<string, string>> arguments)
    {
        ArgumentNullException.ThrowIfNull(name);
        Name = name;
        this.arguments = [.. arguments];
        RequireName(name, name, 0, "an operation");
        for (int i = 0; i < this.arguments.Length; i++)
        {
            (string key, string value) = this.arguments[i];
            RequireName(key, key, 0, "a key");
            RequireValue(value, value, 0);
            for (int j = 0; j < i; j++)
            {
                if (this.arguments[j].Key == key)
                    throw new CaseException($"case '{name}[...]': the key '{key}' occurs twice; give it once");
            }
        }
    }

    /// <summary>What runs, for example <c>linear</c>.</summary>
    public string Name { get; }

    /// <summary>Keys and values in the order written.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Arguments => arguments;

    /// <summary>The value of a key, or null.</summary>
    public string? this[string key]
    {
        get
        {
            foreach ((string k, string v) in arguments)
            {
                if (k == key)
                    return v;
            }

            return null;
        }
    }

    /// <summary>Parses an id.</summary>
    /// <exception cref="CaseException">The text is not of the grammar; the message names the column, counted from 1.</exception>
    public static CaseId Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string lower = text.ToLowerInvariant();
        int open = lower.IndexOf('[', StringComparison.Ordinal);
        string name = (open < 0 ? lower : lower[..open]).Trim();
        RequireName(name, text, 0, "an operation");
        if (open < 0)
            return new CaseId(name);

        string rest = lower.TrimEnd();
        if (rest[^1] != ']')
            throw Bad(text, rest.Length, "the closing ']' is missing");
        string inner = rest[(open + 1)..^1];
        if (string.IsNullOrWhiteSpace(inner))
            return new CaseId(name);

        var found = new List<KeyValuePair<string, string>>();
        int at = open + 1;
        foreach (string part in inner.Split(','))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
                throw Bad(text, at, $"'{part.Trim()}' is not of the form key=value");
            string key = part[..equals].Trim();
            string value = part[(equals + 1)..].Trim();
            RequireName(key, text, at, "a key");
            RequireValue(value, text, at + equals + 1);
            if (found.Exists(p => p.Key == key))
                throw Bad(text, at, $"the key '{key}' occurs twice; give it once");
            found.Add(new(key, value));
            at += part.Length + 1;
        }

        return new CaseId(name, found);
    }

    /// <inheritdoc/>
    public bool Equals(CaseId? other) => other is not null && ToString() == other.ToString();

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as CaseId);

    /// <inheritdoc/>
    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    /// <summary>The text, keys in the order held.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(Name);
        if (arguments.Length > 0)
            text.Append('[').AppendJoin(',', arguments.Select(p => $"{p.Key}={p.Value}")).Append(']');
        return text.ToString();
    }

    private static void RequireName(string part, string text, int at, string what)
    {
        bool good = part.Length > 0 && part[0] is >= 'a' and <= 'z';
        foreach (char c in part)
            good &= c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '_';
        if (!good)
            throw Bad(text, at, $"'{part}' is not a name for {what} (a letter, then letters, digits or '_')");
    }

    private static void RequireValue(string part, string text, int at)
    {
        bool good = part.Length > 0;
        foreach (char c in part)
            good &= c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '_' or '.' or '+' or '-' or ':' or '/';
        if (!good)
            throw Bad(text, at, $"'{part}' is not a value (letters, digits and _.+-:/)");
    }

    private static CaseException Bad(string text, int at, string what) => new($"case '{text}', column {at + 1}: {what}");
}
