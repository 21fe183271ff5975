namespace DeepSeek.Reference.Text;

/// <summary>Text as it comes, up to the first of some stop texts; holds back what may be the beginning of one.</summary>
internal sealed class StopText
{
    private readonly string[] stops;
    private string held = "";

    /// <summary>Text up to the first of these.</summary>
    /// <exception cref="ContractException">A stop text is empty.</exception>
    public StopText(IEnumerable<string> stops)
    {
        this.stops = [.. stops];
        if (Array.Exists(this.stops, s => s.Length == 0))
            throw new ContractException("an empty text was given to stop at; it would stop before anything");
    }

    /// <summary>The stop text that came, null before.</summary>
    public string? Found { get; private set; }

    /// <summary>What can be shown of the text so far and this.</summary>
    public string Append(string text)
    {
        if (Found is not null)
            return "";
        held += text;
        int first = int.MaxValue;
        foreach (string stop in stops)
        {
            int at = held.IndexOf(stop, StringComparison.Ordinal);
            if (at >= 0 && at < first)
                (first, Found) = (at, stop);
        }

        int shown = Found is null ? held.Length - stops.Select(Beginning).DefaultIfEmpty().Max() : first;
        string before = held[..shown];
        held = Found is null ? held[shown..] : "";
        return before;
    }

    /// <summary>What was held back and turned out to be no stop text.</summary>
    public string Finish()
    {
        string rest = held;
        held = "";
        return rest;
    }

    /// <summary>The longest end of the held text that a stop text begins with.</summary>
    private int Beginning(string stop)
    {
        for (int length = Math.Min(stop.Length - 1, held.Length); length > 0; length--)
        {
            if (held.AsSpan(held.Length - length).SequenceEqual(stop.AsSpan(0, length)))
                return length;
        }

        return 0;
    }
}
