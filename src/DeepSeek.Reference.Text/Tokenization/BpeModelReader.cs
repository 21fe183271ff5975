using System.Text;
using System.Text.Json;

namespace DeepSeek.Reference.Text;

/// <summary>Reads <c>model</c>: the vocabulary and the merges, by their bytes and without a string for each.</summary>
internal sealed class BpeModelReader
{
    private const int LongestToken = 1 << 16;

    private readonly string source;
    private readonly Dictionary<int, int> holders = [];
    private byte[] scratch = new byte[256];

    private BpeModelReader(string source) => this.source = source;

    /// <summary>The tokens of bytes.</summary>
    public Vocabulary Vocabulary { get; private set; } = null!;

    /// <summary>The tokens whose text is not of the byte alphabet.</summary>
    public Dictionary<string, int> Literals { get; } = [];

    /// <summary>The merges in the order of their ranks.</summary>
    public List<(int Left, int Right, int Id)> Merges { get; } = [];

    /// <summary>Whether a piece that is a token is taken without merging.</summary>
    public bool IgnoreMerges { get; private set; }

    /// <summary>Whether a token of the vocabulary has this id.</summary>
    public bool Holds(int id) => holders.ContainsKey(id);

    /// <summary>The id of a token of the vocabulary by its text.</summary>
    public int? IdOf(string text)
    {
        if (Literals.TryGetValue(text, out int literal))
            return literal;
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        int length = ByteAlphabet.Translate(utf8);
        int id = length < 0 ? -1 : Vocabulary.Find(utf8.AsSpan(0, length));
        return id < 0 ? null : id;
    }

    /// <summary>Reads the object that the reader stands at; <paramref name="all"/> is what the reader reads.</summary>
    public static BpeModelReader Read(ref Utf8JsonReader reader, ReadOnlyMemory<byte> all, string source)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new DataException($"{source}: model: an object is expected");
        var model = new BpeModelReader(source);
        ReadOnlyMemory<byte>? vocab = null, merges = null;
        JsonElement? unknown = null;
        string? type = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            int start = (int)reader.TokenStartIndex;
            if (name is "vocab" or "merges")
            {
                reader.Skip();
                ReadOnlyMemory<byte> slice = all[start..(int)reader.BytesConsumed];
                if (name == "vocab")
                    vocab = slice;
                else
                    merges = slice;
                continue;
            }

            var field = new TokenizerField(source, $"model.{name}", JsonElement.ParseValue(ref reader));
            switch (name)
            {
                case "type":
                    type = field.Text();
                    break;
                case "unk_token":
                    unknown = field.Value;
                    break;
                case "ignore_merges":
                    model.IgnoreMerges = field.Flag();
                    break;
                case "dropout":
                    if (!field.IsNull && !(field.Value.ValueKind == JsonValueKind.Number && field.Value.GetDouble() == 0))
                        throw field.Refuse("merges are never left out; set it to null");
                    break;
                case "continuing_subword_prefix" or "end_of_word_suffix":
                    if (!field.IsNull && field.Text().Length > 0)
                        throw field.Refuse("a byte-level vocabulary has none; set it to null");
                    break;
                case "byte_fallback":
                    if (field.Flag())
                        throw field.Refuse("byte-level vocabularies are read, which need no fallback");
                    break;
                case "fuse_unk":
                    break;
                default:
                    throw field.Refuse("not a field that is known here");
            }
        }

        if (type != "BPE")
            throw new DataException($"{source}: model.type: {type ?? "is missing"}; BPE is read");
        model.ReadVocabulary(vocab ?? throw new DataException($"{source}: model has no vocab"));
        model.ReadMerges(merges ?? throw new DataException($"{source}: model has no merges"));
        if (unknown is { ValueKind: not JsonValueKind.Null } token && Enumerable.Range(0, 256).Any(b => model.Vocabulary.OfByte((byte)b) < 0))
            throw new TokenizerField(source, "model.unk_token", token).Refuse("not every byte has a token, and unknown ones are not replaced");
        return model;
    }

    private void ReadVocabulary(ReadOnlyMemory<byte> json)
    {
        var reader = new Utf8JsonReader(json.Span);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new DataException($"{source}: model.vocab: an object is expected");
        var bytes = new byte[json.Length];
        var tokens = new List<(int, int, int)>(json.Length / 24);
        int end = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            Span<byte> text = Take(ref reader);
            reader.Read();
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out int id) || id < 0 || id >= Vocabulary.MostIds)
                throw new DataException($"{source}: model.vocab['{Encoding.UTF8.GetString(text)}']: an id is a whole number from 0 to {Vocabulary.MostIds - 1}");
            if (!holders.TryAdd(id, end))
                throw new DataException($"{source}: model.vocab['{Encoding.UTF8.GetString(text)}']: another token has the id {id}");
            string? literal = null;
            int length = ByteAlphabet.Translate(text);
            if (length < 0)
                literal = Encoding.UTF8.GetString(text);
            if (length == 0 || (literal is not null && !Literals.TryAdd(literal, id)))
                throw new DataException($"{source}: model.vocab: a token of no characters, or one that comes twice, has the id {id}");
            if (literal is not null)
                continue;
            text[..length].CopyTo(bytes.AsSpan(end));
            tokens.Add((end, length, id));
            end += length;
        }

        Vocabulary = new Vocabulary(bytes[..end], tokens);
        foreach ((int start, int length, int id) in tokens)
        {
            if (Vocabulary.Find(bytes.AsSpan(start, length)) != id)
                throw new DataException($"{source}: model.vocab['{ByteAlphabet.Text(bytes.AsSpan(start, length))}'] comes twice");
        }
    }

    private void ReadMerges(ReadOnlyMemory<byte> json)
    {
        var reader = new Utf8JsonReader(json.Span);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new DataException($"{source}: model.merges: an array is expected");
        var pair = new byte[2 * LongestToken];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            int left, right, length;
            if (reader.TokenType == JsonTokenType.String)
            {
                Span<byte> text = Take(ref reader);
                int space = text.IndexOf((byte)' ');
                if (space < 0 || text[(space + 1)..].Contains((byte)' '))
                    throw Wrong("two tokens with a space between them are expected");
                left = Part(text[..space], pair, 0, out int leftLength);
                right = Part(text[(space + 1)..], pair, leftLength, out int rightLength);
                length = leftLength + rightLength;
            }
            else
            {
                if (reader.TokenType != JsonTokenType.StartArray || !reader.Read() || reader.TokenType != JsonTokenType.String)
                    throw Wrong("a string of two tokens, or an array of two strings, is expected");
                left = Part(Take(ref reader), pair, 0, out int leftLength);
                if (!reader.Read() || reader.TokenType != JsonTokenType.String)
                    throw Wrong("an array of two strings is expected");
                right = Part(Take(ref reader), pair, leftLength, out int rightLength);
                length = leftLength + rightLength;
                if (!reader.Read() || reader.TokenType != JsonTokenType.EndArray)
                    throw Wrong("an array of two strings is expected");
            }

            int id = Vocabulary.Find(pair.AsSpan(0, length));
            if (id < 0)
                throw Wrong($"model.vocab has no '{ByteAlphabet.Text(pair.AsSpan(0, length))}'");
            Merges.Add((left, right, id));
        }
    }

    /// <summary>The token of a part of a merge; its bytes go to the buffer.</summary>
    private int Part(Span<byte> text, byte[] buffer, int at, out int length)
    {
        length = text.Length == 0 ? -1 : ByteAlphabet.Translate(text);
        if (length <= 0 || length > LongestToken)
            throw Wrong("a part is not of the byte alphabet");
        text[..length].CopyTo(buffer.AsSpan(at));
        int id = Vocabulary.Find(text[..length]);
        return id >= 0 ? id : throw Wrong($"model.vocab has no '{ByteAlphabet.Text(text[..length])}'");
    }

    /// <summary>The characters of the name or string that the reader stands at, without escapes; valid until the next.</summary>
    private Span<byte> Take(ref Utf8JsonReader reader)
    {
        if (scratch.Length < reader.ValueSpan.Length)
            scratch = new byte[2 * reader.ValueSpan.Length];
        return scratch.AsSpan(0, reader.CopyString(scratch));
    }

    private DataException Wrong(string why) => new($"{source}: model.merges[{Merges.Count}]: {why}");
}
