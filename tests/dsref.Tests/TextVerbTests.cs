using System.Text.Json;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>generate --prompt and chat, on a small model with a tokenizer of its own.</summary>
public sealed class TextVerbTests(Models models) : IClassFixture<Models>
{
    private readonly string model = TextModel.Make(models);

    [Fact]
    public void A_prompt_gives_the_text_of_the_ids_that_its_ids_give()
    {
        // "Hi" behind BOS; H is 0x48.
        Outcome ids = CommandLine.Run("generate", "--model", model, "--ids", $"0,{'H' - '!' + 6},{'i' - '!' + 6}", "--max-tokens", "12", "--json").Passes();
        Outcome text = CommandLine.Run("generate", "--model", model, "--prompt", "Hi", "--max-tokens", "12", "--json").Passes();
        JsonElement row = text.Json.GetProperty("rows")[0];
        Assert.Equal(["prompt_tokens", "ids", "stop", "text"], row.EnumerateObject().Select(p => p.Name));
        Assert.Equal(ids.Json.GetProperty("rows")[0].GetProperty("ids").ToString(), row.GetProperty("ids").ToString());
        string expected = string.Concat(row.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32() switch { < 4 => "", 4 => "\n", var c => ((char)(c - 5 + ' ')).ToString() }));
        Assert.Equal(expected, row.GetProperty("text").GetString());
        Assert.Equal(expected, CommandLine.Run("generate", "--model", model, "--prompt", "Hi", "--max-tokens", "12").Passes().Out[..^Environment.NewLine.Length]);
        Outcome streamed = CommandLine.Run("generate", "--model", model, "--prompt", "Hi", "--max-tokens", "12", "--stream").Passes();
        Assert.Equal(expected, streamed.Out[..^Environment.NewLine.Length]);
        Assert.Contains("tokens/s", streamed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Log_probabilities_are_those_of_the_chosen_and_of_the_first()
    {
        JsonElement row = CommandLine.Run("generate", "--model", model, "--ids", "0,9", "--max-tokens", "3", "--ignore-eos", "--json", "--logprobs", "2").Passes().Json.GetProperty("rows")[0];
        Assert.Equal(3, row.GetProperty("logprobs").GetArrayLength());
        foreach ((JsonElement token, JsonElement id) in row.GetProperty("logprobs").EnumerateArray().Zip(row.GetProperty("ids").EnumerateArray()))
        {
            Assert.Equal(["id", "logprob", "top"], token.EnumerateObject().Select(p => p.Name));
            Assert.Equal(id.GetInt32(), token.GetProperty("id").GetInt32());
            Assert.Equal(2, token.GetProperty("top").GetArrayLength());
            Assert.Equal(id.GetInt32(), token.GetProperty("top")[0].GetProperty("id").GetInt32());
            Assert.Equal(token.GetProperty("logprob").GetSingle(), token.GetProperty("top")[0].GetProperty("logprob").GetSingle());
            Assert.InRange(token.GetProperty("logprob").GetSingle(), token.GetProperty("top")[1].GetProperty("logprob").GetSingle(), 0);
        }
    }

    [Fact]
    public void Options_of_choosing_reach_the_generator()
    {
        Assert.Equal("70,70,70", Generate("--logit-bias", "70=1000").Passes().Out.Trim());
        Assert.Equal(Generate().Out, Generate("--temperature", "1", "--top-k", "1").Out);
        Assert.Equal(Generate().Out, Generate("--temperature", "1", "--top-p", "1e-9").Out);
        Assert.Equal(Generate().Out, Generate("--temperature", "1", "--min-p", "1").Out);
        Assert.Equal(3, Generate("--frequency-penalty", "1000").Out.Trim().Split(',').Distinct().Count());
        Generate("--top-p", "0").RefusesWith(2, "top-p");
        Generate("--top-p", "0,5").RefusesWith(2, "--top-p '0,5'");
        Generate("--logit-bias", "x=1").RefusesWith(2, "--logit-bias 'x=1'");
        Generate("--logit-bias", "7=1", "--logit-bias", "8=1", "--logit-bias", "7=2").RefusesWith(2, "--logit-bias '7=2'", "7 already has one");
        CommandLine.Run("generate", "--model", model, "--ids", "0,9", "--max-tokens", "-1").RefusesWith(2, "-1 new tokens", "--max-tokens", "from 0");
        Generate("--stop", "x").RefusesWith(2, "--prompt");
        Generate("--logprobs", "1").RefusesWith(2, "--json");
        Generate("--prompt", "x").RefusesWith(2, "both given");
        CommandLine.Run("generate", "--model", models["fp32_greedy"], "--prompt", "x").RefusesWith(2, "holds no tokenizer.json");

        Outcome Generate(params string[] more) => CommandLine.Run(["generate", "--model", model, "--ids", "0,9", "--max-tokens", "3", "--ignore-eos", .. more]);
    }

    [Fact]
    public void A_stop_text_ends_the_text_before_it()
    {
        string all = CommandLine.Run("generate", "--model", model, "--prompt", "Hi", "--max-tokens", "20", "--ignore-eos").Passes().Out;
        string stop = all[5..7];
        JsonElement row = CommandLine.Run("generate", "--model", model, "--prompt", "Hi", "--max-tokens", "20", "--ignore-eos", "--stop", stop, "--json").Passes().Json.GetProperty("rows")[0];
        Assert.Equal((all[..all.IndexOf(stop, StringComparison.Ordinal)], "stopped"), (row.GetProperty("text").GetString(), row.GetProperty("stop").GetString()));
    }

    [Fact]
    public void A_chat_answers_each_message_with_what_was_said_before()
    {
        Outcome two = Chat("Hi\\\nyou\n\n\"\"\"\na\n\nb\n\"\"\"\n", "--max-tokens", "6").Passes();
        Assert.Equal(2, two.Error.Split("tokens/s").Length - 1);
        string first = Text("<｜begin▁of▁sentence｜><｜User｜>Hi\nyou<｜Assistant｜>");
        Assert.StartsWith(first, two.Out, StringComparison.Ordinal);
        string second = Text($"<｜begin▁of▁sentence｜><｜User｜>Hi\nyou<｜Assistant｜>{first}<｜end▁of▁sentence｜><｜User｜>a\n\nb<｜Assistant｜>");
        Assert.Equal($"{first}{Environment.NewLine}{second}{Environment.NewLine}", two.Out);
    }

    [Fact]
    public void A_chat_begins_anew_and_ends_when_told()
    {
        string once = Chat("Hi\n", "--max-tokens", "6", "--system", "Be").Passes().Out;
        Assert.Equal(once + once, Chat("Hi\n/reset\nHi\n/exit\nHi\n", "--max-tokens", "6", "--system", "Be").Passes().Out);
        Assert.StartsWith(Text("<｜begin▁of▁sentence｜>Be<｜User｜>Hi<｜Assistant｜>"), once, StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_that_is_not_UTF_8_is_refused_at_the_byte()
    {
        Bytes([.. "\n\nHi "u8, 0xC3, 0x28, (byte)'\n']).RefusesWith(2, "standard input, byte 5: not UTF-8", "convert");
        Assert.Equal(Chat("Hi\n", "--max-tokens", "6").Out, Bytes([.. "Hi\r\n/exit\n"u8, 0xFF]).Passes().Out);
        Assert.Equal(Chat("Hi\n", "--max-tokens", "6").Out, Bytes([0xEF, 0xBB, 0xBF, .. "Hi"u8]).Passes().Out);

        Outcome Bytes(byte[] input)
        {
            using var output = new StringWriter();
            using var error = new StringWriter();
            using var reader = new Utf8Reader(new MemoryStream(input), "standard input");
            int exit = Application.Run(["chat", "--model", model, "--max-tokens", "6"], new Terminal(output, error, outIsTerminal: false, errorIsTerminal: false, CancellationToken.None) { In = reader });
            return new Outcome(exit, output.ToString(), error.ToString());
        }
    }

    [Fact]
    public void A_chat_that_the_model_cannot_hold_says_what_to_do() =>
        Chat(new string('x', 20000) + "\n").RefusesWith(2, "max_position_embeddings", "/reset");

    private string Text(string prompt) => CommandLine.Run("generate", "--model", model, "--prompt", prompt, "--max-tokens", "6", "--json").Passes().Json.GetProperty("rows")[0].GetProperty("text").GetString()!;

    private Outcome Chat(string input, params string[] more)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        using var reader = new StringReader(input);
        int exit = Application.Run(["chat", "--model", model, .. more], new Terminal(output, error, outIsTerminal: false, errorIsTerminal: false, CancellationToken.None) { In = reader });
        return new Outcome(exit, output.ToString(), error.ToString());
    }
}
