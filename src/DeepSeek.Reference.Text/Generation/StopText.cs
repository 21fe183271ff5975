using DeepSeek.Reference.Inference;

namespace DeepSeek.Reference.Text;

/// <summary>Text as it comes, up to one of some stop texts; holds back what may be the beginning of one.</summary>
/// <remarks>
/// The stop text that is complete first ends the text; of those that are complete together the longest, which begins first.
/// Each character alone decides, so that where parts end changes nothing. docs/spec/text.md 6.
/// </remarks>
internal sealed class StopText
{
    private readonly string[] stops;

    /// <summary>Of each beginning of each stop text, how long the longest other beginning is that it ends with.</summary>
    private readonly int[][] shorter;

    /// <summary>How much of each stop text the text ends with.</summary>
    private readonly int[] begun;
    private string held = "";

    /// <summary>Text up to one of these.</summary>
    /// <exception cref="ContractException">A stop text is null or empty, or holds half a surrogate pair.</exception>
    public StopText(IEnumerable<string> stops)
    {
        this.stops = [.. stops];
        for (int i = 0; i < this.stops.Length; i++)
            Check(i, this.stops[i]);
        shorter = [.. this.stops.Select(Shorter)];
        begun = new int[this.stops.Length];
    }

    /// <summary>The stop text that came, null before.</summary>
    public string? Found { get; private set; }

    /// <summary>What can be shown of the text so far and this.</summary>
    public string Append(string text)
    {
        if (Found is not null)
            return "";
        for (int i = 0; i < text.Length; i++)
        {
            for (int stop = 0; stop < stops.Length; stop++)
            {
                begun[stop] = Longer(stops[stop], shorter[stop], begun[stop], text[i]);
                if (begun[stop] == stops[stop].Length && begun[stop] > (Found?.Length ?? 0))
                    Found = stops[stop];
            }

            if (Found is not null)
                return Show(held + text[..(i + 1)], Found.Length, kept: 0);
        }

        int open = begun.DefaultIfEmpty().Max();
        return Show(held + text, open, kept: open);
    }

    /// <summary>What was held back and turned out to be no stop text.</summary>
    public string Finish()
    {
        string rest = held;
        held = "";
        return rest;
    }

    private string Show(string all, int hidden, int kept)
    {
        held = all[^kept..];
        return all[..^hidden];
    }

    private static void Check(int i, string? stop)
    {
        if (stop is null)
            throw new ContractException($"stop text {i} is null; give texts, or none");
        if (stop.Length == 0)
            throw new ContractException($"stop text {i} is empty; it would stop before anything");
        if (!stop.EnumerateRunes().SelectMany(r => r.ToString()).SequenceEqual(stop))
            throw new ContractException($"stop text {i} holds half a surrogate pair, which no text has; give whole characters");
    }

    /// <summary>How much of a stop text a text ends with, one character later.</summary>
    private static int Longer(string stop, int[] shorter, int length, char next)
    {
        while (length > 0 && (length == stop.Length || stop[length] != next))
            length = shorter[length];
        return stop[length] == next ? length + 1 : 0;
    }

    private static int[] Shorter(string stop)
    {
        int[] shorter = new int[stop.Length + 1];
        for (int end = 2; end <= stop.Length; end++)
            shorter[end] = Longer(stop, shorter, shorter[end - 1], stop[end - 1]);
        return shorter;
    }
}
