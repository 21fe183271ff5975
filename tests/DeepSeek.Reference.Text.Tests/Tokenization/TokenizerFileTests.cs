using System.IO.Compression;
using System.Text;

namespace DeepSeek.Reference.Text.Tests.Tokenization;

/// <summary>Other tokenizers of the family load and follow their fields; what is not known is refused by the field's name.</summary>
public sealed class TokenizerFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("dsref-text-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}""", "ab ab", "ab| |ab")]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":false}""", "ab ab", "ab| |ab")]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":true,"use_regex":false}""", "ab", " |ab")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}""", "1212", "1|2|1|2")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":false},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}""", "1212", "12|12")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"Punctuation"},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}""", "..", ".|.")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"Punctuation","behavior":"Contiguous"},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}""", "..", "..")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"String":"a"},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}""", "abab", "a|b|a|b")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"String":"b"},"behavior":"MergedWithPrevious","invert":false},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}""", "baabab", "b|a|ab|ab")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"String":"a"},"behavior":"MergedWithNext","invert":false},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}""", "abaa", "ab|a|a")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"String":"a"},"behavior":"Removed","invert":false},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}""", "abab", "b|b")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"b+"},"behavior":"Removed","invert":true},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}""", "abab", "b|b")]
    public void A_pre_tokenizer_cuts_as_it_says(string json, string text, string tokens)
    {
        DeepSeekTokenizer tokenizer = Parse(Tiny(preTokenizer: json));
        Assert.Equal(tokens, string.Join('|', tokenizer.Encode(text).Select(id => tokenizer.Decode([id]))));
    }

    [Theory]
    [InlineData("""["a b", "1 2", ". ."]""")]
    [InlineData("""[["a", "b"], ["1","2"], [".", "."]]""")]
    public void Merges_are_strings_or_pairs(string merges) => Assert.Equal([256], Parse(Tiny(merges: merges)).Encode("ab"));

    [Theory]
    [InlineData("""{"id":300,"content":"<x>","special":true}""", "a<x>b", "a|<x>|b")]
    [InlineData("""{"id":300,"content":"<x>","lstrip":true,"rstrip":true}""", "a \n<x> \tb", "a|<x>|b")]
    [InlineData("""{"id":300,"content":"xy","single_word":true}""", "xya xy.xy", "x|y|a| |<xy>|.|<xy>")]
    [InlineData("""{"id":300,"content":"xy","single_word":true}""", "𠀋xy xy", "𠀋|x|y| |<xy>")]
    [InlineData("""{"id":300,"content":"xa","normalized":true},{"id":301,"content":"axa","normalized":false}""", "xaxaxa", "x|<axa>|<xa>")]
    [InlineData("""{"id":300,"content":"ax"},{"id":301,"content":"axb"},{"id":302,"content":"xb"}""", "axbaxc", "<axb>|<ax>|c")]
    public void Added_tokens_follow_their_flags(string added, string text, string tokens)
    {
        DeepSeekTokenizer tokenizer = Parse(Tiny(added: added));
        IEnumerable<string> found = tokenizer.Encode(text).Select(id => id < 300 ? tokenizer.Decode([id]) : $"<{tokenizer.TokenOf(id)!.Trim('<', '>')}>");
        string joined = string.Join('|', found);
        Assert.Equal(tokens.Replace("𠀋", "\uFFFD|\uFFFD|\uFFFD|\uFFFD", StringComparison.Ordinal), joined);
    }

    [Fact]
    public void Special_tokens_are_left_out_where_that_is_asked_for()
    {
        DeepSeekTokenizer tokenizer = Parse(Tiny(added: """{"id":300,"content":"<x>","special":true},{"id":301,"content":"<y>","special":false}"""));
        Assert.Equal("a<x><y>", tokenizer.Decode(tokenizer.Encode("a<x><y>")));
        Assert.Equal("a<y>", tokenizer.Decode(tokenizer.Encode("a<x><y>"), skipSpecialTokens: true));
    }

    [Theory]
    [InlineData("\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}", "normalizer.type")]
    [InlineData("\"truncation\":null", "\"truncation\":{\"max_length\":5}", "truncation")]
    [InlineData("\"dropout\":null", "\"dropout\":0.1", "model.dropout")]
    [InlineData("\"byte_fallback\":false", "\"byte_fallback\":true", "model.byte_fallback")]
    [InlineData("\"end_of_word_suffix\":null", "\"end_of_word_suffix\":\"</w>\"", "model.end_of_word_suffix")]
    [InlineData("\"type\":\"BPE\"", "\"type\":\"WordPiece\"", "model.type")]
    [InlineData("\"decoder\":{\"type\":\"ByteLevel\"}", "\"decoder\":{\"type\":\"WordPiece\"}", "decoder")]
    [InlineData("\"decoder\":{\"type\":\"ByteLevel\"}", "\"decoder\":{\"type\":\"ByteLevel\"},\"more\":1", "more")]
    [InlineData("\"post_processor\":null", "\"post_processor\":{\"type\":\"BertProcessing\"}", "post_processor.type")]
    [InlineData("{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}", "{\"type\":\"Metaspace\"}", "pre_tokenizer.type")]
    [InlineData("{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}", "null", "no ByteLevel")]
    [InlineData("\"a b\"", "\"a z z\"", "model.merges[0]")]
    [InlineData("\"a b\"", "\"ab b\"", "model.merges[0]")]
    [InlineData("\"a b\"", "7", "model.merges[0]")]
    [InlineData("\"ab\":256", "\"ab\":255", "model.vocab['ab']")]
    [InlineData("\"ab\":256", "\"ab\":-1", "model.vocab['ab']")]
    [InlineData("\"ab\":256", "\"ab\":\"x\"", "model.vocab['ab']")]
    [InlineData("\"added_tokens\":[]", "\"added_tokens\":[{\"id\":5,\"content\":\"<x>\"}]", "added_tokens[0]")]
    [InlineData("\"added_tokens\":[]", "\"added_tokens\":[{\"id\":300,\"content\":\"ab\"}]", "added_tokens[0]")]
    [InlineData("\"added_tokens\":[]", "\"added_tokens\":[{\"id\":300,\"content\":\"\"}]", "added_tokens[0]")]
    [InlineData("\"added_tokens\":[]", "\"added_tokens\":[{\"id\":300,\"content\":\"<x>\",\"strip\":true}]", "added_tokens[0].strip")]
    [InlineData("\"added_tokens\":[]", "\"added_tokens\":[", "line")]
    public void What_is_not_known_is_refused_by_its_field(string from, string to, string named)
    {
        string json = Tiny();
        Assert.Contains(from, json, StringComparison.Ordinal);
        string message = Assert.Throws<DataException>(() => Parse(json.Replace(from, to, StringComparison.Ordinal))).Message;
        Assert.Contains(named, message, StringComparison.Ordinal);
        Assert.StartsWith("tiny.json", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_may_be_compressed_or_in_a_directory()
    {
        byte[] json = Encoding.UTF8.GetBytes(Tiny());
        string gz = Path.Combine(folder, "t.json.gz"), br = Path.Combine(folder, "tokenizer.json.br");
        using (var stream = new GZipStream(File.Create(gz), CompressionLevel.Fastest))
            stream.Write(json);
        using (var stream = new BrotliStream(File.Create(br), CompressionLevel.Fastest))
            stream.Write(json);
        Assert.All([gz, br, folder], path => Assert.Equal([256], DeepSeekTokenizer.Load(path).Encode("ab")));
        File.WriteAllBytes(gz, [1, 2, 3]);
        Assert.Contains(gz, Assert.Throws<DataException>(() => DeepSeekTokenizer.Load(gz)).Message, StringComparison.Ordinal);
        Assert.Contains("no such file", Assert.Throws<DataException>(() => DeepSeekTokenizer.Load(Path.Combine(folder, "none.json"))).Message, StringComparison.Ordinal);
        File.Delete(br);
        Assert.Contains("holds no tokenizer.json", Assert.Throws<DataException>(() => DeepSeekTokenizer.Load(folder)).Message, StringComparison.Ordinal);
    }

    internal static DeepSeekTokenizer Parse(string json) => DeepSeekTokenizer.Parse(Encoding.UTF8.GetBytes(json), "tiny.json");

    /// <summary>All bytes, and ab, 12 and two dots.</summary>
    internal static string Tiny(string? preTokenizer = null, string merges = """["a b", "1 2", ". ."]""", string added = "")
    {
        string bytes = string.Join(',', Enumerable.Range(0, 256).Select(b => $"{System.Text.Json.JsonSerializer.Serialize(ByteAlphabet.Character((byte)b).ToString())}:{b}"));
        return $$$"""
            {"version":"1.0","truncation":null,"padding":null,"added_tokens":[{{{added}}}],"normalizer":null,
            "pre_tokenizer":{{{preTokenizer ?? """{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}"""}}},
            "post_processor":null,"decoder":{"type":"ByteLevel"},
            "model":{"type":"BPE","dropout":null,"unk_token":null,"end_of_word_suffix":null,"byte_fallback":false,"vocab":{ {{{bytes}}},"ab":256,"12":257,"..":258},"merges":{{{merges}}}}}
            """;
    }
}
