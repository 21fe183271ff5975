namespace DeepSeek.Reference.Ops;

/// <summary>Queries FirstQuery.. times heads FirstHead.. of one key head: the rows that one thread works on together, query by query.</summary>
internal readonly record struct QueryBlock(int KeyHead, int FirstQuery, int Queries, int FirstHead, int Heads)
{
    public int Rows => Queries * Heads;

    public int Query(int row) => FirstQuery + row / Heads;

    public int Head(int row) => FirstHead + row % Heads;
}

/// <summary>A partition of all (query, head) rows of an attention into blocks. Rows are independent: where the cuts lie changes no bit.</summary>
internal readonly struct QueryBlocks
{
    private const int MostRows = 64;
    private const int FewestRows = 4;

    private readonly AttentionShape shape;
    private readonly int queries;
    private readonly int heads;
    private readonly int queryCuts;
    private readonly int headCuts;

    public QueryBlocks(AttentionShape shape, int threads)
    {
        this.shape = shape;
        // Enough blocks for every thread first, then as many rows as share a key while their scores stay near.
        long rows = (long)shape.S * shape.H;
        Rows = (int)Math.Clamp(rows / threads, FewestRows, shape.T > 1 << 16 ? MostRows / 4 : MostRows);
        heads = Math.Clamp(shape.Group, 1, Rows);
        queries = Math.Max(1, Rows / heads);
        queryCuts = (shape.S + queries - 1) / queries;
        headCuts = (shape.Group + heads - 1) / heads;
    }

    /// <summary>The most rows a block has.</summary>
    public int Rows { get; }

    public int Count => checked(shape.Hk * queryCuts * headCuts);

    public QueryBlock this[int index]
    {
        get
        {
            (int rest, int headCut) = Math.DivRem(index, headCuts);
            (int keyHead, int queryCut) = Math.DivRem(rest, queryCuts);
            int i = queryCut * queries, g = headCut * heads;
            return new(keyHead, i, Math.Min(queries, shape.S - i), keyHead * shape.Group + g, Math.Min(heads, shape.Group - g));
        }
    }
}
