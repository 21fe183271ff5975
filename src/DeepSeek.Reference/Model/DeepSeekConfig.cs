namespace DeepSeek.Reference;

/// <summary>A model's dimensions and choices, from Hugging Face's <c>config.json</c>; names are the file's in PascalCase.</summary>
/// <remarks>
/// V3 and V2 files are read alike; the fields that V2 lacks take V2's behaviour. Every instance that <see cref="Load"/> and <see cref="Parse"/> give
/// has passed <see cref="Validate"/>. Fields and their meaning: docs/spec/deepseek-v3.md 2; unknown fields are ignored.
/// </remarks>
public sealed partial record DeepSeekConfig
{
    /// <summary>Class names; informational.</summary>
    public IReadOnlyList<string> Architectures { get; init; } = [];

    /// <summary>Python classes of remote code; informational.</summary>
    public IReadOnlyDictionary<string, string> AutoMap { get; init; } = new Dictionary<string, string>();

    /// <summary><c>deepseek_v3</c>, <c>deepseek_v2</c>, or a derivative's name.</summary>
    public string ModelType { get; init; } = "deepseek_v3";

    /// <summary>V: rows of the embedding and of the head.</summary>
    public required int VocabSize { get; init; }

    /// <summary>d: width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Inner width of the dense MLP layers.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Inner width of each expert; 0 in a dense model.</summary>
    public int MoeIntermediateSize { get; init; }

    /// <summary>Main layers, ids 0 to NumHiddenLayers - 1.</summary>
    public required int NumHiddenLayers { get; init; }

    /// <summary>D: MTP modules, stored as the layer ids that follow the main ones.</summary>
    public int NumNextnPredictLayers { get; init; }

    /// <summary>The first layers, which are dense.</summary>
    public int FirstKDenseReplace { get; init; }

    /// <summary>Of the layers after those, the multiples of this number have experts.</summary>
    public int MoeLayerFreq { get; init; } = 1;

    /// <summary>H: attention heads.</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>Equal to <see cref="NumAttentionHeads"/> in multi-head latent attention.</summary>
    public required int NumKeyValueHeads { get; init; }

    /// <summary>Width of the compressed query; null: the query is projected in one step.</summary>
    public int? QLoraRank { get; init; }

    /// <summary>Width of the latent c that the cache holds.</summary>
    public required int KvLoraRank { get; init; }

    /// <summary>Width of a head's part without position.</summary>
    public required int QkNopeHeadDim { get; init; }

    /// <summary>Width of a head's rotated part; even.</summary>
    public required int QkRopeHeadDim { get; init; }

    /// <summary>Width of a head's value.</summary>
    public required int VHeadDim { get; init; }

    /// <summary>E: routed experts; null: every layer is dense.</summary>
    public int? NRoutedExperts { get; init; }

    /// <summary>N_s: shared experts, stored as one MLP; 0 where the model has none.</summary>
    public int NSharedExperts { get; init; }

    /// <summary>K: routed experts a token uses; 0 in a dense model.</summary>
    public int NumExpertsPerTok { get; init; }

    /// <summary>G: groups the experts fall into.</summary>
    public int NGroup { get; init; } = 1;

    /// <summary>M: groups a token may use.</summary>
    public int TopkGroup { get; init; } = 1;

    /// <summary>How experts are picked.</summary>
    public TopkMethod TopkMethod { get; init; }

    /// <summary>How logits become scores.</summary>
    public ScoringFunc ScoringFunc { get; init; }

    /// <summary>Whether the picked scores are divided by their sum.</summary>
    public bool NormTopkProb { get; init; }

    /// <summary>Factor on the picked scores, after normalisation.</summary>
    public double RoutedScalingFactor { get; init; } = 1;

    /// <summary>Weight of the auxiliary loss; legacy, not V3's training value.</summary>
    public double AuxLossAlpha { get; init; }

    /// <summary>Whether the auxiliary loss is per sequence; legacy.</summary>
    public bool SeqAux { get; init; } = true;

    /// <summary>Expert-parallel ranks; unused.</summary>
    public int EpSize { get; init; } = 1;

    /// <summary>Tensor-parallel ranks of pre-training; unused.</summary>
    public int PretrainingTp { get; init; } = 1;

    /// <summary>The gate's activation: <c>silu</c>.</summary>
    public string HiddenAct { get; init; } = "silu";

    /// <summary>Epsilon of every norm; the kernels round it to binary32 once.</summary>
    public double RmsNormEps { get; init; } = 1e-6;

    /// <summary>Hugging Face's initialisation width; informational.</summary>
    public double InitializerRange { get; init; } = 0.02;

    /// <summary>Always false: projections have no bias.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Dropout of attention in training; informational.</summary>
    public double AttentionDropout { get; init; }

    /// <summary>The longest sequence.</summary>
    public int MaxPositionEmbeddings { get; init; }

    /// <summary>Base of the rotary frequencies.</summary>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>YaRN; null: plain rotary embedding.</summary>
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>Whether the checkpoint's rotary pairs are neighbours (2i, 2i+1); true in every DeepSeek checkpoint.</summary>
    public bool RopeInterleave { get; init; } = true;

    /// <summary>Whether the head is the embedding; then the checkpoint has no <c>lm_head.weight</c>.</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>Id that begins a text; null where the file names none.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>Id that ends a text; null where the file names none.</summary>
    public int? EosTokenId { get; init; }

    /// <summary>Format of the tensors that are not FP8 (<c>torch_dtype</c>, newer <c>dtype</c>); binary32 where absent, as in Hugging Face.</summary>
    public DType TorchDtype { get; init; }

    /// <summary>FP8 weights; null: none.</summary>
    public QuantizationConfig? QuantizationConfig { get; init; }

    /// <summary>Version that wrote the file; informational.</summary>
    public string? TransformersVersion { get; init; }

    /// <summary>Whether generation keeps a cache; informational.</summary>
    public bool UseCache { get; init; } = true;

    /// <summary>Width of a head's query and key: without position and rotated together.</summary>
    public int QkHeadDim => QkNopeHeadDim + QkRopeHeadDim;

    /// <summary>Inner width of the shared experts taken as one MLP.</summary>
    public int SharedIntermediateSize => NSharedExperts * MoeIntermediateSize;

    /// <summary>Whether the gate adds <c>e_score_correction_bias</c> before it picks.</summary>
    public bool HasCorrectionBias => TopkMethod == TopkMethod.NoAuxTc;

    /// <summary>Main layers and MTP modules.</summary>
    public int TotalLayers => NumHiddenLayers + NumNextnPredictLayers;

    /// <summary>Whether layer <paramref name="i"/> has experts; MTP modules are layers too.</summary>
    public bool IsMoeLayer(int i) => NRoutedExperts is not null && i >= FirstKDenseReplace && i % MoeLayerFreq == 0;

    /// <summary>Reads a file.</summary>
    /// <exception cref="DataException">The file cannot be read, a field is missing or of the wrong kind, or fields contradict each other.</exception>
    public static DeepSeekConfig Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var file = new MappedFile(path);
        if (file.Length > ConfigReader.MaximumLength)
            throw new DataException($"{path}: {file.Length} bytes are too many for a configuration (limit {ConfigReader.MaximumLength}); name the model's config.json");
        return Parse(file.Slice(0, (int)file.Length), path);
    }

    /// <summary>Reads UTF-8 JSON; <paramref name="source"/> names it in errors.</summary>
    /// <exception cref="DataException">A field is missing or of the wrong kind, or fields contradict each other.</exception>
    public static DeepSeekConfig Parse(ReadOnlySpan<byte> utf8, string source)
    {
        DeepSeekConfig config = ConfigReader.Read(utf8, source);
        config.Validate(source);
        return config;
    }
}
