namespace DeepSeek.Reference.Text;

/// <summary>Ids as they come.</summary>
internal sealed class IdBuffer(int capacity)
{
    private int[] ids = new int[Math.Max(capacity, 16)];

    /// <summary>Ids so far.</summary>
    public int Count { get; private set; }

    /// <summary>The ids from one place on.</summary>
    public ReadOnlySpan<int> From(int start) => ids.AsSpan(start, Count - start);

    /// <summary>Appends an id.</summary>
    public void Add(int id)
    {
        if (Count == ids.Length)
            Array.Resize(ref ids, 2 * ids.Length);
        ids[Count++] = id;
    }

    /// <summary>All ids.</summary>
    public int[] ToArray() => ids[..Count];
}
