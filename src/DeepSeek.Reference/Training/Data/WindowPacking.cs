namespace DeepSeek.Reference.Training;

/// <summary>How documents fill windows of one length.</summary>
public enum WindowPacking
{
    /// <summary>
    /// Documents longer than a window are cut into whole windows and a rest; pieces, longest first, go to the fullest window that has room. Nothing else is cut.
    /// Ding et al., "Fewer truncations improve language modeling", 2024, which DeepSeek-V3's report follows (4.1).
    /// </summary>
    BestFit,

    /// <summary>Documents one after the other, cut at the windows' ends.</summary>
    Concatenated,
}

/// <summary>Tokens in windows of one length, the rest of a window filled with pad; no token of a document is lost or doubled.</summary>
/// <remarks>
/// Best fit: pieces by length, longest first, among equals by document and place in it; a piece goes to the window with the least room that takes it, among equals to the
/// first opened, else to a new one. Windows stand in the order of opening. Tokens of one window attend to each other across documents: pre-training has no mask between them.
/// </remarks>
public sealed class PackedWindows
{
    private readonly List<int[]> windows = [];
    private readonly List<int> lengths = [];

    private PackedWindows(int length) => Length = length;

    /// <summary>Tokens of a window, pad included: one more than a model's input, as each token's target is the next.</summary>
    public int Length { get; }

    /// <summary>Number of windows.</summary>
    public int Count => windows.Count;

    /// <summary>Tokens of documents in all windows.</summary>
    public long TokenCount { get; private set; }

    /// <summary>The tokens of window i, pad included.</summary>
    public ReadOnlySpan<int> this[int i] => windows[i];

    /// <summary>How many tokens of window i are documents'; the rest is pad.</summary>
    public int Used(int i) => lengths[i];

    /// <summary>Packs documents.</summary>
    /// <exception cref="ShapeException">A window has fewer than two tokens.</exception>
    public static PackedWindows Pack(IReadOnlyList<int[]> documents, int length, WindowPacking packing, int pad)
    {
        ArgumentNullException.ThrowIfNull(documents);
        if (length < 2)
            throw new ShapeException($"a window of {length} tokens has no target; give it at least 2");
        var packed = new PackedWindows(length) { TokenCount = documents.Sum(d => (long)d.Length) };
        if (packing == WindowPacking.Concatenated)
            packed.Concatenate(documents);
        else
            packed.FitBest(documents);
        for (int i = 0; i < packed.Count; i++)
            packed.windows[i].AsSpan(packed.lengths[i]).Fill(pad);
        return packed;
    }

    private void Concatenate(IReadOnlyList<int[]> documents)
    {
        foreach (int[] document in documents)
        {
            for (int at = 0; at < document.Length;)
            {
                if (Count == 0 || lengths[^1] == Length)
                    Open();
                int count = Math.Min(Length - lengths[^1], document.Length - at);
                Append(Count - 1, document.AsSpan(at, count));
                at += count;
            }
        }
    }

    private void FitBest(IReadOnlyList<int[]> documents)
    {
        var pieces = new List<(int Document, int At, int Count)>();
        for (int d = 0; d < documents.Count; d++)
        {
            for (int at = 0; at < documents[d].Length; at += Length)
                pieces.Add((d, at, Math.Min(Length, documents[d].Length - at)));
        }

        // By room left: the windows that have it, first opened first.
        var open = new SortedDictionary<int, SortedSet<int>>();
        foreach ((int d, int at, int count) in pieces.OrderByDescending(p => p.Count))
        {
            int window = Take(open, count);
            Append(window, documents[d].AsSpan(at, count));
            int room = Length - lengths[window];
            if (room == 0)
                continue;
            if (!open.TryGetValue(room, out SortedSet<int>? same))
                open.Add(room, same = []);
            same.Add(window);
        }
    }

    /// <summary>The window with the least room for so many tokens, no longer among the open; a new one where none has it.</summary>
    private int Take(SortedDictionary<int, SortedSet<int>> open, int count)
    {
        foreach ((int room, SortedSet<int> same) in open)
        {
            if (room < count)
                continue;
            int window = same.Min;
            same.Remove(window);
            if (same.Count == 0)
                open.Remove(room);
            return window;
        }

        Open();
        return Count - 1;
    }

    private void Open()
    {
        windows.Add(new int[Length]);
        lengths.Add(0);
    }

    private void Append(int window, ReadOnlySpan<int> tokens)
    {
        tokens.CopyTo(windows[window].AsSpan(lengths[window]));
        lengths[window] += tokens.Length;
    }
}
