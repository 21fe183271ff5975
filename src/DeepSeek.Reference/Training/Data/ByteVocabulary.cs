using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace DeepSeek.Reference.Training;

/// <summary>A vocabulary of 256 bytes and DeepSeek's special tokens: for models that are trained from nothing on a CPU.</summary>
/// <remarks>
/// <code>
/// 0 begin of sentence   1 end of sentence   2 pad   3 + b the byte b   259 FIM hole   260 FIM begin   261 FIM end   262 user   263 assistant
/// </code>
/// 0 to 2 and the order of the rest are those of DeepSeek-V3's tokenizer. <see cref="Write"/> gives a byte-level BPE without merges, which any reader of
/// <c>tokenizer.json</c> runs.
/// </remarks>
public sealed class ByteVocabulary : ITrainingTokenizer
{
    private const int FirstByte = 3, AfterBytes = FirstByte + 256;

    private static readonly (int Id, string Content)[] Named =
    [
        (0, "<｜begin▁of▁sentence｜>"), (1, "<｜end▁of▁sentence｜>"), (2, "<｜▁pad▁｜>"), (AfterBytes, "<｜fim▁hole｜>"), (AfterBytes + 1, "<｜fim▁begin｜>"),
        (AfterBytes + 2, "<｜fim▁end｜>"), (AfterBytes + 3, "<｜User｜>"), (AfterBytes + 4, "<｜Assistant｜>"),
    ];

    /// <inheritdoc/>
    public int VocabularySize => AfterBytes + 5;

    /// <inheritdoc/>
    public SpecialTokens Special => new(0, 1, 2, AfterBytes, AfterBytes + 1, AfterBytes + 2);

    /// <inheritdoc/>
    public int[] Encode(string text) => Array.ConvertAll(Encoding.UTF8.GetBytes(text), b => FirstByte + b);

    /// <summary>The text of ids; special tokens as they are spelled, bytes that are no UTF-8 as U+FFFD.</summary>
    /// <exception cref="DataException">An id is none of this vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids)
    {
        var bytes = new List<byte>(ids.Length);
        foreach (int id in ids)
        {
            if (id is >= FirstByte and < AfterBytes)
                bytes.Add((byte)(id - FirstByte));
            else if (Array.Find(Named, n => n.Id == id).Content is { } content)
                bytes.AddRange(Encoding.UTF8.GetBytes(content));
            else
                throw new DataException($"token {id} is none of the {VocabularySize} of the byte vocabulary; check which tokenizer made the ids");
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    /// <inheritdoc/>
    public void Write(Stream stream)
    {
        // Names are written as they are read in a released tokenizer.json, not escaped.
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NewLine = "\n" });
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        foreach ((int id, string content) in Named)
            WriteAdded(json, id, content);
        json.WriteEndArray();
        json.WriteNull("normalizer");
        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        WriteByteLevel(json);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WritePropertyName("post_processor");
        WriteByteLevel(json);
        json.WritePropertyName("decoder");
        WriteByteLevel(json);
        WriteModel(json);
        json.WriteEndObject();
        json.Flush();
        stream.WriteByte((byte)'\n');
    }

    private static void WriteAdded(Utf8JsonWriter json, int id, string content)
    {
        json.WriteStartObject();
        json.WriteNumber("id", id);
        json.WriteString("content", content);
        json.WriteBoolean("single_word", false);
        json.WriteBoolean("lstrip", false);
        json.WriteBoolean("rstrip", false);
        json.WriteBoolean("normalized", false);
        json.WriteBoolean("special", true);
        json.WriteEndObject();
    }

    private static void WriteByteLevel(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", false);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", false);
        json.WriteEndObject();
    }

    private static void WriteModel(Utf8JsonWriter json)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteStartObject("vocab");
        foreach ((int id, string content) in Named.Where(n => n.Id < FirstByte))
            json.WriteNumber(content, id);
        for (int b = 0; b < 256; b++)
            json.WriteNumber(Letter(b).ToString(CultureInfo.InvariantCulture), FirstByte + b);
        foreach ((int id, string content) in Named.Where(n => n.Id >= AfterBytes))
            json.WriteNumber(content, id);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>The letter that stands for a byte in byte-level BPE: itself where it is printable, else the next of those from U+0100 on.</summary>
    private static char Letter(int b)
    {
        static bool printable(int c) => c is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
        if (printable(b))
            return (char)b;
        int before = 0;
        for (int c = 0; c < b; c++)
            before += printable(c) ? 0 : 1;
        return (char)(0x100 + before);
    }
}
