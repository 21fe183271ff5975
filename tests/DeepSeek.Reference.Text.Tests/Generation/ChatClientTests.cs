using System.Text.Json;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Tests.Model;
using Microsoft.Extensions.AI;

namespace DeepSeek.Reference.Text.Tests.Generation;

/// <summary>Text to text on a small model of bytes: what comes is what the generator chose, whole or in parts.</summary>
public sealed class ChatClientTests : IDisposable
{
    private static readonly DeepSeekTokenizer Bytes = DeepSeekTokenizer.Parse(TokenizerTrainer.Bytes());
    private static readonly ChatMessage[] Hello = [new(ChatRole.System, "Be kind."), new(ChatRole.User, "Hello")];

    private readonly DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3 with { VocabSize = 264 }, NumericContract.Canonical, new SimdBackend(1));

    public void Dispose() => model.Dispose();

    [Fact]
    public async Task An_answer_is_what_the_generator_gives_for_the_rendered_chat()
    {
        using var client = new DeepSeekChatClient(model, Bytes, modelId: "small");
        ChatResponse response = await client.GetResponseAsync(Hello, new ChatOptions { MaxOutputTokens = 12 });
        int[] ids = Bytes.Encode("<｜begin▁of▁sentence｜>Be kind.<｜User｜>Hello<｜Assistant｜>");
        GeneratedSequence row = new Generator(model).Generate([ids], new GenerationOptions { MaxTokens = 12 })[0];
        Assert.Equal(Bytes.Decode([.. row.Ids], skipSpecialTokens: true), response.Text);
        Assert.Equal((ids.Length, row.Ids.Count, ids.Length + row.Ids.Count), (response.Usage!.InputTokenCount, response.Usage.OutputTokenCount, response.Usage.TotalTokenCount));
        Assert.Equal(row.Reason == StopReason.MaxTokens ? ChatFinishReason.Length : ChatFinishReason.Stop, response.FinishReason);
        Assert.Equal("small", response.ModelId);
    }

    [Fact]
    public async Task A_stream_gives_the_same_text_usage_and_reason()
    {
        using var client = new DeepSeekChatClient(model, Bytes);
        var options = new ChatOptions { MaxOutputTokens = 40, Temperature = 1, Seed = 11, TopK = 200, TopP = 0.95f, FrequencyPenalty = 0.1f, PresencePenalty = 0.1f, AdditionalProperties = new() { ["min_p"] = 0.001, ["repetition_penalty"] = 1.1f } };
        ChatResponse whole = await client.GetResponseAsync(Hello, options);
        List<ChatResponseUpdate> updates = [];
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(Hello, options))
            updates.Add(update);
        ChatResponse joined = updates.ToChatResponse();
        Assert.Equal(whole.Text, joined.Text);
        Assert.Equal(whole.FinishReason, joined.FinishReason);
        Assert.Equal(whole.Usage!.OutputTokenCount, joined.Usage!.OutputTokenCount);
        Assert.All(updates, update => Assert.DoesNotContain(update.Text, char.IsSurrogate));
    }

    [Fact]
    public async Task A_seed_gives_the_same_answer_and_another_seed_another()
    {
        using var client = new DeepSeekChatClient(model, Bytes);
        string[] answers = [.. (await Task.WhenAll(new long[] { 1, 1, 2 }.Select(seed => client.GetResponseAsync(Hello, new ChatOptions { MaxOutputTokens = 16, Temperature = 1, Seed = seed })))).Select(r => r.Text)];
        Assert.Equal(answers[0], answers[1]);
        Assert.NotEqual(answers[0], answers[2]);
    }

    [Fact]
    public void A_text_ends_before_its_stop_text_wherever_tokens_end()
    {
        var generator = new TextGenerator(model, Bytes);
        var options = new GenerationOptions { MaxTokens = 30, IgnoreEos = true, Temperature = 1, LogitBias = Enumerable.Range(0, 264).Where(id => id is < 36 or > 60).ToDictionary(id => id, _ => float.NegativeInfinity) };
        string all = generator.Generate("x", options).Text;
        string stop = all[7..10];
        var parts = new List<string>();
        GeneratedText cut = generator.Generate("x", options, ["never there", stop], parts.Add);
        Assert.Equal(all[..all.IndexOf(stop, StringComparison.Ordinal)], cut.Text);
        Assert.Equal(cut.Text, string.Concat(parts));
        Assert.Equal((stop, StopReason.Stopped), (cut.Stop, cut.Reason));
        Assert.Throws<ContractException>(() => generator.Generate("x", options, [""]));
    }

    [Theory]
    [InlineData("abcabd", "abcabd", "abd")]
    [InlineData("xabcab", "x|abcab", "abcabd")]
    [InlineData("aaab", "a|a", "ab|b")]
    public void What_may_begin_a_stop_text_is_held_back(string text, string shown, string stops)
    {
        var until = new StopText(stops.Split('|'));
        List<string> parts = [.. text.Select(c => until.Append(c.ToString())), until.Finish()];
        string expected = shown.Replace("|", "", StringComparison.Ordinal);
        Assert.Equal(until.Found is null ? expected : text[..text.IndexOf(until.Found, StringComparison.Ordinal)], string.Concat(parts));
        Assert.All(stops.Split('|'), stop => Assert.DoesNotContain(stop, string.Concat(parts), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_middle_is_asked_for_between_its_tokens()
    {
        using var client = new DeepSeekChatClient(model, Bytes);
        GeneratedText middle = await client.FillInMiddleAsync("ab", "c", new ChatOptions { MaxOutputTokens = 5 });
        int[] prompt = [0, 260, .. Bytes.Encode("ab"), 259, .. Bytes.Encode("c"), 261];
        Assert.Equal(new Generator(model).Generate([prompt], new GenerationOptions { MaxTokens = 5 })[0].Ids, middle.Ids);
        Assert.Equal(prompt.Length, middle.PromptTokens);
    }

    [Fact]
    public async Task An_answer_can_be_cancelled_and_left()
    {
        using var client = new DeepSeekChatClient(model, Bytes);
        using var source = new CancellationTokenSource();
        var options = new ChatOptions { MaxOutputTokens = 100, Temperature = 1, AdditionalProperties = new() { ["logit_bias"] = new Dictionary<int, float> { [1] = float.NegativeInfinity } } };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (ChatResponseUpdate _ in client.GetStreamingResponseAsync(Hello, options, source.Token))
                await source.CancelAsync();
        });
        await foreach (ChatResponseUpdate _ in client.GetStreamingResponseAsync(Hello, options))
            break;
        Assert.NotEmpty((await client.GetResponseAsync(Hello, new ChatOptions { MaxOutputTokens = 3 })).Messages);
    }

    [Fact]
    public async Task A_bias_may_come_as_JSON_and_tools_may_be_left_to_the_model_or_forbidden()
    {
        using var client = new DeepSeekChatClient(model, Bytes);
        foreach (ChatOptions options in new ChatOptions[] { Biased("""{"70":1000}"""), new() { AdditionalProperties = new() { ["logit_bias"] = new Dictionary<int, float> { [70] = 1000 } } } })
        {
            (options.MaxOutputTokens, options.ToolMode, options.ModelId) = (3, ChatToolMode.Auto, "another");
            Assert.Equal(string.Concat(Enumerable.Repeat(Bytes.Decode([70]), 3)), (await client.GetResponseAsync(Hello, options)).Text);
        }

        Assert.NotEmpty((await client.GetResponseAsync(Hello, new ChatOptions { MaxOutputTokens = 3, ToolMode = ChatToolMode.None })).Messages);
    }

    [Fact]
    public async Task A_refusal_says_what_was_asked_for_and_what_to_give()
    {
        using var client = new DeepSeekChatClient(model, Bytes);
        (ChatOptions Options, string[] Says)[] refused =
        [
            (new() { MaxOutputTokens = -1 }, ["-1", "new tokens", "from 0"]), (new() { ConversationId = "c" }, ["ConversationId", "all messages"]),
            (new() { ToolMode = ChatToolMode.RequireAny }, ["ToolMode", "call of a tool"]), (new() { StopSequences = [null!] }, ["stop text 0 is null"]),
            (Biased("""{"5":"x"}"""), ["logit_bias", "5"]),
        ];
        foreach ((ChatOptions options, string[] says) in refused)
        {
            string message = (await Assert.ThrowsAsync<ContractException>(() => client.GetResponseAsync(Hello, options))).Message;
            Assert.All(says, part => Assert.Contains(part, message, StringComparison.Ordinal));
        }

        string tooLong = (await Assert.ThrowsAsync<DataException>(() => client.GetResponseAsync([new ChatMessage(ChatRole.User, new string('x', 20000))]))).Message;
        Assert.Contains("max_position_embeddings", tooLong, StringComparison.Ordinal);
        Assert.Contains("shorten", tooLong, StringComparison.Ordinal);
    }

    private static ChatOptions Biased(string json) => new() { AdditionalProperties = new() { ["logit_bias"] = JsonDocument.Parse(json).RootElement } };

    [Fact]
    public async Task What_cannot_be_done_is_refused()
    {
        using var client = new DeepSeekChatClient(model, Bytes);
        ChatOptions[] refused =
        [
            new() { Tools = [AIFunctionFactory.CreateDeclaration("f", null, default)] }, new() { ResponseFormat = ChatResponseFormat.Json }, new() { TopP = 2 }, new() { Temperature = -1 },
            new() { AdditionalProperties = new() { ["beams"] = 3 } }, new() { AdditionalProperties = new() { ["min_p"] = "x" } }, new() { AdditionalProperties = new() { ["thinking"] = 1 } },
            new() { StopSequences = ["a", null!] }, new() { ToolMode = ChatToolMode.RequireAny }, new() { ToolMode = ChatToolMode.RequireSpecific("f") }, new() { ConversationId = "c" },
            Biased("""{"x":1}"""), Biased("""{"5":"x"}"""), Biased("[5]"), Biased("""{"5":1,"5":2}"""),
        ];
        foreach (ChatOptions options in refused)
            await Assert.ThrowsAsync<ContractException>(() => client.GetResponseAsync(Hello, options));
        await Assert.ThrowsAsync<ContractException>(() => client.GetResponseAsync([new ChatMessage(ChatRole.User, [new UriContent("https://example.org/a.png", "image/png")])]));
        Assert.Same(model, client.GetService(typeof(DeepSeekModel)));
        Assert.Null(client.GetService(typeof(string)));
    }
}
