using System.Globalization;

namespace DeepSeek.Reference.Model;

/// <summary>The weights that the operation behind a probe reads, by their names in a checkpoint (docs/spec/names.md).</summary>
internal static class ProbeWeights
{
    /// <summary>Names of the weights; none where the operation has no weight. Not every one need exist.</summary>
    /// <param name="probe">The probe's name (docs/spec/probes.md).</param>
    /// <param name="config">The model's dimensions.</param>
    /// <param name="expert">The expert whose output is meant, for <c>mlp.expert_out</c>.</param>
    public static IReadOnlyList<string> Of(string probe, DeepSeekConfig config, int expert)
    {
        (int layer, string inner) = Split(probe, config);
        if (layer < 0)
        {
            return inner switch
            {
                "embedding" => ["model.embed_tokens.weight"],
                "final_norm_out" => ["model.norm.weight"],
                "logits" => [config.TieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight"],
                _ => [],
            };
        }

        string name = $"model.layers.{layer}";
        return inner switch
        {
            "embedding" => [$"{name}.embed_tokens.weight", "model.embed_tokens.weight"],
            "enorm_out" => [$"{name}.enorm.weight"],
            "hnorm_out" => [$"{name}.hnorm.weight"],
            "eh_proj_out" => [$"{name}.eh_proj.weight"],
            "shared_head_norm_out" => [$"{name}.shared_head.norm.weight"],
            "logits" => [$"{name}.shared_head.head.weight", config.TieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight"],
            "input_norm" => [$"{name}.input_layernorm.weight"],
            "self_attn.q_a" => [$"{name}.self_attn.q_a_proj.weight"],
            "self_attn.q_a_norm" => [$"{name}.self_attn.q_a_layernorm.weight"],
            "self_attn.q_nope" or "self_attn.q_pe" => [$"{name}.self_attn.{(config.QLoraRank is null ? "q_proj" : "q_b_proj")}.weight"],
            "self_attn.kv_a" => [$"{name}.self_attn.kv_a_proj_with_mqa.weight"],
            "c_kv" => [$"{name}.self_attn.kv_a_layernorm.weight"],
            "self_attn.q_absorbed" or "self_attn.k_nope" or "self_attn.v" or "self_attn.head_out" => [$"{name}.self_attn.kv_b_proj.weight"],
            "attn_out" => [$"{name}.self_attn.o_proj.weight"],
            "post_attention_norm" => [$"{name}.post_attention_layernorm.weight"],
            "mlp.gate.logits" => [$"{name}.mlp.gate.weight"],
            "router_scores" => [$"{name}.mlp.gate.e_score_correction_bias"],
            "mlp.expert_out" => [.. Mlp($"{name}.mlp.experts.{expert}", "gate_proj"), .. Mlp($"{name}.mlp.experts.{expert}", "up_proj"), .. Mlp($"{name}.mlp.experts.{expert}", "out")],
            "mlp.out" when config.IsMoeLayer(layer) => [],
            _ when inner.StartsWith("mlp.shared_experts.", StringComparison.Ordinal) => Mlp($"{name}.mlp.shared_experts", inner["mlp.shared_experts.".Length..]),
            _ when inner.StartsWith("mlp.", StringComparison.Ordinal) => Mlp($"{name}.mlp", inner["mlp.".Length..]),
            _ => [],
        };
    }

    /// <summary>The layer that a probe belongs to, MTP modules after the main ones, and the rest of its name; -1 for the model's own.</summary>
    public static (int Layer, string Inner) Split(string probe, DeepSeekConfig config)
    {
        string[] parts = probe.Split('.');
        if (parts[0] == "layers")
            return (int.Parse(parts[1], CultureInfo.InvariantCulture), string.Join('.', parts[2..]));
        if (parts[0] != "mtp")
            return (-1, probe);
        bool numbered = int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int module);
        return (config.NumHiddenLayers + (numbered ? module : 0), string.Join('.', parts[(numbered ? 2 : 1)..]));
    }

    private static string[] Mlp(string name, string part) => part switch
    {
        "gate_proj" or "up_proj" => [$"{name}.{part}.weight"],
        "out" => [$"{name}.down_proj.weight"],
        _ => [],
    };
}
