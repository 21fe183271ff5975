using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Model;

/// <summary>What one sequence leaves behind for later tokens: for each layer the latent c_kv and the rotated key k_pe of every token.</summary>
/// <remarks>
/// Of position t a layer keeps [c_kv after kv_a_layernorm | k_pe after RoPE] in the contract's activation dtype, or, where the contract's <see cref="CacheFormat"/> says so,
/// c_kv in FP8 and k_pe in BF16, or both in BF16, or both in F32. At V3's size 512 + 64 = 576 values a token and layer, 1,152 bytes in BF16, 70,272 bytes a token over 61 layers; in FP8 656 and 40,016,
/// in F32 2,304 and 140,544.
/// Both attention modes keep the same values; naive recomputes k and v from them. A cache is filled by one mode and one format alone (rule N17): a model of another refuses it.
/// A cache has memory of its own, or takes pages of a <see cref="LatentPagePool"/>: no bit depends on which.
/// MTP modules are the layers after the main ones, and take memory when they first run. After an exception in a pass the cache still stands
/// where it stood before; if the MTP modules were at work, their part is lost, and passes that ask for MTP are refused.
/// </remarks>
public sealed class LatentCache
{
    private readonly CacheLayer?[] layers;
    private readonly List<int> pages = [];
    private readonly LatentPagePool? pool;
    private readonly bool fixedCapacity;
    private readonly DeepSeekConfig config;

    /// <summary>An empty cache for one sequence of a model with this configuration and contract.</summary>
    /// <param name="config">The model's dimensions.</param>
    /// <param name="contract">The model's contract: dtype and attention mode.</param>
    /// <param name="capacity">Tokens to make room for.</param>
    /// <param name="fixedCapacity">True to refuse more tokens than that; otherwise the cache grows.</param>
    /// <exception cref="ContractException">A negative capacity.</exception>
    public LatentCache(DeepSeekConfig config, NumericContract contract, int capacity = 0, bool fixedCapacity = false)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(contract);
        if (capacity < 0)
            throw new ContractException($"a cache for {capacity} tokens was asked for; take 0 or more");
        this.config = config;
        this.fixedCapacity = fixedCapacity;
        Capacity = capacity;
        Mode = contract.Attention;
        Format = contract.Cache;
        DType = contract.Activations;
        RopeLayout = contract.RopeLayout;
        layers = new CacheLayer?[config.TotalLayers];
        MtpHidden = new Tensor?[config.NumNextnPredictLayers];
    }

    /// <summary>An empty cache on the pages of a pool.</summary>
    internal LatentCache(LatentPagePool pool) : this(pool.Config, pool.Contract) => this.pool = pool;

    /// <summary>Tokens that the cache holds: the position of the next one.</summary>
    public int Length { get; private set; }

    /// <summary>Tokens for which there is room now.</summary>
    public int Capacity { get; private set; }

    /// <summary>The mode that fills this cache.</summary>
    public AttentionMode Mode { get; }

    /// <summary>What is kept of a token.</summary>
    public CacheFormat Format { get; }

    /// <summary>Element type of what attention reads.</summary>
    public DType DType { get; }

    /// <summary>Where rotated pairs are stored.</summary>
    public RopeLayout RopeLayout { get; }

    /// <summary>Values that a token takes in one layer: kv_lora_rank + qk_rope_head_dim, 576 for V3.</summary>
    public int ValuesPerTokenPerLayer => ValuesFor(config);

    /// <summary>Bytes that a token takes over all main layers: 70,272 for V3 in BF16, 40,016 in FP8, 140,544 in F32.</summary>
    public long BytesPerToken => config.NumHiddenLayers * CacheLayer.BytesFor(config, Format, DType);

    /// <summary>The block table: token t lies in row t mod 64 of page Pages[t / 64] of the pool; empty for a cache with memory of its own.</summary>
    public IReadOnlyList<int> Pages => pages;

    /// <summary>Tokens the MTP modules have followed; equal to <see cref="Length"/> or 0.</summary>
    internal int MtpLength { get; private set; }

    /// <summary>For module k, the last hidden state [1, d] of the level below it.</summary>
    internal Tensor?[] MtpHidden { get; }

    /// <summary>Values that a token takes in one layer of such a model.</summary>
    public static int ValuesFor(DeepSeekConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return config.KvLoraRank + config.QkRopeHeadDim;
    }

    /// <summary>Bytes that a token takes over the main layers of such a model.</summary>
    public static long BytesFor(DeepSeekConfig config, DType dtype)
    {
        ArgumentNullException.ThrowIfNull(config);
        return dtype.ByteCount((long)ValuesFor(config) * config.NumHiddenLayers);
    }

    /// <summary>Forgets the tokens after the first <paramref name="length"/>; what is kept is untouched, pages that hold nothing go back. The MTP modules' part is forgotten whole.</summary>
    /// <exception cref="ContractException">More tokens than the cache holds.</exception>
    public void Truncate(int length)
    {
        if (length < 0 || length > Length)
            throw new ContractException($"a cache of {Length} tokens cannot be cut to {length}");
        Length = length;
        MtpLength = 0;
        Array.Clear(MtpHidden);
        if (pool is null)
            return;
        int kept = LatentPagePool.PagesFor(length);
        // The last page first: what an index keeps of a sequence is given up from its end.
        for (int i = pages.Count - 1; i >= kept; i--)
            pool.Release(pages[i]);
        pages.RemoveRange(kept, pages.Count - kept);
        Capacity = pages.Count * LatentPagePool.PageTokens;
    }

    /// <summary>Begins an empty cache with full pages that another sequence filled with the same tokens.</summary>
    internal void Adopt(IReadOnlyList<int> shared)
    {
        foreach (int page in shared)
            pool!.Retain(page);
        pages.AddRange(shared);
        Length = Capacity = pages.Count * LatentPagePool.PageTokens;
    }

    /// <summary>Takes another page of the same tokens in the place of a full one.</summary>
    internal void Replace(int index, int page)
    {
        if (pages[index] == page)
            return;
        pool!.Retain(page);
        pool.Release(pages[index]);
        pages[index] = page;
    }

    /// <summary>The first <paramref name="length"/> tokens of a layer as attention reads them: [length, c + dr]. Good until the next call; later writes may move the cache.</summary>
    internal Tensor View(int layer, int length, IBackend backend, Workspace workspace) =>
        pool is null ? layers[layer]!.View(length, backend, workspace) : pool.Layer(layer).View(LatentPagePool.Runs(pages, 0, length), length, backend, workspace);

    /// <summary>Room for this many tokens in all.</summary>
    internal void Reserve(int tokens)
    {
        if (pool is not null)
            ReservePages(tokens);
        if (tokens <= Capacity)
            return;
        if (fixedCapacity)
            throw new ContractException($"{tokens} tokens do not fit the cache's fixed capacity of {Capacity}; make a larger one, or one that grows");
        Capacity = (int)Math.Min(int.MaxValue, Math.Max(tokens, Math.Max(64L, 2L * Capacity)));
    }

    /// <summary>Writes T new tokens of a layer from position first on: latent [T, c], ropeKey [T, dr].</summary>
    internal void Store(int layer, int first, Tensor latent, Tensor ropeKey, IBackend backend)
    {
        if (pool is not null)
        {
            int tokens = (int)(latent.ElementCount / config.KvLoraRank);
            foreach (RowRun run in LatentPagePool.Runs(pages, first, tokens))
                pool.Layer(layer).Store(run.Row, pool.Rows, latent.Reshape(tokens, config.KvLoraRank).Rows(run.At, run.Count), ropeKey.Reshape(tokens, config.QkRopeHeadDim).Rows(run.At, run.Count), backend);
            return;
        }

        CacheLayer rows = layers[layer] ??= new CacheLayer(Format, DType, config.KvLoraRank, config.QkRopeHeadDim);
        rows.Store(first, Capacity, latent, ropeKey, backend);
    }

    /// <summary>Pages for this many tokens; the one that is written next becomes this cache's own.</summary>
    private void ReservePages(int tokens)
    {
        int at = Length / LatentPagePool.PageTokens;
        if (tokens > Length && at < pages.Count && pool!.IsShared(pages[at]))
        {
            int own = pool.Take();
            pool.CopyRows(pages[at], own, Length % LatentPagePool.PageTokens);
            pool.Release(pages[at]);
            pages[at] = own;
        }

        while (pages.Count < LatentPagePool.PagesFor(tokens))
            pages.Add(pool!.Take());
        Capacity = pages.Count * LatentPagePool.PageTokens;
    }

    /// <summary>The MTP modules are about to work: should they not come to their end, they have followed nothing.</summary>
    internal void BeginMtp() => MtpLength = 0;

    /// <summary>Ends a pass: the cache now holds this many tokens.</summary>
    internal void Advance(int length, bool mtp)
    {
        Length = length;
        if (mtp)
            MtpLength = length;
    }
}
