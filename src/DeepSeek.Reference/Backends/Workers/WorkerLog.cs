namespace DeepSeek.Reference.Backends;

/// <summary>The last lines that a worker wrote to its streams, for messages about its end.</summary>
internal sealed class WorkerLog
{
    private const int Kept = 40;
    private readonly Queue<string> lines = new();
    private int open = 2;
    private long added;
    private long mark;

    /// <summary>Adds a line; null is a stream's end.</summary>
    public void Add(string? line)
    {
        if (line is null)
        {
            lock (lines)
            {
                open--;
                Monitor.PulseAll(lines);
            }

            return;
        }

        lock (lines)
        {
            added++;
            lines.Enqueue(line.Length <= 400 ? line : line[..400] + "...");
            while (lines.Count > Kept)
                lines.Dequeue();
        }
    }

    /// <summary>What comes from here on belongs to something else: <see cref="Last"/> does not look behind.</summary>
    public void Mark()
    {
        lock (lines)
            mark = added;
    }

    /// <summary>Waits until both streams have ended; false where they have not in time, which a process left behind by the worker's can make so.</summary>
    public bool WaitForEnd(TimeSpan limit)
    {
        long until = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        lock (lines)
        {
            while (open > 0 && until - Environment.TickCount64 is > 0 and var left)
                Monitor.Wait(lines, (int)left);
            return open <= 0;
        }
    }

    /// <summary>The last line since the mark that is not blank, or nothing.</summary>
    public string Last()
    {
        lock (lines)
            return lines.Skip((int)Math.Max(0, lines.Count - (added - mark))).LastOrDefault(l => !string.IsNullOrWhiteSpace(l)) ?? "";
    }

    /// <summary>All lines kept.</summary>
    public string[] All()
    {
        lock (lines)
            return [.. lines];
    }
}
