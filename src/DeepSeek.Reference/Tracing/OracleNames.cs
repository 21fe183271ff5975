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
    ];

    private static readonly string[] MtpNames = ["eh_proj_out", "block_out", "shared_head_norm_out", "router_scores", "topk_indices", "topk_weights", "logits"];

    /// <summary>The patterns for a model: with MTP modules also theirs, and <c>hidden_before_final_norm</c>.</summary>
    public static IReadOnlyList<string> For(DeepSeekConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        List<string> all = [.. Patterns];
        if (config.NumNextnPredictLayers > 0)
            all.Add("hidden_before_final_norm");
        for (int k = 1; k <= config.NumNextnPredictLayers; k++)
            all.AddRange(MtpNames.Select(name => $"{MtpPrefix(k)}.{name}"));
        return all;
    }

    /// <summary><c>mtp</c> for the first module (k = 1), <c>mtp.1</c> for the second, and so on.</summary>
    internal static string MtpPrefix(int k) => k == 1 ? "mtp" : $"mtp.{k - 1}";
}
