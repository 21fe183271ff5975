using System.Text;
using System.Text.Json;
using DeepSeek.Reference.Training;
using FsCheck;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

public sealed class ByteVocabularyTests
{
    private static readonly ByteVocabulary Bytes = new();

    [Property(MaxTest = 200)]
    public bool Text_comes_back(NonNull<string> text) =>
        Bytes.Decode(Bytes.Encode(text.Get)) == Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.Get)) && Bytes.Encode(text.Get).All(id => id is >= 3 and < 259);

    [Fact]
    public void Text_that_spells_a_special_token_is_text()
    {
        Assert.DoesNotContain(Bytes.Encode("<｜end▁of▁sentence｜>"), id => id < 3 || id >= 259);
        Assert.Equal("<｜end▁of▁sentence｜>", Bytes.Decode([1]));
        Assert.Throws<DataException>(() => Bytes.Decode([264]));
        Assert.Throws<DataException>(() => Bytes.Decode([-1]));
    }

    /// <summary>
    /// What a byte-level BPE does with the file: text to bytes, bytes to GPT-2's letters, letters to ids by the vocabulary. The letters are looked up here by their published rule,
    /// written anew: 33 to 126, 161 to 172 and 174 to 255 are themselves, the others 256, 257, ... in order.
    /// </summary>
    [Fact]
    public void The_file_is_a_byte_level_BPE_without_merges_that_gives_the_same_ids()
    {
        using var stream = new MemoryStream();
        Bytes.Write(stream);
        using var file = JsonDocument.Parse(stream.ToArray());
        JsonElement model = file.RootElement.GetProperty("model");
        Assert.Equal("BPE", model.GetProperty("type").GetString());
        Assert.Equal(0, model.GetProperty("merges").GetArrayLength());
        Dictionary<string, int> vocabulary = model.GetProperty("vocab").EnumerateObject().ToDictionary(m => m.Name, m => m.Value.GetInt32());
        Assert.Equal(Enumerable.Range(0, Bytes.VocabularySize), vocabulary.Values.Order());

        var letters = new Dictionary<byte, string>();
        int next = 256;
        for (int b = 0; b < 256; b++)
            letters[(byte)b] = ((char)((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174 ? b : next++)).ToString();
        string text = string.Concat(Enumerable.Range(0, 0x300).Select(c => (char)c)) + "漢字 𝄞 <｜";
        Assert.Equal(Encoding.UTF8.GetBytes(text).Select(b => vocabulary[letters[b]]), Bytes.Encode(text));
        for (int b = 0; b < 256; b++)
            Assert.Equal(3 + b, vocabulary[letters[(byte)b]]);
    }

    [Fact]
    public void Special_tokens_are_added_tokens_under_DeepSeeks_names()
    {
        using var stream = new MemoryStream();
        Bytes.Write(stream);
        using var file = JsonDocument.Parse(stream.ToArray());
        Dictionary<string, int> added = file.RootElement.GetProperty("added_tokens").EnumerateArray().ToDictionary(t => t.GetProperty("content").GetString()!, t => t.GetProperty("id").GetInt32());
        Assert.Equal(
            new Dictionary<string, int>
            {
                ["<｜begin▁of▁sentence｜>"] = 0,
                ["<｜end▁of▁sentence｜>"] = 1,
                ["<｜▁pad▁｜>"] = 2,
                ["<｜fim▁hole｜>"] = 259,
                ["<｜fim▁begin｜>"] = 260,
                ["<｜fim▁end｜>"] = 261,
                ["<｜User｜>"] = 262,
                ["<｜Assistant｜>"] = 263,
            },
            added);
        Assert.All(file.RootElement.GetProperty("added_tokens").EnumerateArray(), t => Assert.True(t.GetProperty("special").GetBoolean()));
        Assert.Equal(new SpecialTokens(0, 1, 2, 259, 260, 261), Bytes.Special);
        Assert.False(file.RootElement.GetProperty("pre_tokenizer").GetProperty("pretokenizers")[0].GetProperty("use_regex").GetBoolean());
    }
}
