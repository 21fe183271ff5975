using System.Diagnostics;

namespace DeepSeek.Reference.Tool;

/// <summary>Tells on standard error how far a longer work has come: nothing in the first second, then one line kept up to date on a terminal, or a line every ten seconds in a log.</summary>
internal sealed class Progress(Terminal terminal) : IDisposable
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan OnTerminal = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan InLog = TimeSpan.FromSeconds(10);

    private readonly long start = Stopwatch.GetTimestamp();
    private TimeSpan next = First;
    private int shown;

    /// <summary>A step was done; also where Ctrl-C takes effect.</summary>
    /// <exception cref="OperationCanceledException">Ctrl-C was pressed.</exception>
    public void Report(string what, long done, long total)
    {
        terminal.Cancelled.ThrowIfCancellationRequested();
        Show(what, done, total);
    }

    /// <summary>A step of a work whose length is not known.</summary>
    /// <exception cref="OperationCanceledException">Ctrl-C was pressed.</exception>
    public void Report(string what, long done) => Report(what, done, -1);

    /// <summary>A step was done, on a thread that must not be interrupted.</summary>
    public void Show(string what, long done, long total)
    {
        TimeSpan now = Stopwatch.GetElapsedTime(start);
        if (now < next)
            return;
        next = now + (terminal.ErrorIsTerminal ? OnTerminal : InLog);
        string text = total < 0 ? $"{what} {done}, {now.TotalSeconds:F0} s" : $"{what} {done}/{total}, {now.TotalSeconds:F0} s";
        if (!terminal.ErrorIsTerminal)
        {
            terminal.Error.WriteLine(text);
            return;
        }

        Clear();
        shown = Math.Min(text.Length, 79);
        terminal.Error.Write(text[..shown]);
        terminal.Error.Flush();
    }

    /// <summary>Removes the line, before anything else is written.</summary>
    public void Clear()
    {
        if (shown == 0)
            return;
        terminal.Error.Write('\r' + new string(' ', shown) + '\r');
        shown = 0;
    }

    /// <summary>Removes the line.</summary>
    public void Dispose() => Clear();
}
