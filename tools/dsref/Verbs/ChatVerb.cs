using System.CommandLine;
using System.Text;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Text;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref chat</c>: a talk with a model, line by line.</summary>
internal static class ChatVerb
{
    private const string Quotes = "\"\"\"";

    public static Command Command(Terminal terminal)
    {
        var model = new ModelOptions();
        var sampling = new SamplingOptions(512);
        var system = new Option<string?>("--system") { Description = "What the model is told before the chat.", HelpName = "TEXT" };
        var thinking = new Option<bool>("--thinking") { Description = "Answers begin with reasoning." };
        var command = new Command("chat",
            $"Talks with a model; its directory holds tokenizer.json. A line is a message; a line that ends in \\ goes on in the next, and so do lines between {Quotes} and {Quotes}. /reset begins anew, /exit or the end of input ends. Ctrl-C stops an answer, and ends the chat between answers.\n\nExample:\n  dsref chat --model path/to/model --temperature 0.7 --top-p 0.95");
        model.AddTo(command, prompts: false);
        sampling.AddTo(command);
        command.Add(system);
        command.Add(thinking);
        command.SetAction(parsed =>
        {
            string directory = model.Directory(parsed);
            GenerationOptions options = sampling.Of(parsed);
            DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(directory);
            ChatTemplate template = ChatTemplate.Load(directory);
            using DeepSeekModel loaded = model.Open(parsed, terminal);
            var generator = new TextGenerator(loaded, tokenizer);
            ChatTurn[] before = parsed.GetValue(system) is { } told ? [ChatTurn.System(told)] : [];
            List<ChatTurn> turns = [.. before];
            while (Read(terminal) is { } message && message != "/exit")
            {
                if (message == "/reset")
                {
                    turns = [.. before];
                    continue;
                }

                turns.Add(ChatTurn.User(message));
                string prompt = template.Render(turns, addGenerationPrompt: true, parsed.GetValue(thinking));
                int[] ids = tokenizer.Encode(prompt);
                if (ids.Length > loaded.Config.MaxPositionEmbeddings)
                    throw new DataException($"the chat has {ids.Length} ids with this message, but max_position_embeddings is {loaded.Config.MaxPositionEmbeddings}; begin anew with /reset, or send a shorter message");
                turns.Add(ChatTurn.Assistant(Answer(terminal, generator, ids, options, sampling.Stops(parsed))));
            }

            return ExitCode.Pass;
        });
        return command;
    }

    /// <summary>An answer, written as it comes; what there is of it where Ctrl-C stopped it.</summary>
    private static string Answer(Terminal terminal, TextGenerator generator, int[] prompt, GenerationOptions options, string[] stops)
    {
        var text = new StringBuilder();
        var clock = new AnswerClock();
        int tokens = 0;
        DraftCounts? drafts = null;
        bool stopped = false;
        using (InterruptibleAnswer answer = new(terminal))
        {
            try
            {
                drafts = generator.Generate(prompt, options with { OnToken = (_, _, _) => tokens++ }, stops, part =>
                {
                    text.Append(part);
                    terminal.Say(part);
                }, answer.Cancelled).Drafts;
            }
            catch (OperationCanceledException) when (!terminal.Cancelled.IsCancellationRequested)
            {
                stopped = true;
            }
        }

        terminal.Out.WriteLine();
        terminal.Out.Flush();
        if (stopped)
            terminal.Error.WriteLine("stopped");
        clock.Tell(terminal, tokens, drafts);
        return text.ToString();
    }

    /// <summary>The next message that is not empty, or null at the end of input.</summary>
    private static string? Read(Terminal terminal)
    {
        while (true)
        {
            terminal.Cancelled.ThrowIfCancellationRequested();
            Ask(terminal, "> ");
            if (terminal.In.ReadLine() is not { } line)
                return null;
            bool quoted = line.Trim() == Quotes;
            var lines = new List<string>();
            if (quoted)
            {
                while (Next(terminal) is { } more && more.Trim() != Quotes)
                    lines.Add(more);
            }
            else
            {
                while (line.EndsWith('\\'))
                {
                    lines.Add(line[..^1]);
                    line = Next(terminal) ?? "";
                }

                lines.Add(line);
            }

            string message = string.Join('\n', lines);
            if (!string.IsNullOrWhiteSpace(message))
                return message;
        }
    }

    private static string? Next(Terminal terminal)
    {
        Ask(terminal, ". ");
        return terminal.In.ReadLine();
    }

    private static void Ask(Terminal terminal, string sign)
    {
        if (!terminal.InIsTerminal)
            return;
        terminal.Error.Write(sign);
        terminal.Error.Flush();
    }

    /// <summary>While it lives, Ctrl-C cancels this and nothing else.</summary>
    private sealed class InterruptibleAnswer : IDisposable
    {
        private readonly Terminal terminal;
        private readonly CancellationTokenSource source;

        public InterruptibleAnswer(Terminal terminal)
        {
            this.terminal = terminal;
            source = CancellationTokenSource.CreateLinkedTokenSource(terminal.Cancelled);
            terminal.TakesInterrupt = source.Cancel;
        }

        public CancellationToken Cancelled => source.Token;

        // The source itself is left to the collector: a signal that comes now may still be on its way to it.
        public void Dispose() => terminal.TakesInterrupt = null;
    }
}
