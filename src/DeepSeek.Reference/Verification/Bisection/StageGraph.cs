using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tracing;

namespace DeepSeek.Reference.Verification;

/// <summary>Which probes each probe is computed from: one step of the model each (docs/spec/probes.md has the names, docs/spec/deepseek-v3.md the equations).</summary>
/// <remarks>The token ids are an input of every embedding and have no probe. The residual x of a layer is the layer before's <c>hidden_after_mlp</c>.</remarks>
internal sealed class StageGraph(DeepSeekConfig config, NumericContract contract)
{
    private static readonly Dictionary<string, string[]> InLayer = new(StringComparer.Ordinal)
    {
        ["input_norm"] = ["@residual"],
        ["self_attn.q_a"] = ["input_norm"],
        ["self_attn.q_a_norm"] = ["self_attn.q_a"],
        ["self_attn.kv_a"] = ["input_norm"],
        ["c_kv"] = ["self_attn.kv_a"],
        ["k_pe"] = ["self_attn.kv_a"],
        ["self_attn.q_absorbed"] = ["self_attn.q_nope", "self_attn.q_pe"],
        ["self_attn.latent_out"] = ["self_attn.q_absorbed", "c_kv", "k_pe"],
        ["self_attn.k_nope"] = ["c_kv"],
        ["self_attn.v"] = ["c_kv"],
        ["attn_out"] = ["self_attn.head_out"],
        ["hidden_after_attn"] = ["@residual", "attn_out"],
        ["post_attention_norm"] = ["hidden_after_attn"],
        ["mlp.gate_proj"] = ["post_attention_norm"],
        ["mlp.up_proj"] = ["post_attention_norm"],
        ["mlp.act"] = ["mlp.gate_proj", "mlp.up_proj"],
        ["mlp.gate.logits"] = ["post_attention_norm"],
        ["router_scores"] = ["mlp.gate.logits"],
        ["topk_indices"] = ["router_scores"],
        ["topk_weights"] = ["router_scores", "topk_indices"],
        ["mlp.expert_out"] = ["post_attention_norm", "topk_indices"],
        ["mlp.shared_experts.gate_proj"] = ["post_attention_norm"],
        ["mlp.shared_experts.up_proj"] = ["post_attention_norm"],
        ["mlp.shared_experts.act"] = ["mlp.shared_experts.gate_proj", "mlp.shared_experts.up_proj"],
        ["mlp.shared_experts.out"] = ["mlp.shared_experts.act"],
        ["hidden_after_mlp"] = ["hidden_after_attn", "mlp.out"],
        ["enorm_out"] = ["embedding"],
        ["eh_proj_out"] = ["enorm_out", "hnorm_out"],
        ["block_out"] = ["hidden_after_mlp"],
        ["shared_head_norm_out"] = ["block_out"],
        ["logits"] = ["shared_head_norm_out"],
    };

    /// <summary>The probes that a probe is computed from, each in one step; none where only the ids enter. Null for a name that is no probe of this model.</summary>
    public IReadOnlyList<string>? Inputs(string probe)
    {
        switch (probe)
        {
            case "embedding":
                return [];
            case "hidden_before_final_norm":
                return [$"layers.{config.NumHiddenLayers - 1}.hidden_after_mlp"];
            case "final_norm_out":
                return ["hidden_before_final_norm"];
            case "logits":
                return ["final_norm_out"];
        }

        (int layer, string inner) = ProbeWeights.Split(probe, config);
        if (layer < 0)
            return null;
        string prefix = probe[..^(inner.Length + 1)];
        int module = layer - config.NumHiddenLayers + 1;
        string[]? inputs = inner switch
        {
            "embedding" when module > 0 => [],
            "hnorm_out" when module > 0 => [State(module)],
            "self_attn.q_nope" or "self_attn.q_pe" => [config.QLoraRank is null ? "input_norm" : "self_attn.q_a_norm"],
            "self_attn.head_out" => contract.Attention == AttentionMode.Absorbed ? ["self_attn.latent_out"] : ["self_attn.q_nope", "self_attn.q_pe", "c_kv", "k_pe"],
            "mlp.out" when !config.IsMoeLayer(layer) => ["mlp.act"],
            "mlp.out" => config.NSharedExperts > 0
                ? ["mlp.expert_out", "topk_indices", "topk_weights", "mlp.shared_experts.out"]
                : ["mlp.expert_out", "topk_indices", "topk_weights"],
            _ => InLayer.GetValueOrDefault(inner),
        };
        if (inputs is null || inner == "hnorm_out")
            return inputs;
        string residual = module > 0 ? $"{prefix}.eh_proj_out" : layer == 0 ? "embedding" : $"layers.{layer - 1}.hidden_after_mlp";
        return [.. inputs.Select(name => name == "@residual" ? residual : $"{prefix}.{name}")];
    }

    /// <summary>What a stage is recomputed from: going back from a probe, the first that the dump holds on every way; and those on the way that it does not hold.</summary>
    public (IReadOnlyList<string> From, IReadOnlyList<string> Missing) Origin(string probe, Func<string, bool> held)
    {
        List<string> from = [], missing = [];
        Visit(probe);
        missing.Reverse();
        return (from, missing);

        void Visit(string at)
        {
            foreach (string input in Inputs(at) ?? [])
            {
                if (from.Contains(input) || missing.Contains(input))
                    continue;
                if (held(input))
                {
                    from.Add(input);
                    continue;
                }

                missing.Add(input);
                Visit(input);
            }
        }
    }

    /// <summary>The state that MTP module k takes.</summary>
    private string State(int module)
    {
        bool post = contract.MtpHidden == MtpHidden.PostNorm;
        if (module == 1)
            return post ? "final_norm_out" : "hidden_before_final_norm";
        return $"{OracleNames.MtpPrefix(module - 1)}.{(post ? "shared_head_norm_out" : "block_out")}";
    }
}
