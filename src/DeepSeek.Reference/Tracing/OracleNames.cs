namespace DeepSeek.Reference.Tracing;

/// <summary>The probes that come out of a run when nothing else is asked for: those of golden/oracles (docs/spec/probes.md).</summary>
public static class OracleNames
{
    private static readonly string[] Patterns =
    [
        "logits",
        "final_norm_out",
        "layers.*.c_kv",
        "layers.*.k_pe",
        "layers.*.attn_out",
        "layers.*.hidden_after_attn",
        "layers.*.hidden_after_mlp",
        "layers.*.router_scores",
        "layers.*.topk_indices",
        "layers.*.topk_weights",
        "mtp.eh_proj_out",
        "mtp.block_out",
        "mtp.shared_head_norm_out",
        "mtp.router_scores",
        "mtp.topk_indices",
        "mtp.topk_weights",
        "mtp.logits",
        "mtp.*.eh_proj_out",
        "mtp.*.block_out",
        "mtp.*.shared_head_norm_out",
        "mtp.*.router_scores",
        "mtp.*.topk_indices",
        "mtp.*.topk_weights",
        "mtp.*.logits",
    ];

    /// <summary>The patterns for a model: <c>hidden_before_final_norm</c> belongs to them where there are MTP modules.</summary>
    public static IReadOnlyList<string> For(DeepSeekConfig config) =>
        config.NumNextnPredictLayers > 0 ? [.. Patterns, "hidden_before_final_norm"] : Patterns;
}
