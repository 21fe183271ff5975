using System.Text;
using System.Text.Json;

namespace DeepSeek.Reference.Text.Tests.Tokenization;

/// <summary>DeepSeek-V3's tokenizer gives what Hugging Face's Rust implementation gives, both ways.</summary>
public sealed class KeptRowTests
{
    [Fact]
    public void Every_text_has_its_ids()
    {
        JsonElement[] rows = Rows.Of("encode.jsonl");
        Assert.Equal(300, rows.Length);
        Assert.All(rows, row => Assert.Equal(row.Ids(), Rows.Tokenizer.Encode(row.Text())));
    }

    [Fact]
    public void The_ids_of_a_text_decode_as_the_row_says()
    {
        foreach (JsonElement row in Rows.Of("encode.jsonl"))
        {
            string decoded = Rows.Tokenizer.Decode(row.Ids());
            if (row.TryGetProperty("decoded", out JsonElement other))
                Assert.Equal(other.GetString(), decoded);
            else
                Assert.Equal(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(row.Text())), decoded);
        }
    }

    [Fact]
    public void Drawn_ids_have_their_text()
    {
        JsonElement[] rows = Rows.Of("decode.jsonl");
        Assert.Equal(40, rows.Length);
        Assert.All(rows, row =>
        {
            Assert.Equal(row.GetProperty("decoded").GetString(), Rows.Tokenizer.Decode(row.Ids()));
            Assert.Equal(row.GetProperty("decoded_skip_special").GetString(), Rows.Tokenizer.Decode(row.Ids(), skipSpecialTokens: true));
        });
    }

    [Fact]
    public void A_rendered_chat_has_its_ids()
    {
        JsonElement[] rows = Rows.Of("chat.jsonl");
        Assert.Equal(20, rows.Length);
        Assert.All(rows, row => Assert.Equal(row.Ids(), Rows.Tokenizer.Encode(row.Text())));
    }

    [Fact]
    public void The_tokens_have_their_names_and_ids()
    {
        Assert.Equal(128815, Rows.Tokenizer.IdLimit);
        Assert.Equal(818, Rows.Tokenizer.AddedTokens.Count);
        Assert.Equal(0, Rows.Tokenizer.IdOf("<｜begin▁of▁sentence｜>"));
        Assert.Equal(1, Rows.Tokenizer.IdOf("<｜end▁of▁sentence｜>"));
        Assert.Equal(128801, Rows.Tokenizer.IdOf("<｜fim▁begin｜>"));
        Assert.Equal(128804, Rows.Tokenizer.IdOf("<｜Assistant｜>"));
        Assert.Equal(Rows.Tokenizer.IdOf("Ġthe"), Assert.Single(Rows.Tokenizer.Encode(" the")));
        Assert.Equal("Ġthe", Rows.Tokenizer.TokenOf(Rows.Tokenizer.IdOf("Ġthe")!.Value));
        Assert.Null(Rows.Tokenizer.IdOf("no such token"));
        Assert.Null(Rows.Tokenizer.TokenOf(128815));
        Assert.Equal("", Rows.Tokenizer.Decode([128815, 129279, -1]));
    }
}
