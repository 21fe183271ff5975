using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace DeepSeek.Reference;

/// <summary>A forward reader of JSON in a checkpoint: each refusal names the file, the byte offset in it, and what was expected.</summary>
/// <remarks>No reflection, no tree: what it allocates is the strings that the file really holds.</remarks>
internal ref struct JsonCursor
{
    private readonly string path;
    private readonly long baseOffset;
    private Utf8JsonReader reader;

    /// <summary>Starts before the first token of <paramref name="json"/>, which lies at <paramref name="baseOffset"/> of the file.</summary>
    /// <exception cref="DataException">The bytes are not UTF-8.</exception>
    public JsonCursor(ReadOnlySpan<byte> json, string path, long baseOffset)
    {
        this.path = path;
        this.baseOffset = baseOffset;
        if (!Utf8.IsValid(json))
            throw new DataException($"{path}: the JSON text at byte {baseOffset} is not UTF-8; the file is damaged or of another format");
        reader = new Utf8JsonReader(json);
    }

    /// <summary>The kind of the token the cursor stands on.</summary>
    public readonly JsonTokenType Kind => reader.TokenType;

    /// <summary>The byte of the file at which the token starts.</summary>
    public readonly long Offset => baseOffset + reader.TokenStartIndex;

    /// <summary>Moves to the next token.</summary>
    /// <exception cref="DataException">The text is not JSON, or ends early.</exception>
    public void Next()
    {
        bool more;
        try
        {
            more = reader.Read();
        }
        catch (JsonException e)
        {
            throw NotJson(e);
        }

        if (!more)
            throw Fail("the JSON text ends early", "the file is truncated or damaged; copy it again");
    }

    /// <summary>Moves past the last token; only white space may follow.</summary>
    /// <exception cref="DataException">Something follows.</exception>
    public void End()
    {
        try
        {
            if (!reader.Read())
                return;
        }
        catch (JsonException e)
        {
            throw NotJson(e);
        }

        throw Fail("more text follows the JSON object", "remove it, or write the file again");
    }

    /// <summary>Moves to the next member of the object the cursor is in; false at its end.</summary>
    /// <remarks>On true the cursor stands on the member's value.</remarks>
    public bool NextMember(out string name, out long nameOffset)
    {
        Next();
        nameOffset = Offset;
        if (reader.TokenType == JsonTokenType.EndObject)
        {
            name = "";
            return false;
        }

        name = Text();
        Next();
        return true;
    }

    /// <summary>Refuses unless the token opens an object.</summary>
    public readonly void ExpectObject(string what)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw WrongKind(what, "an object");
    }

    /// <summary>Refuses unless the token opens an array.</summary>
    public readonly void ExpectArray(string what)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw WrongKind(what, "an array");
    }

    /// <summary>The string the cursor stands on.</summary>
    public readonly string String(string what) => reader.TokenType == JsonTokenType.String ? Text() : throw WrongKind(what, "a string");

    /// <summary>The non-negative integer the cursor stands on.</summary>
    public readonly long Count(string what)
    {
        if (reader.TokenType != JsonTokenType.Number)
            throw WrongKind(what, "a non-negative integer");
        if (reader.TryGetInt64(out long value) && value >= 0)
            return value;
        throw Fail($"{what} is {Encoding.UTF8.GetString(reader.ValueSpan)}, not an integer from 0 to 2^63 - 1", "write the file again");
    }

    /// <summary>Moves to the end of the value the cursor stands on.</summary>
    public void Skip()
    {
        try
        {
            reader.Skip();
        }
        catch (JsonException e)
        {
            throw NotJson(e);
        }
    }

    /// <summary>An error at the token the cursor stands on.</summary>
    public readonly DataException Fail(string what, string remedy) => new($"{path}: {what} (byte {Offset}); {remedy}");

    private readonly DataException WrongKind(string what, string expected) =>
        Fail($"{what} is {Describe(reader.TokenType)} where {expected} is expected", "write the file again");

    private readonly DataException NotJson(JsonException e) =>
        new($"{path}: not JSON near byte {baseOffset + reader.BytesConsumed}; the file is damaged or of another format", e);

    private readonly string Text()
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new DataException($"{path}: a string with half a surrogate pair (byte {Offset}); write the file again", e);
        }
    }

    private static string Describe(JsonTokenType kind) => kind switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "a boolean",
        JsonTokenType.Null => "null",
        _ => "absent",
    };
}
