using System.Diagnostics.CodeAnalysis;

namespace DeepSeek.Reference;

/// <summary>Every tensor of a model and its totals, from the config alone.</summary>
/// <remarks>
/// Names and shapes: docs/spec/checkpoints.md 2. Formats: <c>torch_dtype</c>; the correction bias F32; with <c>quantization_config</c> the projections of
/// attention, MLPs and experts F8_E4M3 with a <c>weight_scale_inv</c> F32 [⌈out/rows⌉, ⌈in/columns⌉]. Embedding, head, norms, gate and <c>eh_proj</c> stay as they are.
/// </remarks>
public sealed class ParameterTable
{
    private readonly Dictionary<string, Parameter> byName;

    /// <summary>The table of a config.</summary>
    public ParameterTable(DeepSeekConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config;
        Parameters = [.. new ParameterLayout(config).All()];
        byName = Parameters.ToDictionary(p => p.Name);
    }

    /// <summary>The config the table was made from.</summary>
    public DeepSeekConfig Config { get; }

    /// <summary>Every tensor, in the order of the forward pass; MTP modules last.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Parameters of the main model. V3: 671,026,419,200.</summary>
    public long MainCount => Count(p => !p.IsMtp);

    /// <summary>Parameters of the MTP modules, without their copies of embedding and head. V3: 11.61 B.</summary>
    public long MtpCount => Count(p => p.IsMtp && !p.IsDuplicate);

    /// <summary>Parameters of the MTP modules' copies of embedding and head. V3: 1.85 B.</summary>
    public long DuplicateCount => Count(p => p.IsDuplicate);

    /// <summary>All parameters of the checkpoint. V3: 684.49 B.</summary>
    public long TotalCount => Count(_ => true);

    /// <summary>Parameters of the main model that a token uses, with the whole embedding and the head. V3: 37.55 B.</summary>
    public long ActivatedCount => Count(p => !p.IsMtp && (p.Expert is null || p.Expert < Config.NumExpertsPerTok));

    /// <summary>The same without the embedding, of which a token takes one row. V3: 36.63 B.</summary>
    public long ActivatedCountWithoutEmbedding => ActivatedCount - (Config.TieWordEmbeddings ? 0 : (long)Config.VocabSize * Config.HiddenSize);

    /// <summary>Bytes of all tensors on disk, scales and copies included.</summary>
    public long ByteCount => Parameters.Sum(p => p.ByteCount);

    /// <summary>Parameters in FP8, those of MTP modules included.</summary>
    public long Fp8Count => Count(p => p.DType == DType.F8_E4M3);

    /// <summary>Bytes of the scales of FP8 weights: 4 for each block of 128 x 128.</summary>
    public long ScaleByteCount => Parameters.Where(p => p.IsScale).Sum(p => p.ByteCount);

    /// <summary>Values a token leaves in the latent cache of one layer: c and the rotated key. V3: 576.</summary>
    public int CacheValuesPerTokenAndLayer => Config.KvLoraRank + Config.QkRopeHeadDim;

    /// <summary>The tensor of that name, if the model has it.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out Parameter? parameter) => byName.TryGetValue(name, out parameter);

    /// <summary>Bytes a token takes in the latent cache of the main layers, and of the MTP modules if wanted. V3 at BF16: 70,272 and 71,424.</summary>
    public long CacheBytesPerToken(DType dtype, bool withMtp = false) =>
        (withMtp ? Config.TotalLayers : Config.NumHiddenLayers) * dtype.ByteCount(CacheValuesPerTokenAndLayer);

    /// <summary>
    /// The same for an FP8 cache: for each layer c codes, 4 bytes for each 128 of them or fewer, and the rotated key in BF16. V3: 656 bytes a layer, 40,016 and 40,672.
    /// </summary>
    public long Fp8CacheBytesPerToken(bool withMtp = false) =>
        (withMtp ? Config.TotalLayers : Config.NumHiddenLayers) * Model.CacheLayer.BytesFor(Config, Ops.CacheFormat.Fp8, DType.BF16);

    /// <summary>
    /// Refuses a checkpoint that lacks a tensor of the model, or has one of another shape or dtype. Tensors the model does not know are left alone; so are projections
    /// of <c>torch_dtype</c>, without a scale, where the config has FP8.
    /// </summary>
    /// <exception cref="DataException">One line: file, tensor, what it is, what was expected, the remedy.</exception>
    public static void Validate(Checkpoint checkpoint, DeepSeekConfig config)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        foreach (Parameter expected in new ParameterLayout(config).All())
        {
            if (!checkpoint.Contains(expected.Name))
            {
                if (expected.IsDuplicate || (expected.IsScale && IsPlain(checkpoint, expected.Name[..^"_scale_inv".Length], config)))
                    continue;
                throw new DataException($"{checkpoint.Directory}: tensor '{expected.Name}' ({expected.DType.Name()} {expected.Shape}) is missing; check that the weights belong to the config");
            }

            TensorEntry entry = checkpoint.Entry(expected.Name);
            string where = $"{checkpoint.FileOf(expected.Name)}: tensor '{expected.Name}' at byte {entry.FileOffset}";
            if (entry.Shape != expected.Shape)
                throw new DataException($"{where} has shape {entry.Shape}, but the config asks for {expected.Shape}; check that the weights belong to the config");
            if (entry.DType != expected.DType && !(expected.DType == DType.F8_E4M3 && entry.DType == config.TorchDtype))
                throw new DataException($"{where} is {entry.DType.Name()}, but the config asks for {expected.DType.Name()}; convert it, or correct torch_dtype or quantization_config");
        }
    }

    /// <summary>Whether a projection that the config quantises was left as it was: a mixed checkpoint.</summary>
    private static bool IsPlain(Checkpoint checkpoint, string weight, DeepSeekConfig config) => checkpoint.Contains(weight) && checkpoint.Entry(weight).DType == config.TorchDtype;

    private long Count(Func<Parameter, bool> counted) => Parameters.Where(p => !p.IsScale && counted(p)).Sum(p => p.ElementCount);
}
