using System.Text;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>A copy of an oracle's model with a tokenizer for its 96 ids: BOS, EOS, User, Assistant, a line break and ASCII from the space to z.</summary>
internal static class TextModel
{
    private static readonly string[] Special = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"];

    public static string Make(Models models)
    {
        string folder = models.Copy("fp32_greedy");
        var vocabulary = new StringBuilder("\"Ċ\":4,\"Ġ\":5");
        for (char c = '!'; c <= 'z'; c++)
            vocabulary.Append(System.Globalization.CultureInfo.InvariantCulture, $",{System.Text.Json.JsonSerializer.Serialize(c.ToString())}:{c - '!' + 6}");
        string added = string.Join(',', Special.Select((t, i) => $"{{\"id\":{i},\"content\":\"{t}\",\"special\":true}}"));
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), $$$"""
            {"version":"1.0","added_tokens":[{{{added}}}],"normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":false},"decoder":{"type":"ByteLevel"},
            "model":{"type":"BPE","vocab":{ {{{vocabulary}}} },"merges":[]}}
            """);
        return folder;
    }
}
