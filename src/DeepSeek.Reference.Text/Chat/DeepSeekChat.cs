using System.Text;

namespace DeepSeek.Reference.Text;

/// <summary>DeepSeek-V3's chat format, written out.</summary>
/// <remarks>
/// <code>
/// BOS, system texts with an empty line between, then each turn:
/// user        &lt;｜User｜&gt; text
/// assistant   &lt;｜Assistant｜&gt; text EOS
/// tools       &lt;｜Assistant｜&gt; calls, outputs, text EOS; the list of calls is closed behind the second call and each later one
/// and &lt;｜Assistant｜&gt; for the answer to come, unless a tool's output is last
/// </code>
/// With thinking, as in DeepSeek-R1: an earlier answer loses its reasoning, all up to the last &lt;/think&gt;, and the answer to come begins with &lt;think&gt; and a line break.
/// Equal to the template of tokenizer_config.json; docs/spec/text.md 3.
/// </remarks>
internal static class DeepSeekChat
{
    private const string User = DeepSeekTokens.User, Assistant = DeepSeekTokens.Assistant, Bos = DeepSeekTokens.BeginOfSentence, Eos = DeepSeekTokens.EndOfSentence;
    private const string EndOfReasoning = "</think>";

    /// <summary>The text of a chat of mappings with role, content and tool_calls.</summary>
    public static string Render(IReadOnlyList<object?> messages, bool addGenerationPrompt, bool thinking)
    {
        List<Dictionary<string, object?>> turns = [.. messages.Select(m => m as Dictionary<string, object?> ?? throw new DataException("messages: each is an object with role and content"))];
        var text = new StringBuilder(Bos);
        text.AppendJoin("\n\n", turns.Where(t => Role(t) == "system").Select(Content));
        bool called = false, output = false, inTool = false;
        foreach (Dictionary<string, object?> turn in turns)
        {
            string? content = turn.GetValueOrDefault("content") as string;
            switch (Role(turn))
            {
                case "user":
                    inTool = false;
                    text.Append(User).Append(Content(turn));
                    break;
                case "assistant" when content is null:
                    inTool = false;
                    foreach (object? call in turn.GetValueOrDefault("tool_calls") as List<object?> ?? throw new DataException("messages: an assistant's message has neither content nor tool_calls"))
                    {
                        text.Append(called ? "\n" : "<｜Assistant｜><｜tool▁calls▁begin｜>").Append(Call(call));
                        text.Append(called ? "<｜tool▁calls▁end｜>" + Eos : "");
                        called = true;
                    }

                    break;
                case "assistant":
                    string answer = thinking ? content[(content.LastIndexOf(EndOfReasoning, StringComparison.Ordinal) is >= 0 and var end ? end + EndOfReasoning.Length : 0)..] : content;
                    text.Append(inTool ? "<｜tool▁outputs▁end｜>" : Assistant).Append(answer).Append(Eos);
                    inTool = false;
                    break;
                case "tool":
                    inTool = true;
                    text.Append(output ? "\n" : "<｜tool▁outputs▁begin｜>").Append("<｜tool▁output▁begin｜>").Append(Content(turn)).Append("<｜tool▁output▁end｜>");
                    output = true;
                    break;
                case "system":
                    break;
                case var role:
                    throw new DataException($"messages: the role '{role}' is none of system, user, assistant and tool");
            }
        }

        if (inTool)
            text.Append("<｜tool▁outputs▁end｜>");
        else if (addGenerationPrompt)
            text.Append(Assistant).Append(thinking ? "<think>\n" : "");
        return text.ToString();
    }

    private static string Call(object? call)
    {
        var map = call as Dictionary<string, object?>;
        if (map?.GetValueOrDefault("function") is not Dictionary<string, object?> function
            || function.GetValueOrDefault("name") is not string name || function.GetValueOrDefault("arguments") is not string arguments || map.GetValueOrDefault("type") is not string type)
            throw new DataException("messages: tool_calls: each has type, function.name and function.arguments, as strings");
        return $"<｜tool▁call▁begin｜>{type}<｜tool▁sep｜>{name}\n```json\n{arguments}\n```<｜tool▁call▁end｜>";
    }

    private static string Role(Dictionary<string, object?> turn) => turn.GetValueOrDefault("role") as string ?? throw new DataException("messages: each has a role, as a string");

    private static string Content(Dictionary<string, object?> turn) => turn.GetValueOrDefault("content") as string ?? throw new DataException($"messages: the content of a {Role(turn)} message is a string");
}
