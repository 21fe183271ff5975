namespace DeepSeek.Reference.Backends;

/// <summary>The last lines that a worker wrote to its streams, for messages about its end.</summary>
internal sealed class WorkerLog
{
    private const int Kept = 40;
    private readonly Queue<string> lines = new();

    /// <summary>Adds a line; null (the stream's end) adds nothing.</summary>
    public void Add(string? line)
    {
        if (line is null)
            return;
        lock (lines)
        {
            lines.Enqueue(line.Length <= 400 ? line : line[..400] + "...");
            while (lines.Count > Kept)
                lines.Dequeue();
        }
    }

    /// <summary>The last line that is not blank, or nothing.</summary>
    public string Last()
    {
        lock (lines)
            return lines.LastOrDefault(l => !string.IsNullOrWhiteSpace(l)) ?? "";
    }

    /// <summary>All lines kept.</summary>
    public string[] All()
    {
        lock (lines)
            return [.. lines];
    }
}
