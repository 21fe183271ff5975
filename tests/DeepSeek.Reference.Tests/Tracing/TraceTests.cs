using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Tests.Model;
using DeepSeek.Reference.Tracing;
using Xunit;

namespace DeepSeek.Reference.Tests.Tracing;

public class TraceTests
{
    [Theory]
    [InlineData("layers.*.c_kv", "layers.12.c_kv", true)]
    [InlineData("layers.?.c_kv", "layers.12.c_kv", false)]
    [InlineData("*", "", true)]
    [InlineData("*q*e", "layers.1.self_attn.q_nope", true)]
    [InlineData("logits", "mtp.logits", false)]
    [InlineData("a*b*c", "aXbXbc", true)]
    public void A_pattern_fits_whole_names(string pattern, string name, bool fits) => Assert.Equal(fits, Glob.Matches(pattern, name));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Without_a_word_exactly_the_oracles_names_come_out(int mtp)
    {
        DeepSeekConfig config = SyntheticModel.V3 with { NumNextnPredictLayers = mtp, NumHiddenLayers = 2 };
        using DeepSeekModel model = SyntheticModel.Make(config, NumericContract.Canonical, new SimdBackend(1));
        TraceCollector trace = TraceCollector.Parse(null, config, 1);
        model.Forward([SyntheticModel.Ids(4, 1)], new ForwardOptions { Trace = trace, Mtp = mtp > 0 });

        string[] layer = ["attn_out", "c_kv", "hidden_after_attn", "hidden_after_mlp", "k_pe"];
        string[] routed = ["router_scores", "topk_indices", "topk_weights"];
        List<string> names = ["final_norm_out", "logits"];
        names.AddRange(layer.Select(n => $"layers.0.{n}"));
        names.AddRange(layer.Concat(routed).Select(n => $"layers.1.{n}"));
        if (mtp > 0)
            names.AddRange(["hidden_before_final_norm", "mtp.block_out", "mtp.eh_proj_out", "mtp.logits", "mtp.router_scores", "mtp.shared_head_norm_out", "mtp.topk_indices", "mtp.topk_weights"]);
        Assert.Equal(names.Order(StringComparer.Ordinal), trace.Tensors().Keys);
    }

    [Theory]
    [InlineData("v3", "Canonical")]
    [InlineData("v3", "HuggingFace")]
    [InlineData("v2", "Canonical")]
    public void Every_probe_is_in_the_listing_of_the_specification(string name, string contract)
    {
        DeepSeekConfig config = (name == "v2" ? SyntheticModel.V2 : SyntheticModel.V3) with { NumNextnPredictLayers = 2 };
        using DeepSeekModel model = SyntheticModel.Make(config, NumericContract.Parse(contract), new SimdBackend(1));
        var trace = new TraceCollector(["*"]);
        model.Forward([SyntheticModel.Ids(6, 1)], new ForwardOptions { Trace = trace, Mtp = true });

        string listing = File.ReadAllText(Path.Combine(Golden.Path(), "..", "docs", "spec", "probes.md"));
        foreach (string probe in trace.Tensors().Keys)
        {
            string[] parts = probe.Split('.');
            string entry = parts[0] is "layers" ? $"`layers.I.{string.Join('.', parts[2..])}`"
                : parts[0] is "mtp" ? $".{string.Join('.', parts[(int.TryParse(parts[1], out _) ? 2 : 1)..])}`"
                : $"`{probe}`";
            Assert.True(listing.Contains(entry, StringComparison.Ordinal), $"{probe} as {entry}");
        }
    }
}
