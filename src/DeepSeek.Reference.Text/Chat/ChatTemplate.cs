using System.Text.Json;

namespace DeepSeek.Reference.Text;

/// <summary>How a chat becomes the text that a model continues.</summary>
/// <remarks>DeepSeek-V3's own format, or the Jinja template that a checkpoint brings, as far as it is of the kind that DeepSeek writes. docs/spec/text.md 3 and 4.</remarks>
public sealed class ChatTemplate
{
    private readonly JinjaTemplate? jinja;
    private readonly Dictionary<string, object?> variables = [];

    private ChatTemplate(JinjaTemplate? jinja) => this.jinja = jinja;

    /// <summary>DeepSeek-V3's format; with thinking, DeepSeek-R1's reasoning markers.</summary>
    public static ChatTemplate DeepSeekV3 { get; } = new(null);

    /// <summary>A Jinja template.</summary>
    /// <param name="template">The template.</param>
    /// <param name="beginOfSentence">Its bos_token.</param>
    /// <param name="endOfSentence">Its eos_token.</param>
    /// <param name="source">What errors call it.</param>
    /// <exception cref="DataException">It has a construct that is not read; names it and its place.</exception>
    public static ChatTemplate Parse(string template, string? beginOfSentence = null, string? endOfSentence = null, string source = "chat_template")
    {
        ArgumentNullException.ThrowIfNull(template);
        var made = new ChatTemplate(new JinjaTemplate(template, source));
        made.Name("bos_token", beginOfSentence);
        made.Name("eos_token", endOfSentence);
        return made;
    }

    /// <summary>The template of a checkpoint's folder: chat_template.jinja, else chat_template of tokenizer_config.json, else DeepSeek-V3's.</summary>
    /// <exception cref="DataException">A file is unsound, the template has a construct that is not read, or it uses a special token that no file names.</exception>
    public static ChatTemplate Load(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        string config = Path.Combine(directory, "tokenizer_config.json"), file = Path.Combine(directory, "chat_template.jinja");
        JsonElement? fields = TokenNames.Read(config);
        if (File.Exists(file))
            return Of(directory, TextFile.Utf8(file), file);
        string? template = fields is { } found && found.TryGetProperty("chat_template", out JsonElement value) ? Template(value, config) : null;
        return template is null ? DeepSeekV3 : Of(directory, template, $"{config}: chat_template");
    }

    /// <summary>The text of a chat.</summary>
    /// <param name="turns">The messages.</param>
    /// <param name="addGenerationPrompt">Whether the text ends where an answer begins.</param>
    /// <param name="thinking">Whether the answer begins with reasoning; a Jinja template sees it as its variable <c>thinking</c>.</param>
    /// <exception cref="DataException">The template cannot render these messages.</exception>
    public string Render(IReadOnlyList<ChatTurn> turns, bool addGenerationPrompt = true, bool thinking = false)
    {
        ArgumentNullException.ThrowIfNull(turns);
        return Render([.. turns.Select(Mapping)], addGenerationPrompt, thinking);
    }

    /// <summary>The text of a chat whose messages are JSON, with whatever fields the template asks for.</summary>
    /// <inheritdoc cref="Render(IReadOnlyList{ChatTurn}, bool, bool)"/>
    public string Render(JsonElement messages, bool addGenerationPrompt = true, bool thinking = false) => messages.ValueKind == JsonValueKind.Array
        ? Render((List<object?>)JinjaJson.Read(messages)!, addGenerationPrompt, thinking)
        : throw new DataException("messages: an array is expected");

    private string Render(List<object?> messages, bool addGenerationPrompt, bool thinking)
    {
        if (jinja is null)
            return DeepSeekChat.Render(messages, addGenerationPrompt, thinking);
        var values = new Dictionary<string, object?>(variables) { ["messages"] = messages, ["add_generation_prompt"] = addGenerationPrompt };
        if (thinking)
            values["thinking"] = true;
        return jinja.Render(values);
    }

    private static object? Mapping(ChatTurn turn)
    {
        var mapping = new Dictionary<string, object?> { ["role"] = turn.Role, ["content"] = turn.Content };
        if (turn.ToolCalls.Count > 0)
        {
            mapping["tool_calls"] = turn.ToolCalls.Select(call => (object?)new Dictionary<string, object?>
            {
                ["type"] = "function",
                ["function"] = new Dictionary<string, object?> { ["name"] = call.Name, ["arguments"] = call.Arguments },
            }).ToList();
        }

        return mapping;
    }

    private static ChatTemplate Of(string directory, string template, string source)
    {
        ChatTemplate made = Parse(template, source: source);
        foreach (string name in new[] { "bos_token", "eos_token" })
        {
            if (TokenNames.Find(directory, name, out string? token))
                made.Name(name, token);
            else if (made.jinja!.Needs(name))
                throw new DataException($"{source}: uses {name}, which neither tokenizer_config.json nor special_tokens_map.json names; write \"{name}\": \"...\" into {Path.Combine(directory, "tokenizer_config.json")}, or null where the model has none");
        }

        return made;
    }

    private void Name(string variable, string? token)
    {
        if (token is not null)
            variables[variable] = token;
    }

    /// <summary>A template, or the one called default in a list of them.</summary>
    private static string? Template(JsonElement value, string path) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Null => null,
        JsonValueKind.Array => value.EnumerateArray().Where(t => t.ValueKind == JsonValueKind.Object && t.TryGetProperty("name", out JsonElement name) && name.ValueKind == JsonValueKind.String && name.GetString() == "default"
            && t.TryGetProperty("template", out JsonElement text) && text.ValueKind == JsonValueKind.String).Select(t => t.GetProperty("template").GetString()).FirstOrDefault() ?? throw new DataException($"{path}: chat_template has no template named default"),
        _ => throw new DataException($"{path}: chat_template is neither a string nor a list of templates"),
    };
}
