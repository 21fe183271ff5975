using DeepSeek.Reference.Tests.House;
using DeepSeek.Reference.Text;
using Microsoft.Extensions.AI;

namespace DeepSeek.Reference.Text.Tests.House;

/// <summary>The program of docs/how-to/chat.md, as it compiles.</summary>
internal static class ChatProgram
{
    public static async Task Run(string[] args)
    {
        // <program>
        using var client = DeepSeekChatClient.Load(args[0]);
        for (List<ChatMessage> chat = []; Console.ReadLine() is { } line;)
        {
            chat.Add(new ChatMessage(ChatRole.User, line));
            ChatResponse answer = await client.GetResponseAsync(chat);
            Console.WriteLine(answer);
            chat.AddMessages(answer);
        }
        // </program>
    }

    /// <summary>What the page shows: the usings a reader needs, but for those of the tests, then the lines between the marks.</summary>
    public static string Source()
    {
        string[] lines = Repository.ReadText("tests", "DeepSeek.Reference.Text.Tests", "House", "ChatProgram.cs").Split('\n');
        IEnumerable<string> usings = lines.Where(l => l.StartsWith("using ", StringComparison.Ordinal) && !l.Contains(".Tests.", StringComparison.Ordinal));
        IEnumerable<string> body = lines.SkipWhile(l => !l.Contains("// <program>", StringComparison.Ordinal)).Skip(1).TakeWhile(l => !l.Contains("// </program>", StringComparison.Ordinal)).Select(l => l[8..]);
        return string.Join('\n', usings) + "\n\n" + string.Join('\n', body) + "\n";
    }
}
