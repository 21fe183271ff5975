namespace DeepSeek.Reference.Verification;

/// <summary>Part of an output as the reference has it.</summary>
/// <param name="Reference">The reference's elements.</param>
/// <param name="Index">Their row-major indices in the whole output; null: it is the whole.</param>
/// <param name="Chosen">Whether these elements were looked for because they seemed wrong; such ones count for bits and bounds, not for statistics.</param>
internal sealed record ReferencePiece(Tensor Reference, long[]? Index, bool Chosen)
{
    /// <summary>Elements.</summary>
    public long Count => Reference.ElementCount;

    /// <summary>Whether the operation writes each row of the whole output; null: all. What it leaves alone holds anything, and is no result.</summary>
    public IReadOnlyList<bool>? WrittenRows { get; init; }

    /// <summary>Elements that are results.</summary>
    public long Results => WrittenRows is null ? Count : Count / Math.Max(1, WrittenRows.Count) * WrittenRows.Count(w => w);

    /// <summary>Whether element i is a result.</summary>
    public bool IsResult(long i) => WrittenRows is null || WrittenRows[(int)(At(i) / (Count / WrittenRows.Count))];

    /// <summary>The index in the whole output of element i.</summary>
    public long At(long i) => Index is null ? i : Index[i];
}

/// <summary>What the reference computed of one output: all of it, or samples.</summary>
internal sealed class ReferencePieces(string output, long elements)
{
    // Beyond so many elements the set of those seen would take more memory than it is worth; they are then counted as often as they were drawn.
    private const long MostMarked = 1L << 32;

    private ulong[]? marks;
    private long marked;
    private readonly List<ReferencePiece> pieces = [];

    /// <summary>The output's name.</summary>
    public string Output { get; } = output;

    /// <summary>The pieces.</summary>
    public IReadOnlyList<ReferencePiece> Pieces => pieces;

    /// <summary>Whether the whole output is known.</summary>
    public bool IsWhole => pieces.Exists(p => p.Index is null);

    /// <summary>Different results that were chosen at random or by their place.</summary>
    public long Sampled => IsWhole ? pieces.Where(p => p.Index is null).Sum(p => p.Results) : marked;

    /// <summary>Results whose bits can be compared.</summary>
    public long Compared => pieces.Sum(p => p.Results);

    /// <summary>Adds a piece.</summary>
    public void Add(ReferencePiece piece)
    {
        pieces.Add(piece);
        if (piece.Chosen || piece.Index is not { } index)
            return;
        if (elements > MostMarked)
        {
            marked += piece.Results;
            return;
        }

        marks ??= new ulong[(elements + 63) / 64];
        for (int i = 0; i < index.Length; i++)
        {
            ulong bit = 1UL << (int)(index[i] & 63);
            if ((marks[index[i] >> 6] & bit) != 0 || !piece.IsResult(i))
                continue;
            marks[index[i] >> 6] |= bit;
            marked++;
        }
    }

    /// <summary>Whether bits are equal, any NaN as any NaN.</summary>
    public static bool SameBits(Tensor a, long i, Tensor b, long j)
    {
        ulong x = ElementReader.Bits(a, i), y = ElementReader.Bits(b, j);
        return x == y || (ElementReader.IsReal(a.DType) && double.IsNaN(ElementReader.Value(a, i)) && double.IsNaN(ElementReader.Value(b, j)));
    }
}
