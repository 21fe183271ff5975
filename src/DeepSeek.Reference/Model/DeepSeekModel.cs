using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Model;

/// <summary>DeepSeek-V3: token ids in, logits out, on a backend and under a numeric contract.</summary>
/// <remarks>
/// <code>
/// x = Emb(ids);  x = Block_l(x) for each layer;  logits = lm_head · norm(x)
/// </code>
/// Weights are used where they lie in the mapped checkpoint. The passes of one model share buffers: run one at a time.
/// Results depend on ids, weights and contract alone: not on the batch, on how a prompt is cut into passes, or on threads (rules N1, N8).
/// </remarks>
public sealed partial class DeepSeekModel : IDisposable
{
    private readonly ModelNumerics n;
    private readonly Tensor embedding, norm, head;
    private readonly DecoderBlock[] blocks;
    private readonly MtpChain? mtp;
    private readonly Workspace workspace = new();
    private readonly IDisposable? owned;
    private readonly ModelWeights weights;

    /// <summary>A model of weights found by name, such as those of a checkpoint or made in memory.</summary>
    /// <param name="config">Dimensions and choices.</param>
    /// <param name="weights">The tensor of a checkpoint name, or null where there is none. Their memory must outlive the model.</param>
    /// <param name="contract">Numeric decisions; null takes <see cref="DefaultContract"/>.</param>
    /// <param name="backend">Runs the operations.</param>
    /// <param name="source">Names the weights in errors.</param>
    /// <param name="fp8">How the products of FP8 weights are computed.</param>
    /// <exception cref="DataException">A tensor is missing or has another shape.</exception>
    /// <exception cref="ContractException">Weights of a dtype, or a contract, that is not offered.</exception>
    public DeepSeekModel(DeepSeekConfig config, Func<string, Tensor?> weights, NumericContract? contract, IBackend backend, string source = "weights", Fp8Mode fp8 = Fp8Mode.Auto)
        : this(config, weights, contract, backend, source, fp8, null, null)
    {
    }

    internal DeepSeekModel(
        DeepSeekConfig config, Func<string, Tensor?> weights, NumericContract? contract, IBackend backend, string source, Fp8Mode fp8, Func<string, string>? place, IDisposable? owned,
        long keptBytes = QuantizedProducts.KeptBytes)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(backend);
        Config = config;
        Contract = contract ?? DefaultContract(config);
        this.owned = owned;
        n = new ModelNumerics(config, Contract, backend);

        var w = this.weights = new ModelWeights(config, weights, source, backend, place);
        embedding = w.Get("model.embed_tokens.weight", config.VocabSize, config.HiddenSize);
        norm = w.Get("model.norm.weight", config.HiddenSize);
        head = config.TieWordEmbeddings ? embedding : w.Get("lm_head.weight", config.VocabSize, config.HiddenSize);
        blocks = new DecoderBlock[config.NumHiddenLayers];
        for (int i = 0; i < blocks.Length; i++)
            blocks[i] = new DecoderBlock(n, w, i);
        if (config.NumNextnPredictLayers > 0)
            mtp = new MtpChain(n, w, embedding, head);
        n.Products.Decide(fp8, w.Quantized, keptBytes);
    }

    /// <summary>Dimensions and choices.</summary>
    public DeepSeekConfig Config { get; }

    /// <summary>Numeric decisions.</summary>
    public NumericContract Contract { get; }

    /// <summary>Runs the operations.</summary>
    public IBackend Backend => n.Backend;

    /// <summary>How the products of FP8 weights are computed, <see cref="Fp8Mode.Gemm"/> or <see cref="Fp8Mode.Dequantize"/>; null where no weight is FP8.</summary>
    public Fp8Mode? Fp8 => n.Products.Mode;

    /// <summary>Whether <see cref="ForwardOptions.Mtp"/> can be asked for.</summary>
    public bool HasMtp => mtp is not null;

    /// <summary>Opens a directory with config.json and model.safetensors, or shards and their index.</summary>
    /// <param name="directory">The model's directory.</param>
    /// <param name="contract">Numeric decisions; null takes <see cref="DefaultContract"/>.</param>
    /// <param name="backend">Runs the operations.</param>
    /// <param name="fp8">How the products of FP8 weights are computed.</param>
    /// <exception cref="DataException">A file cannot be read, or a tensor is missing or has another shape.</exception>
    /// <exception cref="ContractException">Weights of a dtype, or a contract, that is not offered.</exception>
    public static DeepSeekModel Load(string directory, NumericContract? contract, IBackend backend, Fp8Mode fp8 = Fp8Mode.Auto)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        DeepSeekConfig config = DeepSeekConfig.Load(Path.Combine(directory, "config.json"));
        Checkpoint checkpoint = Checkpoint.Open(directory);
        try
        {
            return Over(checkpoint, config, contract, backend, fp8, checkpoint);
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>A model over a checkpoint that the caller may keep; errors name the file and byte of a tensor.</summary>
    internal static DeepSeekModel Over(Checkpoint checkpoint, DeepSeekConfig config, NumericContract? contract, IBackend backend, Fp8Mode fp8 = Fp8Mode.Auto, IDisposable? owned = null) => new(
        config,
        name => checkpoint.TryGet(name, out Tensor? t) ? t : null,
        contract,
        backend,
        checkpoint.Directory,
        fp8,
        name => $"{checkpoint.FileOf(name)}: tensor '{name}' at byte {checkpoint.Entry(name).FileOffset}",
        owned);

    /// <summary>Canonical for binary32 checkpoints, DeepSeekInference for BF16 and FP8 ones (rule N17).</summary>
    public static NumericContract DefaultContract(DeepSeekConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return config.TorchDtype == DType.F32 && config.QuantizationConfig is null ? NumericContract.Canonical : NumericContract.DeepSeekInference;
    }

    /// <summary>An empty cache for one sequence.</summary>
    /// <param name="capacity">Tokens to make room for.</param>
    /// <param name="fixedCapacity">True to refuse more tokens than that.</param>
    public LatentCache NewCache(int capacity = 0, bool fixedCapacity = false) => new(Config, Contract, capacity, fixedCapacity);

    /// <summary>Memory for the caches of many sequences, of at most this many bytes.</summary>
    /// <param name="maxBytes">What all pages together take at most.</param>
    /// <param name="mtp">True to make room for the MTP modules too.</param>
    /// <exception cref="ContractException">Not one page fits.</exception>
    public LatentPagePool NewPagePool(long maxBytes, bool mtp = false) => new(Config, Contract, maxBytes, mtp);

    /// <summary>Closes the checkpoint that <see cref="Load"/> opened.</summary>
    public void Dispose() => owned?.Dispose();

    /// <summary>The tensor of that name in the checkpoint, as it is stored; null where there is none.</summary>
    internal Tensor? FindWeight(string name) => weights.Find(name);

    /// <summary>File, name and byte of a weight, for errors.</summary>
    internal string PlaceOfWeight(string name) => weights.PlaceOf(name);

    /// <summary>How experts are chosen and weighed.</summary>
    internal Ops.GateAttributes GateRule => n.Gate;

    /// <summary>e_score_correction_bias of a layer (MTP modules follow the main layers), or null.</summary>
    internal Tensor? RoutingBias(int layer) =>
        layer < blocks.Length ? blocks[layer].Experts?.Bias : mtp?.Modules[layer - blocks.Length].Block.Experts?.Bias;
}
