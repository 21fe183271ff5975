using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tests.Model;

/// <summary>Small FP8 models made from a seed: those of <see cref="SyntheticModel"/> with their projections quantised.</summary>
internal static class QuantizedModel
{
    /// <summary>Widths of which none is a multiple of 128.</summary>
    public static DeepSeekConfig Ragged { get; } = SyntheticModel.V3 with { TorchDtype = DType.BF16, QuantizationConfig = Quantization(ScaleFormat.F32) };

    /// <summary>In-features that are multiples of 128, more than one block, an MTP module.</summary>
    public static DeepSeekConfig Whole { get; } = SyntheticModel.V3 with
    {
        HiddenSize = 256,
        IntermediateSize = 384,
        MoeIntermediateSize = 128,
        NumHiddenLayers = 2,
        NumNextnPredictLayers = 1,
        NumAttentionHeads = 2,
        NumKeyValueHeads = 2,
        QLoraRank = 128,
        KvLoraRank = 128,
        QkNopeHeadDim = 32,
        QkRopeHeadDim = 16,
        VHeadDim = 64,
        NRoutedExperts = 4,
        NumExpertsPerTok = 2,
        NGroup = 2,
        TopkGroup = 1,
        TorchDtype = DType.BF16,
        QuantizationConfig = Quantization(ScaleFormat.F32),
    };

    public static QuantizationConfig Quantization(ScaleFormat scales, params string[] left) => new()
    {
        QuantMethod = "fp8",
        Fmt = "e4m3",
        ActivationScheme = "dynamic",
        BlockRows = 128,
        BlockColumns = 128,
        ScaleFmt = scales,
        ModulesToNotConvert = left,
    };

    /// <summary>Every tensor that the config's table lists, in its dtype.</summary>
    public static Dictionary<string, Tensor> Weights(DeepSeekConfig config, ulong seed = 1)
    {
        Dictionary<string, Tensor> plain = SyntheticModel.Weights(config with { QuantizationConfig = null }, config.TorchDtype, seed);
        var backend = new ScalarBackend();
        var weights = new Dictionary<string, Tensor>();
        foreach (Parameter p in new ParameterTable(config).Parameters.Where(p => !p.IsScale))
        {
            weights[p.Name] = plain[p.Name];
            if (p.DType != DType.F8_E4M3)
                continue;
            var codes = new Tensor(DType.F8_E4M3, p.Shape);
            var scales = new Tensor(DType.F32, (p.Shape[0] + 127) / 128, (p.Shape[1] + 127) / 128);
            backend.Quantize(plain[p.Name], new QuantizeAttributes(QuantizationTile.Block128x128, QuantizerArithmetic.TritonActQuant, config.QuantizationConfig!.ScaleFmt), codes, scales);
            weights[p.Name] = codes;
            weights[p.Name + "_scale_inv"] = scales;
        }

        return weights;
    }

    public static DeepSeekModel Make(DeepSeekConfig config, NumericContract contract, IBackend backend, Fp8Mode fp8 = Fp8Mode.Auto, Dictionary<string, Tensor>? weights = null) =>
        new(config, (weights ?? Weights(config)).GetValueOrDefault, contract, backend, "synthetic", fp8);

    /// <summary>A model directory with these weights, in one file or in several shards; a scale never lies in its weight's shard.</summary>
    public static void Write(string directory, DeepSeekConfig config, Dictionary<string, Tensor> weights, int shards = 1)
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "config.json"), Json(config));
        if (shards == 1)
        {
            SafetensorsWriter.Write(Path.Combine(directory, "model.safetensors"), weights);
            return;
        }

        string Shard(string name, int i) => $"model-{((name.EndsWith("_scale_inv", StringComparison.Ordinal) ? i + 1 : i) % shards) + 1:d5}-of-{shards:d5}.safetensors";
        string[] names = [.. weights.Keys.Where(n => !n.EndsWith("_scale_inv", StringComparison.Ordinal))];
        var map = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (int i = 0; i < names.Length; i++)
        {
            map[names[i]] = Shard(names[i], i);
            if (weights.ContainsKey(names[i] + "_scale_inv"))
                map[names[i] + "_scale_inv"] = Shard(names[i] + "_scale_inv", i);
        }

        foreach (IGrouping<string, string> shard in map.GroupBy(m => m.Value, m => m.Key))
            SafetensorsWriter.Write(Path.Combine(directory, shard.Key), shard.Select(n => KeyValuePair.Create(n, weights[n])));
        File.WriteAllText(Path.Combine(directory, "model.safetensors.index.json"), System.Text.Json.JsonSerializer.Serialize(new { metadata = new { }, weight_map = map }));
    }

    /// <summary>The config.json of such a config.</summary>
    public static string Json(DeepSeekConfig config)
    {
        var text = new ConfigText
        {
            ["vocab_size"] = $"{config.VocabSize}",
            ["hidden_size"] = $"{config.HiddenSize}",
            ["intermediate_size"] = $"{config.IntermediateSize}",
            ["moe_intermediate_size"] = $"{config.MoeIntermediateSize}",
            ["num_hidden_layers"] = $"{config.NumHiddenLayers}",
            ["num_nextn_predict_layers"] = $"{config.NumNextnPredictLayers}",
            ["first_k_dense_replace"] = $"{config.FirstKDenseReplace}",
            ["num_attention_heads"] = $"{config.NumAttentionHeads}",
            ["num_key_value_heads"] = $"{config.NumKeyValueHeads}",
            ["q_lora_rank"] = $"{config.QLoraRank}",
            ["kv_lora_rank"] = $"{config.KvLoraRank}",
            ["qk_nope_head_dim"] = $"{config.QkNopeHeadDim}",
            ["qk_rope_head_dim"] = $"{config.QkRopeHeadDim}",
            ["v_head_dim"] = $"{config.VHeadDim}",
            ["n_routed_experts"] = $"{config.NRoutedExperts}",
            ["n_shared_experts"] = $"{config.NSharedExperts}",
            ["num_experts_per_tok"] = $"{config.NumExpertsPerTok}",
            ["n_group"] = $"{config.NGroup}",
            ["topk_group"] = $"{config.TopkGroup}",
            ["max_position_embeddings"] = $"{config.MaxPositionEmbeddings}",
            ["rope_scaling"] = """{"type": "yarn", "factor": 4, "original_max_position_embeddings": 16, "mscale": 1, "mscale_all_dim": 1}""",
            ["torch_dtype"] = config.TorchDtype == DType.F32 ? "\"float32\"" : "\"bfloat16\"",
        };
        if (config.QuantizationConfig is not { } q)
            text.Remove("quantization_config");
        else if (q.ScaleFmt == ScaleFormat.UE8M0)
            text["quantization_config"] = """{"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [128, 128], "scale_fmt": "ue8m0"}""";
        return text.ToString();
    }
}
