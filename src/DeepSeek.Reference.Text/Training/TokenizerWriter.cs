using System.Text.Encodings.Web;
using System.Text.Json;

namespace DeepSeek.Reference.Text;

/// <summary>Writes tokenizer.json in DeepSeek-V3's form. No-merge and merge files differ in vocabulary and merges alone.</summary>
internal static class TokenizerWriter
{
    private static readonly JsonWriterOptions Options = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly string[] First = [DeepSeekTokens.BeginOfSentence, DeepSeekTokens.EndOfSentence, DeepSeekTokens.Pad];
    private static readonly string[] Last = [DeepSeekTokens.FimHole, DeepSeekTokens.FimBegin, DeepSeekTokens.FimEnd, DeepSeekTokens.User, DeepSeekTokens.Assistant];

    /// <summary>The file for merges in the order of their ranks.</summary>
    public static byte[] Write(IReadOnlyList<(byte[] Left, byte[] Right)> merges)
    {
        // Loaders number an added token that the vocabulary lacks behind it: the first three must be in it, the last five need not.
        List<string> vocabulary = [.. First, .. PairCounts.Order.Select(b => ByteAlphabet.Text([b])), .. merges.Select(m => ByteAlphabet.Text([.. m.Left, .. m.Right]))];

        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, Options))
        {
            json.WriteStartObject();
            json.WriteString("version", "1.0");
            json.WriteNull("truncation");
            json.WriteNull("padding");
            json.WriteStartArray("added_tokens");
            for (int i = 0; i < First.Length; i++)
                WriteAdded(json, i, First[i], special: true);
            for (int i = 0; i < Last.Length; i++)
                WriteAdded(json, vocabulary.Count + i, Last[i], special: false);
            json.WriteEndArray();
            json.WriteNull("normalizer");
            WritePreTokenizer(json);
            WriteByteLevel(json, "post_processor", addPrefixSpace: true, trimOffsets: false, useRegex: true);
            WriteByteLevel(json, "decoder", addPrefixSpace: true, trimOffsets: true, useRegex: true);
            WriteModel(json, vocabulary, merges);
            json.WriteEndObject();
        }

        bytes.WriteByte((byte)'\n');
        return bytes.ToArray();
    }

    private static void WriteAdded(Utf8JsonWriter json, int id, string content, bool special)
    {
        json.WriteStartObject();
        json.WriteNumber("id", id);
        json.WriteString("content", content);
        json.WriteBoolean("single_word", false);
        json.WriteBoolean("lstrip", false);
        json.WriteBoolean("rstrip", false);
        json.WriteBoolean("normalized", !special);
        json.WriteBoolean("special", special);
        json.WriteEndObject();
    }

    private static void WritePreTokenizer(Utf8JsonWriter json)
    {
        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        foreach (string split in DeepSeekTokens.Splits)
        {
            json.WriteStartObject();
            json.WriteString("type", "Split");
            json.WriteStartObject("pattern");
            json.WriteString("Regex", split);
            json.WriteEndObject();
            json.WriteString("behavior", nameof(SplitBehavior.Isolated));
            json.WriteBoolean("invert", false);
            json.WriteEndObject();
        }

        WriteByteLevel(json, null, addPrefixSpace: false, trimOffsets: true, useRegex: false);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteByteLevel(Utf8JsonWriter json, string? name, bool addPrefixSpace, bool trimOffsets, bool useRegex)
    {
        if (name is null)
            json.WriteStartObject();
        else
            json.WriteStartObject(name);
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", addPrefixSpace);
        json.WriteBoolean("trim_offsets", trimOffsets);
        json.WriteBoolean("use_regex", useRegex);
        json.WriteEndObject();
    }

    private static void WriteModel(Utf8JsonWriter json, List<string> vocabulary, IReadOnlyList<(byte[] Left, byte[] Right)> merges)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        foreach (string name in (string[])["dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"])
            json.WriteNull(name);
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteStartObject("vocab");
        for (int id = 0; id < vocabulary.Count; id++)
            json.WriteNumber(vocabulary[id], id);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach ((byte[] left, byte[] right) in merges)
            json.WriteStringValue($"{ByteAlphabet.Text(left)} {ByteAlphabet.Text(right)}");
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
