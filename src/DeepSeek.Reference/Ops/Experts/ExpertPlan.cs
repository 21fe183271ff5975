namespace DeepSeek.Reference.Ops;

/// <summary>Which rows go to which expert: the assignments (token, slot) sorted by expert, then token, then slot.</summary>
/// <remarks>
/// indices I32 [T, K] with -1 for an empty slot. Row r of the dispatched tensor holds token <see cref="Tokens"/>[r]; expert e owns rows
/// <see cref="Offsets"/>[e] to <see cref="Offsets"/>[e+1]; assignment (t, s) sits in row <see cref="RowOf"/>[t·K + s], or -1. Integers only: exact.
/// </remarks>
public sealed class ExpertPlan
{
    /// <summary>Plans the dispatch of T = indices / K tokens to E experts.</summary>
    /// <exception cref="ShapeException">An index outside [-1, E), or indices not a whole number of rows of K.</exception>
    public ExpertPlan(ReadOnlySpan<int> indices, int slots, int experts)
    {
        if (slots <= 0 ? indices.Length != 0 : indices.Length % slots != 0)
            throw new ShapeException($"{indices.Length} expert indices are not a whole number of rows of {slots}");
        Slots = slots;
        TokenCount = slots == 0 ? 0 : indices.Length / slots;

        int[] offsets = new int[experts + 1];
        foreach (int e in indices)
        {
            if (e < -1 || e >= experts)
                throw new ShapeException($"expert index {e} is not in [-1, {experts})");
            if (e >= 0)
                offsets[e + 1]++;
        }

        for (int e = 0; e < experts; e++)
            offsets[e + 1] += offsets[e];

        int[] next = offsets.AsSpan(0, experts).ToArray();
        int[] tokens = new int[offsets[experts]];
        int[] rowOf = new int[indices.Length];
        for (int i = 0; i < indices.Length; i++)
        {
            int e = indices[i];
            rowOf[i] = -1;
            if (e < 0)
                continue;
            int row = next[e]++;
            rowOf[i] = row;
            tokens[row] = i / slots;
        }

        Offsets = offsets;
        Tokens = tokens;
        RowOf = rowOf;
    }

    /// <summary>Number of tokens T.</summary>
    public int TokenCount { get; }

    /// <summary>Slots per token K.</summary>
    public int Slots { get; }

    /// <summary>Number of experts E.</summary>
    public int Experts => Offsets.Count - 1;

    /// <summary>Number of dispatched rows R.</summary>
    public int Rows => Tokens.Count;

    /// <summary>First row of each expert; one more entry at the end.</summary>
    public IReadOnlyList<int> Offsets { get; }

    /// <summary>Token of each row.</summary>
    public IReadOnlyList<int> Tokens { get; }

    /// <summary>Row of each assignment (t·K + slot), or -1.</summary>
    public IReadOnlyList<int> RowOf { get; }

    /// <summary>The offsets as a span.</summary>
    internal ReadOnlySpan<int> OffsetSpan => (int[])Offsets;

    /// <summary>The tokens as a span.</summary>
    internal ReadOnlySpan<int> TokenSpan => (int[])Tokens;

    /// <summary>The rows of the assignments as a span.</summary>
    internal ReadOnlySpan<int> RowOfSpan => (int[])RowOf;
}
