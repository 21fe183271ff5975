namespace DeepSeek.Reference.Model;

/// <summary>Memory for the latent caches of many sequences, in pages of 64 tokens: FlashMLA's paged layout.</summary>
/// <remarks>
/// <code>
/// a layer          [pages, 64, one key head, c + dr]        or the parts of the FP8 format, [pages, 64, ...] each
/// token t          page Pages[t / 64] of its sequence's block table, row t mod 64
/// </code>
/// A page number stands for the same rows of every layer. Pages are counted when the pool is made and memory never grows beyond them; a page goes back when
/// its last user releases it, and the lowest free one is taken next, so that a sequence alone has neighbouring pages, which attention reads where they lie.
/// Unused rows hold what their last user left and are never read. Not for two threads at once. FlashMLA, README and csrc (page_block_size 64); docs/spec/generation.md 5.
/// </remarks>
public sealed class LatentPagePool
{
    /// <summary>Tokens of a page.</summary>
    public const int PageTokens = 64;

    private readonly CacheLayer?[] layers;
    private readonly int[] users;
    private readonly PriorityQueue<int, int> free = new();
    private int untouched;

    /// <summary>A pool of as many pages as fit a number of bytes.</summary>
    /// <param name="config">The model's dimensions.</param>
    /// <param name="contract">The model's contract: dtype, cache format and attention mode.</param>
    /// <param name="maxBytes">What all pages together take at most.</param>
    /// <param name="mtp">True to make room for the layers of MTP modules too.</param>
    /// <exception cref="ContractException">Not one page fits; says how many bytes one takes.</exception>
    public LatentPagePool(DeepSeekConfig config, NumericContract contract, long maxBytes, bool mtp = false)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(contract);
        (Config, Contract) = (config, contract);
        int count = mtp ? config.TotalLayers : config.NumHiddenLayers;
        BytesPerPage = PageTokens * count * CacheLayer.BytesFor(config, contract.Cache, contract.Activations);
        if (maxBytes < BytesPerPage)
            throw new ContractException($"a pool of {maxBytes} bytes was asked for, but a page of {PageTokens} tokens takes {BytesPerPage} over {count} layers; give it at least that");
        PageCount = (int)Math.Min(maxBytes / BytesPerPage, int.MaxValue / PageTokens);
        layers = new CacheLayer?[count];
        users = new int[PageCount];
    }

    /// <summary>Pages in all.</summary>
    public int PageCount { get; }

    /// <summary>Pages that nothing uses.</summary>
    public int FreePages => PageCount - untouched + free.Count;

    /// <summary>Bytes of a page over all layers.</summary>
    public long BytesPerPage { get; }

    internal DeepSeekConfig Config { get; }

    internal NumericContract Contract { get; }

    /// <summary>Rows of a layer.</summary>
    internal int Rows => PageCount * PageTokens;

    /// <summary>Asked for a page when none is free; true when it gave one back.</summary>
    internal Func<bool>? Reclaim { get; set; }

    /// <summary>An empty cache that takes its pages here. Give them back with <see cref="LatentCache.Truncate"/>(0).</summary>
    public LatentCache NewCache() => new(this);

    /// <summary>Pages that this many tokens take.</summary>
    public static int PagesFor(long tokens) => checked((int)((tokens + PageTokens - 1) / PageTokens));

    /// <summary>Writes the rows of a page of a layer as FlashMLA has them: 64 rows of [c_kv | k_pe], or of [codes | scales | k_pe], 656 bytes at V3's size.</summary>
    /// <exception cref="ShapeException">There is no such page or layer, nothing was stored in it, or the bytes do not fit.</exception>
    public void CopyPage(int layer, int page, Span<byte> target)
    {
        if (layer < 0 || layer >= layers.Length || page < 0 || page >= PageCount || layers[layer] is not { } rows)
            throw new ShapeException($"page {page} of layer {layer}: the pool has {PageCount} pages of {layers.Length} layers, and a layer has rows once a pass has written some");
        rows.CopyRows(page * PageTokens, PageTokens, target);
    }

    /// <summary>The rows of tokens first ... first + count - 1 of a block table; neighbouring pages are one run.</summary>
    internal static IReadOnlyList<RowRun> Runs(List<int> pages, int first, int count)
    {
        var runs = new List<RowRun>();
        for (int t = first; t < first + count;)
        {
            int from = t, row = (pages[t / PageTokens] * PageTokens) + (t % PageTokens);
            do
                t = Math.Min(first + count, ((t / PageTokens) + 1) * PageTokens);
            while (t < first + count && pages[t / PageTokens] * PageTokens == row + t - from);
            runs.Add(new RowRun(row, from - first, t - from));
        }

        return runs;
    }

    /// <summary>The rows of a layer.</summary>
    internal CacheLayer Layer(int layer) => layer < layers.Length
        ? layers[layer] ??= new CacheLayer(Contract.Cache, Contract.Activations, Config.KvLoraRank, Config.QkRopeHeadDim)
        : throw new ContractException($"the pool has pages for {layers.Length} layers, but layer {layer} is an MTP module's; make the pool with room for MTP");

    /// <summary>Whether more than one sequence or index holds a page.</summary>
    internal bool IsShared(int page) => users[page] > 1;

    /// <summary>A free page, which now has one user.</summary>
    /// <exception cref="ContractException">All pages are in use.</exception>
    internal int Take()
    {
        if (FreePages == 0 && Reclaim?.Invoke() != true)
            throw new ContractException($"all {PageCount} pages of the pool are in use; release a sequence, or make a larger pool");
        int page = free.Count > 0 ? free.Dequeue() : untouched++;
        users[page] = 1;
        return page;
    }

    /// <summary>One more user.</summary>
    internal void Retain(int page) => users[page]++;

    /// <summary>One user less.</summary>
    internal void Release(int page)
    {
        if (--users[page] == 0)
            free.Enqueue(page, page);
    }

    /// <summary>Copies the first rows of a page to another, in every layer.</summary>
    internal void CopyRows(int from, int to, int count)
    {
        foreach (CacheLayer? layer in layers)
            layer?.CopyWithin(from * PageTokens, to * PageTokens, count);
    }
}
