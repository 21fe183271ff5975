using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace DeepSeek.Reference.Training;

/// <summary>The fields of a train.json by their paths, each with its line; or, without a file, a listing of what settings are.</summary>
/// <remarks>A reader takes each field once, by name, default and range. What no reader took is unknown. Each value taken is added to <see cref="Told"/>.</remarks>
internal sealed class TrainFields
{
    private readonly Dictionary<string, (JsonTokenType Kind, string Text, int Line)> fields = new(StringComparer.Ordinal);
    private readonly List<(string Name, int Line)> groups = [];
    private readonly List<string> known = [];
    private readonly StringBuilder told = new();
    private readonly string source;

    /// <summary>No file: every field is what the settings say.</summary>
    public TrainFields(TrainOptions given)
    {
        source = "";
        Given = given;
    }

    /// <summary>The fields of a JSON text.</summary>
    /// <exception cref="DataException">It is not JSON, not an object, or has a field twice.</exception>
    public TrainFields(ReadOnlySpan<byte> utf8, string source)
    {
        this.source = source;
        if (!Utf8.IsValid(utf8))
            throw new DataException($"{source}: not UTF-8 text; name a train.json");
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        try
        {
            Read(ref reader, utf8);
        }
        catch (JsonException e)
        {
            throw new DataException($"{source}: not JSON at line {(e.LineNumber ?? 0) + 1}; correct the file", e);
        }
        catch (InvalidOperationException e)
        {
            throw new DataException($"{source}: a string with half a surrogate pair; correct the file", e);
        }
    }

    /// <summary>The settings, where there is no file.</summary>
    public TrainOptions? Given { get; }

    /// <summary>Each field that was taken with its value, a line each.</summary>
    public string Told => told.ToString();

    /// <summary>Whether the file has a field.</summary>
    public bool Has(string name) => fields.ContainsKey(name);

    public string Text(string name, string otherwise) =>
        Tell(name, Take(name, JsonTokenType.String, "a string", out string text) ? text : otherwise);

    public bool Switch(string name, bool otherwise)
    {
        known.Add(name);
        bool value = otherwise;
        if (fields.Remove(name, out (JsonTokenType Kind, string Text, int Line) field))
        {
            if (field.Kind is not (JsonTokenType.True or JsonTokenType.False))
                throw Wrong(name, field.Line, field.Text, "true or false");
            value = field.Kind == JsonTokenType.True;
        }

        Tell(name, value ? "true" : "false");
        return value;
    }

    public double Number(string name, double otherwise, double least, double most)
    {
        int line = LineOf(name);
        double value = otherwise;
        if (Take(name, JsonTokenType.Number, "a number", out string text))
            value = double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        if (!(value >= least && value <= most))
            throw Wrong(name, line, text, string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}"));
        Tell(name, value.ToString("R", CultureInfo.InvariantCulture));
        return value;
    }

    public long Count(string name, long otherwise, long least, long most = long.MaxValue)
    {
        int line = LineOf(name);
        long value = otherwise;
        if (Take(name, JsonTokenType.Number, "a whole number", out string text) && !TryWhole(text, out value))
            throw Wrong(name, line, text, "a whole number");
        if (value < least || value > most)
            throw Wrong(name, line, text.Length == 0 ? value.ToString(CultureInfo.InvariantCulture) : text, $"a whole number from {least} to {most}");
        Tell(name, value.ToString(CultureInfo.InvariantCulture));
        return value;
    }

    public ulong Seed(string name, ulong otherwise)
    {
        int line = LineOf(name);
        ulong value = otherwise;
        if (Take(name, JsonTokenType.Number, "a whole number", out string text) && !ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value))
            throw Wrong(name, line, text, "a whole number from 0 to 2^64 - 1");
        Tell(name, value.ToString(CultureInfo.InvariantCulture));
        return value;
    }

    public string OneOf(string name, string otherwise, string[] choices) => OneOf(name, otherwise, Array.ConvertAll(choices, c => (c, c)));

    public T OneOf<T>(string name, T otherwise, (string Name, T Value)[] choices) where T : notnull
    {
        int line = LineOf(name);
        (string Name, T Value) chosen = Array.Find(choices, c => c.Value.Equals(otherwise));
        if (Take(name, JsonTokenType.String, "a string", out string text))
        {
            chosen = Array.Find(choices, c => c.Name == text);
            if (chosen.Name is null)
                throw Wrong(name, line, $"\"{text}\"", $"one of {string.Join(", ", choices.Select(c => c.Name))}");
        }

        Tell(name, chosen.Name);
        return chosen.Value;
    }

    /// <summary>Refuses a field that no reader asked for.</summary>
    /// <exception cref="DataException">There is one; the message names the first, its line, and what there is.</exception>
    public void RefuseTheRest()
    {
        // An object is refused as what is in it, but for one that holds nothing.
        (string Name, int Line)[] unknown = [.. fields.Select(f => (f.Key, f.Value.Line)), .. groups.Where(g => !known.Any(k => k.StartsWith($"{g.Name}.", StringComparison.Ordinal)))];
        if (unknown.Length == 0)
            return;
        (string name, int line) = unknown.MinBy(u => u.Line);
        string last = name[(name.LastIndexOf('.') + 1)..];
        string[] near = [.. known.Where(k => k.EndsWith($".{last}", StringComparison.Ordinal) || k == last)];
        throw new DataException($"{source} line {line}: unknown field '{name}'; {(near.Length > 0 ? $"did you mean {string.Join(" or ", near)}? " : "")}the fields are {string.Join(", ", known)}");
    }

    private void Read(ref Utf8JsonReader reader, ReadOnlySpan<byte> utf8)
    {
        var path = new Stack<string>();
        string name = "";
        while (reader.Read())
        {
            int line = 1 + utf8[..(int)reader.TokenStartIndex].Count((byte)'\n');
            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName:
                    name = string.Concat(path.Select(p => p + ".").Reverse()) + reader.GetString();
                    break;
                case JsonTokenType.StartObject when reader.CurrentDepth > 0:
                    groups.Add((name, line));
                    path.Push(name[(name.LastIndexOf('.') + 1)..]);
                    break;
                case JsonTokenType.EndObject when path.Count > 0:
                    path.Pop();
                    break;
                case JsonTokenType.StartObject or JsonTokenType.EndObject:
                    break;
                case JsonTokenType.StartArray:
                    throw new DataException($"{source} line {line}: {(name.Length == 0 ? "an array where an object is expected" : $"'{name}' is an array, and no field is one")}; correct the file");
                default:
                    if (reader.CurrentDepth == 0)
                        throw new DataException($"{source} line {line}: not an object; a train.json is one");
                    string text = reader.TokenType == JsonTokenType.String ? reader.GetString()! : Encoding.UTF8.GetString(reader.ValueSpan);
                    if (!fields.TryAdd(name, (reader.TokenType, text, line)))
                        throw new DataException($"{source} line {line}: '{name}' stands a second time; keep one of the two");
                    break;
            }
        }
    }

    private bool Take(string name, JsonTokenType kind, string expected, out string text)
    {
        known.Add(name);
        text = "";
        if (!fields.Remove(name, out (JsonTokenType Kind, string Text, int Line) field))
            return false;
        if (field.Kind != kind)
            throw Wrong(name, field.Line, field.Kind == JsonTokenType.String ? $"\"{field.Text}\"" : field.Text, expected);
        text = field.Text;
        return true;
    }

    /// <summary>A whole number, also as 1e12.</summary>
    private static bool TryWhole(string text, out long value)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value))
            return true;
        if (!decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out decimal exact) || exact != decimal.Truncate(exact) || exact < long.MinValue || exact > long.MaxValue)
            return false;
        value = (long)exact;
        return true;
    }

    private int LineOf(string name) => fields.TryGetValue(name, out (JsonTokenType Kind, string Text, int Line) field) ? field.Line : 0;

    private DataException Wrong(string name, int line, string text, string expected) => new($"{source} line {line}: '{name}' is {text} where {expected} is expected; correct the file");

    private string Tell(string name, string value)
    {
        told.Append(name).Append('=').Append(value).Append('\n');
        return value;
    }
}
