using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Verification;

/// <summary>What the modules of other implementations give under forward hooks, as our probes. A new engine is a table here (docs/how-to/bisect-a-model.md 4).</summary>
/// <remarks>
/// A dump's name is the module's path. <c>NAME.input</c> is a module's first input (a forward pre-hook). Where a module returns a tuple its parts are <c>NAME.0</c>,
/// <c>NAME.1</c>; <c>NAME.0</c> also stands for <c>NAME</c> where a table has no line for the former.
/// </remarks>
internal static class NameTables
{
    /// <summary>transformers, DeepseekV3ForCausalLM: modules of modeling_deepseek_v3.py.</summary>
    public static IReadOnlyList<NameRule> HuggingFace { get; } =
    [
        new("model.embed_tokens", "embedding"),
        new("{L}.input_layernorm", "{P}.input_norm"),
        new("{L}.input_layernorm.input", NameRule.Residual),
        new("{L}.self_attn.q_a_proj", "{P}.self_attn.q_a"),
        new("{L}.self_attn.q_a_layernorm", "{P}.self_attn.q_a_norm"),
        // Before RoPE: the channels without position are final here, the rotated ones are not yet.
        new("{L}.self_attn.q_b_proj", "{P}.self_attn.q_nope") { Cut = QueryNope },
        new("{L}.self_attn.q_proj", "{P}.self_attn.q_nope") { Cut = QueryNope },
        new("{L}.self_attn.q_pe", "{P}.self_attn.q_pe") { Rope = DumpRope.Half },
        new("{L}.self_attn.kv_a_proj_with_mqa", "{P}.self_attn.kv_a"),
        new("{L}.self_attn.kv_a_layernorm", "{P}.c_kv"),
        new("{L}.self_attn.k_pe", "{P}.k_pe") { Rope = DumpRope.Half },
        new("{L}.self_attn.kv_b_proj", "{P}.self_attn.k_nope") { Cut = c => new(c.NumAttentionHeads, c.QkNopeHeadDim + c.VHeadDim, 0, c.QkNopeHeadDim) },
        new("{L}.self_attn.kv_b_proj", "{P}.self_attn.v") { Cut = c => new(c.NumAttentionHeads, c.QkNopeHeadDim + c.VHeadDim, c.QkNopeHeadDim, c.VHeadDim) },
        new("{L}.self_attn.o_proj.input", "{P}.self_attn.head_out"),
        new("{L}.self_attn.o_proj", "{P}.attn_out"),
        new("{L}.self_attn", "{P}.attn_out"),
        new("{L}.post_attention_layernorm.input", "{P}.hidden_after_attn"),
        new("{L}.post_attention_layernorm", "{P}.post_attention_norm"),
        new("{L}.mlp.gate_proj", "{P}.mlp.gate_proj") { Experts = false },
        new("{L}.mlp.up_proj", "{P}.mlp.up_proj") { Experts = false },
        new("{L}.mlp.down_proj.input", "{P}.mlp.act") { Experts = false },
        new("{L}.mlp.down_proj", "{P}.mlp.out") { Experts = false },
        // Newer versions return the router's logits; older ones the choice and its weights.
        new("{L}.mlp.gate", "{P}.mlp.gate.logits") { Experts = true },
        new("{L}.mlp.gate.0", "{P}.topk_indices") { Experts = true, AnyOrder = true },
        new("{L}.mlp.gate.1", "{P}.topk_weights") { Experts = true },
        new("{L}.mlp.shared_experts.gate_proj", "{P}.mlp.shared_experts.gate_proj") { Experts = true },
        new("{L}.mlp.shared_experts.up_proj", "{P}.mlp.shared_experts.up_proj") { Experts = true },
        new("{L}.mlp.shared_experts.down_proj.input", "{P}.mlp.shared_experts.act") { Experts = true },
        new("{L}.mlp.shared_experts.down_proj", "{P}.mlp.shared_experts.out") { Experts = true },
        new("{L}.mlp.shared_experts", "{P}.mlp.shared_experts.out") { Experts = true },
        new("{L}.mlp", "{P}.mlp.out"),
        new("{L}", "{P}.hidden_after_mlp"),
        new("model.norm.input", "hidden_before_final_norm"),
        new("model.norm", "final_norm_out"),
        new("lm_head", "logits"),
    ];

    /// <summary>vLLM, DeepseekV2ForCausalLM and its V3 form: modules of deepseek_v2.py. Norms add the residual themselves and return (normalised, residual).</summary>
    public static IReadOnlyList<NameRule> Vllm { get; } =
    [
        new("model.embed_tokens", "embedding"),
        new("{L}.input_layernorm", "{P}.input_norm"),
        new("{L}.input_layernorm.1", NameRule.Residual),
        new("{L}.self_attn.fused_qkv_a_proj", "{P}.self_attn.q_a") { Cut = c => new(1, (c.QLoraRank ?? 0) + c.KvLoraRank + c.QkRopeHeadDim, 0, c.QLoraRank ?? 0) },
        new("{L}.self_attn.fused_qkv_a_proj", "{P}.self_attn.kv_a") { Cut = c => new(1, (c.QLoraRank ?? 0) + c.KvLoraRank + c.QkRopeHeadDim, c.QLoraRank ?? 0, c.KvLoraRank + c.QkRopeHeadDim) },
        new("{L}.self_attn.q_a_proj", "{P}.self_attn.q_a"),
        new("{L}.self_attn.q_a_layernorm", "{P}.self_attn.q_a_norm"),
        new("{L}.self_attn.q_b_proj", "{P}.self_attn.q_nope") { Cut = QueryNope },
        new("{L}.self_attn.q_proj", "{P}.self_attn.q_nope") { Cut = QueryNope },
        new("{L}.self_attn.q_pe", "{P}.self_attn.q_pe"),
        new("{L}.self_attn.kv_a_proj_with_mqa", "{P}.self_attn.kv_a"),
        new("{L}.self_attn.kv_a_layernorm", "{P}.c_kv"),
        new("{L}.self_attn.k_pe", "{P}.k_pe"),
        new("{L}.self_attn.o_proj.input", "{P}.self_attn.head_out"),
        new("{L}.self_attn.o_proj", "{P}.attn_out"),
        new("{L}.self_attn", "{P}.attn_out"),
        new("{L}.post_attention_layernorm", "{P}.post_attention_norm"),
        new("{L}.post_attention_layernorm.1", "{P}.hidden_after_attn"),
        new("{L}.mlp.gate_up_proj", "{P}.mlp.gate_proj") { Experts = false, Cut = c => new(1, 2 * c.IntermediateSize, 0, c.IntermediateSize) },
        new("{L}.mlp.gate_up_proj", "{P}.mlp.up_proj") { Experts = false, Cut = c => new(1, 2 * c.IntermediateSize, c.IntermediateSize, c.IntermediateSize) },
        new("{L}.mlp.act_fn", "{P}.mlp.act") { Experts = false },
        new("{L}.mlp.down_proj", "{P}.mlp.out") { Experts = false },
        new("{L}.mlp.gate", "{P}.mlp.gate.logits") { Experts = true },
        new("{L}.mlp.shared_experts.gate_up_proj", "{P}.mlp.shared_experts.gate_proj") { Experts = true, Cut = c => new(1, 2 * c.SharedIntermediateSize, 0, c.SharedIntermediateSize) },
        new("{L}.mlp.shared_experts.gate_up_proj", "{P}.mlp.shared_experts.up_proj") { Experts = true, Cut = c => new(1, 2 * c.SharedIntermediateSize, c.SharedIntermediateSize, c.SharedIntermediateSize) },
        new("{L}.mlp.shared_experts.act_fn", "{P}.mlp.shared_experts.act") { Experts = true },
        new("{L}.mlp.shared_experts.down_proj", "{P}.mlp.shared_experts.out") { Experts = true },
        new("{L}.mlp.shared_experts", "{P}.mlp.shared_experts.out") { Experts = true },
        new("{L}.mlp", "{P}.mlp.out"),
        // The layer returns (output of the MLP, residual), added by the next norm.
        new("{L}", "{P}.mlp.out"),
        new("{L}.1", "{P}.hidden_after_attn"),
        new("model.norm", "final_norm_out"),
        new("model.norm.1", "hidden_before_final_norm"),
        new("lm_head", "logits"),
        new("logits_processor", "logits"),
    ];

    /// <summary>The tables by the name that <c>--names</c> takes; dsref's own names need none.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<NameRule>> ByName { get; } = new Dictionary<string, IReadOnlyList<NameRule>>(StringComparer.Ordinal)
    {
        ["dsref"] = [],
        ["huggingface"] = HuggingFace,
        ["vllm"] = Vllm,
    };

    /// <summary>The table that the names of a dump look like.</summary>
    public static string Guess(IEnumerable<string> names)
    {
        bool modules = false;
        foreach (string name in names)
        {
            modules |= name.StartsWith("model.", StringComparison.Ordinal) || name == "lm_head";
            if (name.Contains("gate_up_proj", StringComparison.Ordinal) || name.Contains("fused_qkv_a_proj", StringComparison.Ordinal)
                || name.EndsWith("layernorm.1", StringComparison.Ordinal) || name == "model.norm.1" || name == "logits_processor")
                return "vllm";
        }

        return modules ? "huggingface" : "dsref";
    }

    private static ChannelCut QueryNope(DeepSeekConfig c) => new(c.NumAttentionHeads, c.QkNopeHeadDim + c.QkRopeHeadDim, 0, c.QkNopeHeadDim);
}
