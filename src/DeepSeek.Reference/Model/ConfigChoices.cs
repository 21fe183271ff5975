using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference;

/// <summary>How a layer's gate picks its experts (<c>topk_method</c>).</summary>
public enum TopkMethod
{
    /// <summary><c>noaux_tc</c>, V3: a correction bias, group score = sum of the two best, the best groups kept.</summary>
    NoAuxTc,

    /// <summary><c>group_limited_greedy</c>, V2: no bias, group score = the best, the best groups kept.</summary>
    GroupLimitedGreedy,

    /// <summary><c>greedy</c>, V2-Lite: the best experts of all.</summary>
    Greedy,
}

/// <summary>How router logits become scores (<c>scoring_func</c>).</summary>
public enum ScoringFunc
{
    /// <summary>Each logit by itself, V3.</summary>
    Sigmoid,

    /// <summary>Over all experts, V2.</summary>
    Softmax,
}

/// <summary>How positions beyond the trained length are reached (<c>rope_scaling.type</c>).</summary>
public enum RopeScalingType
{
    /// <summary>YaRN: interpolation ramped over the frequencies.</summary>
    Yarn,
}

/// <summary>The format of the scales of an FP8 checkpoint (<c>quantization_config.scale_fmt</c>).</summary>
public enum ScaleFormat
{
    /// <summary>Any binary32 (absent in the file).</summary>
    F32,

    /// <summary>Powers of two (<c>ue8m0</c>, V3.1).</summary>
    UE8M0,
}

/// <summary>YaRN's parameters (<c>rope_scaling</c>); docs/spec/rope.md 2.</summary>
public sealed record RopeScaling
{
    /// <summary><c>type</c> (or <c>rope_type</c>).</summary>
    public RopeScalingType Type { get; init; }

    /// <summary><c>factor</c>: how many times longer than trained.</summary>
    public required double Factor { get; init; }

    /// <summary><c>original_max_position_embeddings</c>: the trained length.</summary>
    public required int OriginalMaxPositionEmbeddings { get; init; }

    /// <summary><c>beta_fast</c>: turns at the trained length above which a frequency is kept; 32.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary><c>beta_slow</c>: turns below which a frequency is interpolated whole; 1.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary><c>mscale</c>; 1 where absent.</summary>
    public double MScale { get; init; } = 1;

    /// <summary>Whether the file has a <c>mscale</c>: a missing one is 1 in DeepSeek's code, and counts as 0 in transformers' factor of cos and sin.</summary>
    public bool HasMScale { get; init; } = true;

    /// <summary><c>mscale_all_dim</c>; 0 (no change of the softmax scale) where absent.</summary>
    public double MScaleAllDim { get; init; }

    /// <summary>As the rotation takes them, under a contract's reading of mscale.</summary>
    internal YarnParameters Parameters(MScaleSource source) => new(
        Factor, OriginalMaxPositionEmbeddings, BetaFast, BetaSlow, HasMScale || source == MScaleSource.MScale ? MScale : 0, MScaleAllDim);
}

/// <summary>FP8 weights with a binary32 scale for each block (<c>quantization_config</c>).</summary>
public sealed record QuantizationConfig
{
    /// <summary><c>quant_method</c>: <c>fp8</c>.</summary>
    public required string QuantMethod { get; init; }

    /// <summary><c>fmt</c>: <c>e4m3</c>.</summary>
    public required string Fmt { get; init; }

    /// <summary><c>activation_scheme</c>: <c>dynamic</c>.</summary>
    public required string ActivationScheme { get; init; }

    /// <summary><c>weight_block_size[0]</c>: output rows that share a scale.</summary>
    public required int BlockRows { get; init; }

    /// <summary><c>weight_block_size[1]</c>: input columns that share a scale.</summary>
    public required int BlockColumns { get; init; }

    /// <summary><c>scale_fmt</c>.</summary>
    public ScaleFormat ScaleFmt { get; init; }

    /// <summary>
    /// <c>modules_to_not_convert</c> (or <c>ignored_layers</c>): modules whose projections are not FP8. A name stands for a module and all inside it, written in full or from
    /// any component on: <c>lm_head</c>, <c>model.layers.61</c>, <c>self_attn.kv_b_proj</c>.
    /// </summary>
    public IReadOnlyList<string> ModulesToNotConvert { get; init; } = [];

    /// <summary>Whether the projection of that name (without <c>.weight</c>) is FP8.</summary>
    public bool Converts(string module)
    {
        ArgumentNullException.ThrowIfNull(module);
        foreach (string left in ModulesToNotConvert)
        {
            for (int at = module.IndexOf(left, StringComparison.Ordinal); at >= 0 && left.Length > 0; at = module.IndexOf(left, at + 1, StringComparison.Ordinal))
            {
                int end = at + left.Length;
                if ((at == 0 || module[at - 1] == '.') && (end == module.Length || module[end] == '.'))
                    return false;
            }
        }

        return true;
    }
}
