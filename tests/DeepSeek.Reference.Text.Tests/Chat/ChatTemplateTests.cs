using System.Text.Json;
using DeepSeek.Reference.Tests;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace DeepSeek.Reference.Text.Tests.Chat;

/// <summary>DeepSeek-V3's format, written out and as its own template says it, gives what two other implementations of Jinja give.</summary>
public sealed class ChatTemplateTests : IDisposable
{
    private static readonly ChatTemplate Jinja = ChatTemplate.Load(Golden.Path("tokenizer"));

    private readonly string folder = Directory.CreateTempSubdirectory("dsref-chat-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    public static Arbitrary<ChatTurn[]> Chats()
    {
        Gen<string> texts = Gen.Elements("", "a", " b \n", "語", "{{ x }}", "<｜User｜>", "</think>");
        Gen<ChatTurn> turns = Gen.OneOf(
            from role in Gen.Elements("system", "user", "assistant", "tool") from text in texts select new ChatTurn(role, text),
            from count in Gen.Choose(1, 3) from name in texts select new ChatTurn("assistant", null) { ToolCalls = [.. Enumerable.Repeat(new ToolCall(name, "{}"), count)] });
        return turns.ListOf().Select(t => t.ToArray()).ToArbitrary();
    }

    [Fact]
    public void Every_kept_chat_is_rendered_by_both()
    {
        foreach (JsonElement row in Rows.Of("chat.jsonl"))
        {
            bool prompt = row.GetProperty("add_generation_prompt").GetBoolean();
            Assert.Equal(row.Text(), Jinja.Render(row.GetProperty("messages"), prompt));
            Assert.Equal(row.Text(), ChatTemplate.DeepSeekV3.Render(row.GetProperty("messages"), prompt));
        }
    }

    [Property(Arbitrary = [typeof(ChatTemplateTests)], MaxTest = 500)]
    public void The_format_is_what_the_template_renders(ChatTurn[] turns, bool prompt) =>
        Assert.Equal(Jinja.Render(turns, prompt), ChatTemplate.DeepSeekV3.Render(turns, prompt));

    [Fact]
    public void With_thinking_an_answer_begins_with_reasoning_and_earlier_reasoning_is_left_out()
    {
        ChatTurn[] turns = [ChatTurn.User("1+1?"), ChatTurn.Assistant("<think>\nhm\n</think>\n\n2"), ChatTurn.User("sure?")];
        Assert.Equal(
            "<｜begin▁of▁sentence｜><｜User｜>1+1?<｜Assistant｜>\n\n2<｜end▁of▁sentence｜><｜User｜>sure?<｜Assistant｜><think>\n",
            ChatTemplate.DeepSeekV3.Render(turns, thinking: true));
    }

    [Theory]
    [InlineData("""[{"role":"narrator","content":"x"}]""", "narrator")]
    [InlineData("""[{"role":"user"}]""", "content")]
    [InlineData("""[{"content":"x"}]""", "role")]
    [InlineData("""[{"role":"assistant","content":null}]""", "tool_calls")]
    [InlineData("""[{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f"}}]}]""", "function.arguments")]
    [InlineData("""["x"]""", "each is an object")]
    [InlineData("""{"role":"user"}""", "array")]
    public void A_message_that_cannot_be_rendered_is_refused(string messages, string part) =>
        Assert.Contains(part, Assert.Throws<DataException>(() => ChatTemplate.DeepSeekV3.Render(JsonDocument.Parse(messages).RootElement)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_folder_gives_its_own_template_before_the_built_in_one()
    {
        ChatTurn[] turns = [ChatTurn.User("x")];
        Assert.Same(ChatTemplate.DeepSeekV3, ChatTemplate.Load(folder));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), """{"bos_token":{"content":"<s>"},"eos_token":"</s>","chat_template":[{"name":"tool_use","template":"no"},{"name":"default","template":"{{bos_token}}{{messages[0].content}}{{eos_token}}"}]}""");
        Assert.Equal("<s>x</s>", ChatTemplate.Load(folder).Render(turns));
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), "{{ bos_token }}!\n");
        Assert.Equal("<s>!", ChatTemplate.Load(folder).Render(turns));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), "{");
        Assert.Contains("line 1", Assert.Throws<DataException>(() => ChatTemplate.Load(folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_names_of_special_tokens_come_from_either_file_or_are_asked_for()
    {
        ChatTurn[] turns = [ChatTurn.User("x")];
        string file = Path.Combine(folder, "chat_template.jinja"), config = Path.Combine(folder, "tokenizer_config.json"), map = Path.Combine(folder, "special_tokens_map.json");
        File.WriteAllText(file, "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}");
        string message = Assert.Throws<DataException>(() => ChatTemplate.Load(folder)).Message;
        Assert.All([file, "bos_token", config], part => Assert.Contains(part, message, StringComparison.Ordinal));
        File.WriteAllText(file, "{% if bos_token is defined %}{{ bos_token }}{% endif %}{{ messages[0].content }}");
        Assert.Equal("hi", ChatTemplate.Load(folder).Render([ChatTurn.User("hi")]));
        File.WriteAllText(file, "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}");
        File.WriteAllText(map, """{"bos_token":{"content":"<b>"},"eos_token":"<e>"}""");
        Assert.Equal("<b>x<e>", ChatTemplate.Load(folder).Render(turns));
        File.WriteAllText(config, """{"bos_token":null,"eos_token":"</s>"}""");
        Assert.Equal("x</s>", ChatTemplate.Load(folder).Render(turns));
        File.WriteAllText(config, """{"bos_token":5,"eos_token":"</s>"}""");
        Assert.Contains("bos_token", Assert.Throws<DataException>(() => ChatTemplate.Load(folder)).Message, StringComparison.Ordinal);
        File.Delete(config);
        File.Delete(map);
        File.WriteAllText(file, "{{ messages[0].content }}");
        Assert.Equal("x", ChatTemplate.Load(folder).Render(turns));
    }

    [Fact]
    public void A_template_that_is_not_UTF_8_is_refused_at_the_byte()
    {
        string file = Path.Combine(folder, "chat_template.jinja");
        File.WriteAllBytes(file, [.. "ab"u8, 0xFF]);
        Assert.Contains($"{file}, byte 2: not UTF-8", Assert.Throws<DataException>(() => ChatTemplate.Load(folder)).Message, StringComparison.Ordinal);
    }
}
