using System.Diagnostics;

namespace DeepSeek.Reference.Tool;

/// <summary>Tells on standard error how far a longer work has come: nothing in the first second, then one line kept up to date on a terminal, or a line every ten seconds in a log.</summary>
/// <remarks>A clock tells it, not the steps: one step that takes long still shows its name and the seconds that go by.</remarks>
internal sealed class Progress : IDisposable
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan OnTerminal = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan InLog = TimeSpan.FromSeconds(10);

    private readonly Terminal terminal;
    private readonly Lock gate = new();
    private readonly long start = Stopwatch.GetTimestamp();
    private readonly Timer clock;
    private (string What, long Done, long Total)? step;
    private TimeSpan next = First;
    private int shown;
    private bool ended;

    public Progress(Terminal terminal)
    {
        this.terminal = terminal;
        clock = new Timer(_ => Tell(), null, First, terminal.ErrorIsTerminal ? OnTerminal : First);
        terminal.Current = this;
    }

    /// <summary>A step begins, or was done; also where Ctrl-C takes effect.</summary>
    /// <exception cref="OperationCanceledException">Ctrl-C was pressed.</exception>
    public void Report(string what, long done, long total)
    {
        terminal.Cancelled.ThrowIfCancellationRequested();
        Show(what, done, total);
    }

    /// <summary>A step of a work whose length is not known.</summary>
    /// <exception cref="OperationCanceledException">Ctrl-C was pressed.</exception>
    public void Report(string what, long done) => Report(what, done, -1);

    /// <summary>A step begins, or was done, on a thread that must not be interrupted.</summary>
    public void Show(string what, long done, long total)
    {
        lock (gate)
            step = (what, done, total);
        Tell();
    }

    /// <summary>Removes the line, before anything else is written.</summary>
    public void Clear()
    {
        lock (gate)
        {
            if (shown == 0)
                return;
            terminal.Error.Write('\r' + new string(' ', shown) + '\r');
            shown = 0;
        }
    }

    /// <summary>Removes the line, for good.</summary>
    public void Dispose()
    {
        lock (gate)
            ended = true;
        clock.Dispose();
        Clear();
        if (terminal.Current == this)
            terminal.Current = null;
    }

    private void Tell()
    {
        lock (gate)
        {
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            if (ended || elapsed < next || step is not { } now)
                return;
            next = elapsed + (terminal.ErrorIsTerminal ? OnTerminal : InLog);
            string text = now.Total < 0 ? $"{now.What} {now.Done}, {elapsed.TotalSeconds:F0} s" : $"{now.What} {now.Done}/{now.Total}, {elapsed.TotalSeconds:F0} s";
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
    }
}
