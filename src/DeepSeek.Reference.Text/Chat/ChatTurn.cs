namespace DeepSeek.Reference.Text;

/// <summary>One message of a chat.</summary>
/// <param name="Role">system, user, assistant or tool.</param>
/// <param name="Content">Its text; null for an assistant that calls tools alone.</param>
public sealed record ChatTurn(string Role, string? Content)
{
    /// <summary>The tools that an assistant calls.</summary>
    public IReadOnlyList<ToolCall> ToolCalls { get; init; } = [];

    /// <summary>A system message.</summary>
    public static ChatTurn System(string text) => new("system", text);

    /// <summary>A user's message.</summary>
    public static ChatTurn User(string text) => new("user", text);

    /// <summary>An assistant's message.</summary>
    public static ChatTurn Assistant(string text) => new("assistant", text);
}

/// <summary>A call of a tool.</summary>
/// <param name="Name">The function.</param>
/// <param name="Arguments">Its arguments, as JSON text.</param>
public sealed record ToolCall(string Name, string Arguments);
