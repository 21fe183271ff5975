using System.Text.Json;
using System.Text.Unicode;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference;

/// <summary>From the JSON of a config.json to <see cref="DeepSeekConfig"/>: names, defaults by generation, newer spellings.</summary>
internal static class ConfigReader
{
    /// <summary>A configuration is a few kilobytes; a larger file is not one.</summary>
    public const int MaximumLength = 16 << 20;

    public static DeepSeekConfig Read(ReadOnlySpan<byte> utf8, string source)
    {
        if (!Utf8.IsValid(utf8))
            throw new DataException($"{source}: not UTF-8 text; name the model's config.json");
        try
        {
            using var document = JsonDocument.Parse(utf8.ToArray(), new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new DataException($"{source}: not a JSON object; name the model's config.json");
            return Read(new ConfigFields(source, "", document.RootElement));
        }
        catch (JsonException e)
        {
            throw new DataException($"{source}: {e.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ')}; correct the JSON text", e);
        }
        catch (InvalidOperationException e)
        {
            // The only text a JsonElement refuses late: an escape that is half a surrogate pair.
            throw new DataException($"{source}: a string with half a surrogate pair; correct the JSON text", e);
        }
    }

    private static DeepSeekConfig Read(ConfigFields f)
    {
        string type = f.OptionalString("model_type") ?? "deepseek_v3";
        if (f.Has("index_topk"))
            throw new DataException($"{f.Source}: index_topk asks for sparse attention (V3.2), which is not supported; use a V3 or V2 checkpoint");

        bool v2 = type == "deepseek_v2";
        int heads = f.RequiredInt("num_attention_heads");
        int? experts = f.OptionalInt("n_routed_experts");
        bool moe = experts is not null;
        int groups = f.OptionalInt("n_group") ?? 1;
        int rank = f.OptionalInt("q_lora_rank") ?? 0;
        (double theta, RopeScaling? scaling) = ReadRope(f);
        ConfigFields? quantization = f.OptionalObject("quantization_config");

        return new DeepSeekConfig
        {
            Architectures = f.Strings("architectures"),
            AutoMap = f.StringMap("auto_map"),
            ModelType = type,
            VocabSize = f.RequiredInt("vocab_size"),
            HiddenSize = f.RequiredInt("hidden_size"),
            IntermediateSize = f.RequiredInt("intermediate_size"),
            MoeIntermediateSize = moe ? f.RequiredInt("moe_intermediate_size") : f.OptionalInt("moe_intermediate_size") ?? 0,
            NumHiddenLayers = f.RequiredInt("num_hidden_layers"),
            NumNextnPredictLayers = f.OptionalInt("num_nextn_predict_layers") ?? 0,
            FirstKDenseReplace = f.OptionalInt("first_k_dense_replace") ?? 0,
            MoeLayerFreq = f.OptionalInt("moe_layer_freq") ?? 1,
            NumAttentionHeads = heads,
            NumKeyValueHeads = f.OptionalInt("num_key_value_heads") ?? heads,
            QLoraRank = rank == 0 ? null : rank,
            KvLoraRank = f.RequiredInt("kv_lora_rank"),
            QkNopeHeadDim = f.RequiredInt("qk_nope_head_dim"),
            QkRopeHeadDim = f.RequiredInt("qk_rope_head_dim"),
            VHeadDim = f.RequiredInt("v_head_dim"),
            NRoutedExperts = experts,
            NSharedExperts = f.OptionalInt("n_shared_experts") ?? 0,
            NumExpertsPerTok = moe ? f.RequiredInt("num_experts_per_tok") : f.OptionalInt("num_experts_per_tok") ?? 0,
            NGroup = groups,
            TopkGroup = f.OptionalInt("topk_group") ?? 1,
            TopkMethod = f.OptionalString("topk_method") switch
            {
                "noaux_tc" => TopkMethod.NoAuxTc,
                "group_limited_greedy" => TopkMethod.GroupLimitedGreedy,
                "greedy" => TopkMethod.Greedy,
                null => !v2 ? TopkMethod.NoAuxTc : groups > 1 ? TopkMethod.GroupLimitedGreedy : TopkMethod.Greedy,
                var other => throw f.Unknown("topk_method", other, "noaux_tc, group_limited_greedy or greedy"),
            },
            ScoringFunc = f.OptionalString("scoring_func") switch
            {
                "sigmoid" => ScoringFunc.Sigmoid,
                "softmax" => ScoringFunc.Softmax,
                null => v2 ? ScoringFunc.Softmax : ScoringFunc.Sigmoid,
                var other => throw f.Unknown("scoring_func", other, "sigmoid or softmax"),
            },
            NormTopkProb = f.OptionalBool("norm_topk_prob") ?? !v2,
            RoutedScalingFactor = moe ? f.RequiredNumber("routed_scaling_factor") : f.OptionalNumber("routed_scaling_factor") ?? 1,
            AuxLossAlpha = f.OptionalNumber("aux_loss_alpha") ?? 0,
            SeqAux = f.OptionalBool("seq_aux") ?? true,
            EpSize = f.OptionalInt("ep_size") ?? 1,
            PretrainingTp = f.OptionalInt("pretraining_tp") ?? 1,
            HiddenAct = f.OptionalString("hidden_act") ?? "silu",
            RmsNormEps = f.OptionalNumber("rms_norm_eps") ?? 1e-6,
            InitializerRange = f.OptionalNumber("initializer_range") ?? 0.02,
            AttentionBias = f.OptionalBool("attention_bias") ?? false,
            AttentionDropout = f.OptionalNumber("attention_dropout") ?? 0,
            MaxPositionEmbeddings = f.OptionalInt("max_position_embeddings") ?? DefaultLength(scaling),
            RopeTheta = theta,
            RopeScaling = scaling,
            RopeInterleave = f.OptionalBool("rope_interleave") ?? true,
            TieWordEmbeddings = f.OptionalBool("tie_word_embeddings") ?? false,
            BosTokenId = f.TokenId("bos_token_id"),
            EosTokenId = f.TokenId("eos_token_id"),
            TorchDtype = ReadDType(f),
            QuantizationConfig = quantization is { } q ? ReadQuantization(q) : null,
            TransformersVersion = f.OptionalString("transformers_version"),
            UseCache = f.OptionalBool("use_cache") ?? true,
        };
    }

    private static int DefaultLength(RopeScaling? scaling) =>
        scaling is null ? 4096 : (int)Math.Clamp(scaling.Factor * scaling.OriginalMaxPositionEmbeddings, 1, int.MaxValue);

    /// <summary>rope_theta and rope_scaling, or both within the newer rope_parameters.</summary>
    private static (double Theta, RopeScaling? Scaling) ReadRope(ConfigFields f)
    {
        ConfigFields? parameters = f.OptionalObject("rope_parameters");
        ConfigFields? scaling = f.OptionalObject("rope_scaling");
        if (parameters is not null && scaling is not null)
            throw new DataException($"{f.Source}: both rope_parameters and its older spelling rope_scaling; keep one of them");

        double? theta = f.OptionalNumber("rope_theta");
        double? inner = parameters?.OptionalNumber("rope_theta");
        if (theta is not null && inner is not null && theta != inner)
            throw new DataException($"{f.Source}: rope_theta is {theta} but rope_parameters.rope_theta {inner}; keep one of them");
        return (theta ?? inner ?? 10000, (parameters ?? scaling) is { } rope ? ReadScaling(rope) : null);
    }

    private static RopeScaling? ReadScaling(ConfigFields f)
    {
        string? type = f.OptionalString("type");
        string? newer = f.OptionalString("rope_type");
        if (type is not null && newer is not null && type != newer)
            throw new DataException($"{f.Source}: {f.Name("type")} is '{type}' but {f.Name("rope_type")} '{newer}'; keep one of them");
        switch (type ?? newer)
        {
            case "default":
                return null;
            case "yarn":
                if (f.OptionalBool("truncate") == false)
                    throw new DataException($"{f.Source}: {f.Name("truncate")} is false, which leaves the ends of YaRN's ramp unrounded and is not supported; DeepSeek's models round them");
                var scaling = new RopeScaling
                {
                    Type = RopeScalingType.Yarn,
                    Factor = f.RequiredNumber("factor"),
                    OriginalMaxPositionEmbeddings = f.RequiredInt("original_max_position_embeddings"),
                    BetaFast = f.OptionalNumber("beta_fast") ?? 32,
                    BetaSlow = f.OptionalNumber("beta_slow") ?? 1,
                    MScale = f.OptionalNumber("mscale") ?? 1,
                    HasMScale = f.Has("mscale"),
                    MScaleAllDim = f.OptionalNumber("mscale_all_dim") ?? 0,
                };
                // A number of the file in place of one that follows from it: it may be there, and must be the same.
                if (f.OptionalNumber("attention_factor") is { } factor && Math.Abs(factor - Magnitude(scaling)) > 1e-6 * Math.Abs(factor))
                    throw new DataException($"{f.Source}: {f.Name("attention_factor")} is {factor} where mscale and mscale_all_dim give {Magnitude(scaling)}; another is not supported, remove it");
                return scaling;
            case null:
                throw new DataException($"{f.Source}: {f.Name("type")} is missing; add it ('yarn')");
            case var other:
                throw f.Unknown("type", other, "yarn");
        }
    }

    private static float Magnitude(RopeScaling s) => s.Factor > 0
        ? RopeTable.Magnitude(s.Parameters(MScaleSource.AllDim), MScaleSource.AllDim)
        : float.NaN; // refused with the other fields, by name

    private static QuantizationConfig ReadQuantization(ConfigFields f)
    {
        IReadOnlyList<int> block = f.RequiredInts("weight_block_size", 2);
        return new QuantizationConfig
        {
            QuantMethod = f.OneOf("quant_method", f.RequiredString("quant_method"), "fp8"),
            Fmt = f.OneOf("fmt", f.OptionalString("fmt") ?? "e4m3", "e4m3"),
            ActivationScheme = f.OneOf("activation_scheme", f.OptionalString("activation_scheme") ?? "dynamic", "dynamic"),
            BlockRows = block[0],
            BlockColumns = block[1],
            ModulesToNotConvert = f.Has("modules_to_not_convert") ? f.Strings("modules_to_not_convert") : f.Strings("ignored_layers"),
            ScaleFmt = f.OptionalString("scale_fmt") switch
            {
                null or "float" => ScaleFormat.F32,
                "ue8m0" => ScaleFormat.UE8M0,
                var other => throw f.Unknown("scale_fmt", other, "ue8m0 or none"),
            },
        };
    }

    private static DType ReadDType(ConfigFields f)
    {
        string? older = f.OptionalString("torch_dtype");
        string? newer = f.OptionalString("dtype");
        if (older is not null && newer is not null && older != newer)
            throw new DataException($"{f.Source}: torch_dtype is '{older}' but dtype '{newer}'; keep one of them");
        return (older ?? newer) switch
        {
            "bfloat16" => DType.BF16,
            "float32" or null => DType.F32,
            "float16" => DType.F16,
            "float64" => DType.F64,
            var other => throw f.Unknown(older is null ? "dtype" : "torch_dtype", other, "bfloat16, float16, float32 or float64"),
        };
    }
}
