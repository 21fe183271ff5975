using System.Diagnostics;
using System.Globalization;

namespace DeepSeek.Reference.Tool;

/// <summary>How fast a text came.</summary>
internal sealed class AnswerClock
{
    private readonly long start = Stopwatch.GetTimestamp();

    /// <summary>Tells tokens, seconds and tokens a second on standard error.</summary>
    public void Tell(Terminal terminal, int tokens)
    {
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        terminal.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{tokens} tokens in {seconds:0.00} s, {tokens / Math.Max(seconds, 1e-9):0.0} tokens/s"));
    }
}
