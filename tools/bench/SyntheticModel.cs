using System.Text;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Bench;

/// <summary>The synthetic model that speed is compared on: 390 M parameters, 114.6 M of them active, random weights from a seed.</summary>
/// <remarks>
/// Weights are bell-shaped with standard deviation 0.02 (Philox by tensor name, seed 0x390), norms 1, routing bias 0; BF16, or the same
/// values widened to F32. Weights that a token of prefill multiplies: 81.8 M, so 163.6 MFLOP a token.
/// </remarks>
internal static class SyntheticModel
{
    public const double PrefillFlopsPerToken = 163.6e6;

    private const ulong Seed = 0x390;

    private const string ConfigJson = """
        {
          "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3",
          "hidden_size": 1024, "num_hidden_layers": 12, "first_k_dense_replace": 1, "intermediate_size": 2816,
          "n_routed_experts": 32, "num_experts_per_tok": 4, "n_group": 8, "topk_group": 4, "moe_intermediate_size": 256, "n_shared_experts": 1,
          "moe_layer_freq": 1, "num_attention_heads": 16, "num_key_value_heads": 16, "q_lora_rank": 384, "kv_lora_rank": 128,
          "qk_nope_head_dim": 64, "qk_rope_head_dim": 32, "v_head_dim": 64, "vocab_size": 32000, "rope_theta": 10000, "rope_scaling": null,
          "max_position_embeddings": 4096, "rms_norm_eps": 1e-06, "scoring_func": "sigmoid", "topk_method": "noaux_tc", "norm_topk_prob": true,
          "routed_scaling_factor": 2.5, "hidden_act": "silu", "attention_bias": false, "tie_word_embeddings": false, "num_nextn_predict_layers": 0,
          "bos_token_id": 0, "eos_token_id": 1, "torch_dtype": "bfloat16"
        }
        """;

    public static DeepSeekConfig Config { get; } = DeepSeekConfig.Parse(Encoding.UTF8.GetBytes(ConfigJson), "synthetic config");

    /// <summary>
    /// Flops of a token in a training sequence: 3 · (2 · activated weights without the embedding + 2 · (d_qk + d_v) · heads · layers · keys that a token sees in the mean), the
    /// backward counted as twice the forward and nothing that is computed again.
    /// </summary>
    public static double TrainingFlopsPerToken(int tokens)
    {
        double attention = (Config.QkNopeHeadDim + Config.QkRopeHeadDim + Config.VHeadDim) * Config.NumAttentionHeads * Config.NumHiddenLayers * (tokens + 1) / 2.0;
        return 3 * 2 * (new ParameterTable(Config).ActivatedCountWithoutEmbedding + attention);
    }

    /// <summary>Every tensor by name, with float weights of the dtype.</summary>
    public static Dictionary<string, Tensor> Weights(DType dtype, DeepSeekConfig? config = null)
    {
        var weights = new Dictionary<string, Tensor>();
        foreach (Parameter p in new ParameterTable(config ?? Config).Parameters)
            weights.Add(p.Name, Weight(p, p.DType == DType.F32 ? DType.F32 : dtype));
        return weights;
    }

    /// <summary>The config of <see cref="Float8Weights"/>.</summary>
    public static DeepSeekConfig Float8Config { get; } = DeepSeekConfig.Parse(
        Encoding.UTF8.GetBytes(ConfigJson.TrimEnd().TrimEnd('}') + """, "quantization_config": { "quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [128, 128] } }"""),
        "synthetic config");

    /// <summary>The BF16 weights with every projection as DeepSeek's checkpoints have it: E4M3 with a scale for each block of 128 x 128. The head, the embedding and the gate stay BF16.</summary>
    public static Dictionary<string, Tensor> Float8Weights()
    {
        var weights = new Dictionary<string, Tensor>();
        var backend = new SimdBackend();
        foreach ((string name, Tensor weight) in Weights(DType.BF16))
        {
            if (!(name.EndsWith("_proj.weight", StringComparison.Ordinal) || name.EndsWith("_proj_with_mqa.weight", StringComparison.Ordinal)))
            {
                weights.Add(name, weight);
                continue;
            }

            var codes = new Tensor(DType.F8_E4M3, weight.Shape);
            var scales = new Tensor(DType.F32, (weight.Shape[0] + 127) / 128, (weight.Shape[1] + 127) / 128);
            backend.Quantize(weight, new QuantizeAttributes(QuantizationTile.Block128x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32), codes, scales);
            weights.Add(name, codes);
            weights.Add($"{name}_scale_inv", scales);
        }

        return weights;
    }

    /// <summary>Writes config.json and model.safetensors for other engines to be measured on.</summary>
    public static int Make(string directory, DType dtype)
    {
        Directory.CreateDirectory(directory);
        string text = dtype == DType.F32 ? ConfigJson.Replace("\"bfloat16\"", "\"float32\"", StringComparison.Ordinal) : ConfigJson;
        File.WriteAllText(Path.Combine(directory, "config.json"), text);
        SafetensorsWriter.Write(Path.Combine(directory, "model.safetensors"), Weights(dtype));
        Console.WriteLine($"wrote {directory}");
        return 0;
    }

    private static Tensor Weight(Parameter p, DType dtype)
    {
        var narrow = new Tensor(DType.BF16, p.Shape);
        Span<BFloat16> values = narrow.AsSpan<BFloat16>();
        if (p.Name.EndsWith("norm.weight", StringComparison.Ordinal))
        {
            values.Fill(BFloat16.One);
        }
        else if (!p.Name.EndsWith("e_score_correction_bias", StringComparison.Ordinal))
        {
            // Bell has standard deviation 1/√3.
            const float Scale = 0.02f * 1.7320508f;
            uint key0 = (uint)Seed;
            uint key1 = (uint)(Seed >> 32) ^ Philox.HashName(p.Name);
            for (int i = 0; i < values.Length; i += 2)
            {
                (uint w0, uint w1, uint w2, uint w3) = Philox.Block(key0, key1, (uint)(i / 2), 0, 0, 0);
                values[i] = BFloat16.Round(Scale * ValueMaps.Bell(w0, w1));
                if (i + 1 < values.Length)
                    values[i + 1] = BFloat16.Round(Scale * ValueMaps.Bell(w2, w3));
            }
        }

        if (dtype == DType.BF16)
            return narrow;
        var wide = new Tensor(DType.F32, p.Shape);
        BFloat16Spans.Widen(values, wide.AsSpan<float>());
        return wide;
    }
}
