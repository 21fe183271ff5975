using System.Text.Json;

namespace DeepSeek.Reference.Text;

/// <summary>Reads <c>tokenizer.json</c>. Every field is understood or refused by name: a tokenizer that is almost right is worse than none.</summary>
internal static class TokenizerFile
{
    /// <summary>The parts of a tokenizer.</summary>
    /// <exception cref="DataException">Names the file, and the field or the line.</exception>
    public static TokenizerParts Read(ReadOnlyMemory<byte> utf8, string source)
    {
        try
        {
            return ReadParts(utf8, source);
        }
        catch (JsonException e)
        {
            throw new DataException($"{source}, line {e.LineNumber + 1}: not JSON; name a tokenizer.json", e);
        }
        catch (InvalidOperationException e)
        {
            // The only text that the reader refuses late: bytes that are not UTF-8, or an escape that is half a surrogate pair.
            throw new DataException($"{source}: a string that is not Unicode text; name a tokenizer.json", e);
        }
    }

    private static TokenizerParts ReadParts(ReadOnlyMemory<byte> utf8, string source)
    {
        if (utf8.Span.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
            utf8 = utf8[3..];
        var reader = new Utf8JsonReader(utf8.Span);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw new DataException($"{source}: not a JSON object; name a tokenizer.json");
        var small = new Dictionary<string, JsonElement>();
        BpeModelReader? model = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (small.ContainsKey(name) || (name == "model" && model is not null))
                throw new DataException($"{source}: {name} comes twice");
            if (name == "model")
                model = BpeModelReader.Read(ref reader, utf8, source);
            else
                small.Add(name, JsonElement.ParseValue(ref reader));
        }

        while (reader.Read())
        {
        }

        if (model is null)
            throw new DataException($"{source}: has no model; name a tokenizer.json");
        IReadOnlyList<SplitStage> stages = [];
        IReadOnlyList<AddedToken> added = [];
        bool byteLevel = false;
        foreach ((string name, JsonElement value) in small)
        {
            var field = new TokenizerField(source, name, value);
            switch (name)
            {
                case "version":
                    if (field.Text() != "1.0")
                        throw field.Refuse("version 1.0 is read");
                    break;
                case "truncation" or "padding":
                    if (value.ValueKind != JsonValueKind.Null)
                        throw field.Refuse("texts are neither cut nor padded; set it to null");
                    break;
                case "added_tokens":
                    added = AddedTokenReader.Read(field, model);
                    break;
                case "normalizer":
                    CheckNormalizer(field);
                    break;
                case "pre_tokenizer":
                    (stages, byteLevel) = PreTokenizerReader.Read(field);
                    break;
                case "post_processor":
                    CheckPostProcessor(field);
                    break;
                case "decoder":
                    CheckDecoder(field);
                    break;
                default:
                    throw field.Refuse("not a field of tokenizer.json that is known");
            }
        }

        if (!byteLevel)
            throw new DataException($"{source}: pre_tokenizer has no ByteLevel; byte-level tokenizers are read");
        return new TokenizerParts(source, model.Vocabulary, model.Literals, model.Merges, model.IgnoreMerges, stages, added);
    }

    private static void CheckNormalizer(TokenizerField field)
    {
        if (field.IsNull)
            return;
        if (field.Required("type").Text() != "Sequence")
            throw field.Required("type").Refuse("text is taken as it stands; null or an empty Sequence is read");
        field.Allow("type", "normalizers");
        foreach (TokenizerField inner in field.Required("normalizers").Items())
            CheckNormalizer(inner);
    }

    /// <summary>What a post-processor adds around a text is not added here, and no ids change otherwise.</summary>
    private static void CheckPostProcessor(TokenizerField field)
    {
        if (field.IsNull)
            return;
        switch (field.Required("type").Text())
        {
            case "ByteLevel" or "TemplateProcessing":
                break;
            case "Sequence":
                foreach (TokenizerField inner in field.Required("processors").Items())
                    CheckPostProcessor(inner);
                break;
            default:
                throw field.Required("type").Refuse("ByteLevel, TemplateProcessing and a Sequence of them are known");
        }
    }

    private static void CheckDecoder(TokenizerField field)
    {
        if (field.IsNull || field.Required("type").Text() != "ByteLevel")
            throw field.Refuse("the decoder ByteLevel is known");
        field.Allow("type", "add_prefix_space", "trim_offsets", "use_regex");
    }
}
