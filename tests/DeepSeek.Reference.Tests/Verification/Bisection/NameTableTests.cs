using System.Text.RegularExpressions;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tracing;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Bisection;

public class NameTableTests
{
    private const string Oracle = "fp32_short";

    /// <summary>What forward hooks on transformers' modules would give: our naive run under the names and layouts of its modules, written out by hand.</summary>
    private static Dictionary<string, Tensor> HuggingFaceHooks(NumericContract contract)
    {
        Dictionary<string, Tensor> ours = Dumps.OfRun(Oracle, contract, new ReorderedBackend(new SimdBackend(), 0x11));
        var hooks = new Dictionary<string, Tensor>
        {
            ["model.embed_tokens"] = ours["embedding"],
            ["model.norm"] = ours["final_norm_out"],
            ["lm_head"] = ours["logits"],
            ["model.rotary_emb.0"] = new Tensor(DType.F32, 1, 24, 8),
        };
        for (int i = 0; i < 3; i++)
        {
            string from = $"layers.{i}", to = $"model.layers.{i}";
            hooks[to + ".0"] = ours[$"{from}.hidden_after_mlp"];
            hooks[$"{to}.input_layernorm"] = ours[$"{from}.input_norm"];
            hooks[$"{to}.self_attn.q_a_proj"] = ours[$"{from}.self_attn.q_a"];
            hooks[$"{to}.self_attn.q_a_layernorm"] = ours[$"{from}.self_attn.q_a_norm"];
            hooks[$"{to}.self_attn.q_b_proj"] = Joined(ours[$"{from}.self_attn.q_nope"], new Tensor(DType.F32, 1, 24, 4, 8));
            hooks[$"{to}.self_attn.kv_a_proj_with_mqa"] = ours[$"{from}.self_attn.kv_a"];
            hooks[$"{to}.self_attn.kv_a_layernorm"] = ours[$"{from}.c_kv"];
            hooks[$"{to}.self_attn.k_pe"] = Halves(ours[$"{from}.k_pe"]);
            hooks[$"{to}.self_attn.q_pe"] = Halves(ours[$"{from}.self_attn.q_pe"]);
            hooks[$"{to}.self_attn.kv_b_proj"] = Joined(ours[$"{from}.self_attn.k_nope"], ours[$"{from}.self_attn.v"]);
            hooks[$"{to}.self_attn.o_proj"] = ours[$"{from}.attn_out"];
            hooks[$"{to}.post_attention_layernorm.input"] = ours[$"{from}.hidden_after_attn"];
            hooks[$"{to}.post_attention_layernorm"] = ours[$"{from}.post_attention_norm"];
            hooks[$"{to}.mlp"] = ours[$"{from}.mlp.out"];
            if (i == 0)
            {
                hooks[$"{to}.mlp.gate_proj"] = ours[$"{from}.mlp.gate_proj"];
                hooks[$"{to}.mlp.up_proj"] = ours[$"{from}.mlp.up_proj"];
                hooks[$"{to}.mlp.down_proj.input"] = ours[$"{from}.mlp.act"];
            }
            else
            {
                (hooks[$"{to}.mlp.gate.0"], hooks[$"{to}.mlp.gate.1"]) = Backwards(ours[$"{from}.topk_indices"], ours[$"{from}.topk_weights"]);
                hooks[$"{to}.mlp.shared_experts.down_proj"] = ours[$"{from}.mlp.shared_experts.out"];
            }
        }

        return hooks;
    }

    [Fact]
    public void Hooks_on_transformers_modules_are_judged_in_their_layouts()
    {
        NumericContract contract = NumericContract.Canonical with { Attention = AttentionMode.Naive };
        Dictionary<string, Tensor> hooks = HuggingFaceHooks(contract);
        BisectionReport report = Dumps.Judge(Oracle, contract, hooks, "auto");
        Assert.Equal("huggingface", report.Names);
        Assert.True(report.FirstFailure is null, $"{report.FirstFailure?.Probe}: {report.FirstFailure?.Note}");
        Assert.Equal(["model.rotary_emb.0"], report.Unjudged.Select(u => u.Name));
        // Each kv_b_proj is two probes.
        Assert.Equal(hooks.Count - 1 + 3, report.Stages.Count);

        BisectionReport wrong = Dumps.Judge(Oracle, contract, hooks, "huggingface", orders: 2, rope: DumpRope.AsContract);
        Assert.Equal("layers.0.self_attn.q_pe", wrong.FirstFailure?.Probe);
    }

    [Fact]
    public void Hooks_on_vllm_modules_are_judged_in_their_layouts()
    {
        NumericContract contract = NumericContract.Canonical;
        Dictionary<string, Tensor> ours = Dumps.OfRun(Oracle, contract, new ReorderedBackend(new SimdBackend(), 0x12));
        var hooks = new Dictionary<string, Tensor> { ["model.norm.0"] = Flat(ours["final_norm_out"]), ["model.norm.1"] = Flat(ours["hidden_before_final_norm"]), ["logits_processor"] = Flat(ours["logits"]) };
        for (int i = 0; i < 3; i++)
        {
            string from = $"layers.{i}", to = $"model.layers.{i}";
            hooks[$"{to}.input_layernorm.0"] = Flat(ours[$"{from}.input_norm"]);
            if (i > 0)
                hooks[$"{to}.input_layernorm.1"] = Flat(ours[$"layers.{i - 1}.hidden_after_mlp"]);
            hooks[$"{to}.self_attn.fused_qkv_a_proj.0"] = Flat(Joined(ours[$"{from}.self_attn.q_a"], ours[$"{from}.self_attn.kv_a"]));
            hooks[$"{to}.self_attn.o_proj.0"] = Flat(ours[$"{from}.attn_out"]);
            hooks[$"{to}.post_attention_layernorm.0"] = Flat(ours[$"{from}.post_attention_norm"]);
            hooks[$"{to}.post_attention_layernorm.1"] = Flat(ours[$"{from}.hidden_after_attn"]);
            if (i == 0)
                hooks[$"{to}.mlp.gate_up_proj.0"] = Flat(Joined(ours[$"{from}.mlp.gate_proj"], ours[$"{from}.mlp.up_proj"]));
            else
                hooks[$"{to}.mlp.gate.0"] = ours[$"{from}.mlp.gate.logits"];
            hooks[$"{to}.0"] = Flat(ours[$"{from}.mlp.out"]);
        }

        BisectionReport report = Dumps.Judge(Oracle, contract, hooks, "auto");
        Assert.Equal("vllm", report.Names);
        Assert.True(report.FirstFailure is null, $"{report.FirstFailure?.Probe}: {report.FirstFailure?.Note}");
        Assert.Empty(report.Unjudged);
        Assert.Equal(hooks.Count + 3 + 1, report.Stages.Count);
    }

    [Theory]
    [InlineData("fp32_short", AttentionMode.Absorbed)]
    [InlineData("fp32_short", AttentionMode.Naive)]
    [InlineData("fp32_noqlora", AttentionMode.Absorbed)]
    [InlineData("fp32_mtp", AttentionMode.Naive)]
    public void Every_probe_of_a_run_has_inputs_that_come_before_it(string oracle, AttentionMode attention)
    {
        NumericContract contract = NumericContract.Canonical with { Attention = attention };
        using DeepSeekModel model = Dumps.Open(oracle, contract, new SimdBackend());
        var names = new Names();
        model.Forward(Dumps.Ids(oracle), new() { Trace = names, Mtp = model.HasMtp });
        var graph = new StageGraph(model.Config, contract);
        var before = new HashSet<string>();
        foreach (string name in names.InOrder)
        {
            IReadOnlyList<string>? inputs = graph.Inputs(name);
            Assert.True(inputs is not null, name);
            Assert.All(inputs, input => Assert.Contains(input, before));
            Assert.Equal(name.EndsWith("embedding", StringComparison.Ordinal), inputs.Count == 0);
            before.Add(name);
        }
    }

    [Fact]
    public void Every_line_of_every_table_names_a_probe()
    {
        DeepSeekConfig config = DeepSeekConfig.Load(Golden.Path("oracles", "fp32_mtp", "config.json"));
        var graph = new StageGraph(config, NumericContract.Canonical);
        foreach (NameRule rule in NameTables.ByName.Values.SelectMany(t => t))
        {
            string[] layers = rule.Name.StartsWith("{L}", StringComparison.Ordinal) ? ["0", "1", "2"] : [""];
            string[] probes = [.. layers.Select(l => rule.Match(rule.Name.Replace("{L}", $"model.layers.{l}", StringComparison.Ordinal), config)).OfType<string>()];
            Assert.NotEmpty(probes);
            Assert.All(probes, probe => Assert.True(graph.Inputs(probe) is not null, $"{rule.Name}: {probe}"));
            Assert.DoesNotMatch(new Regex("[{}]"), string.Concat(probes));
        }
    }

    [Fact]
    public void An_unknown_table_is_refused_and_an_unknown_name_is_unjudged()
    {
        var tensors = new Dictionary<string, Tensor> { ["layers.0.attn_out"] = new(DType.F32, 1, 24, 48), ["layers.9.attn_out"] = new(DType.F32, 1), ["layers"] = new(DType.F32, 1), ["mtp"] = new(DType.F32, 1), ["x"] = new(DType.F4, 2) };
        DeepSeekConfig config = DeepSeekConfig.Load(Golden.Path("oracles", Oracle, "config.json"));
        Assert.Throws<ContractException>(() => new CandidateDump(tensors, "sglang", config, NumericContract.Canonical));
        BisectionReport report = Dumps.Judge(Oracle, NumericContract.Canonical, tensors, "auto", orders: 2);
        Assert.Equal(["layers", "layers.9.attn_out", "mtp", "x"], report.Unjudged.Select(u => u.Name).Order(StringComparer.Ordinal));
        Assert.Single(report.Stages);
    }

    /// <summary>The last dimensions of two tensors, part by part behind each other.</summary>
    private static Tensor Joined(Tensor a, Tensor b)
    {
        (int wa, int wb) = ((int)a.Shape[^1], (int)b.Shape[^1]);
        long parts = a.ElementCount / wa;
        var y = new Tensor(DType.F32, 1, 24, parts / 24 * (wa + wb));
        for (int p = 0; p < parts; p++)
        {
            a.AsReadOnlySpan<float>().Slice(p * wa, wa).CopyTo(y.AsSpan<float>()[(p * (wa + wb))..]);
            b.AsReadOnlySpan<float>().Slice(p * wb, wb).CopyTo(y.AsSpan<float>()[((p * (wa + wb)) + wa)..]);
        }

        return y;
    }

    /// <summary>Pairs (2i, 2i + 1) to (i, i + 4).</summary>
    private static Tensor Halves(Tensor x)
    {
        Tensor y = x.Clone();
        for (int p = 0; p < x.ElementCount; p += 8)
        {
            for (int i = 0; i < 4; i++)
            {
                y.AsSpan<float>()[p + i] = x.AsReadOnlySpan<float>()[p + (2 * i)];
                y.AsSpan<float>()[p + i + 4] = x.AsReadOnlySpan<float>()[p + (2 * i) + 1];
            }
        }

        return y;
    }

    /// <summary>The slots of a choice in the other order.</summary>
    private static (Tensor Indices, Tensor Weights) Backwards(Tensor indices, Tensor weights)
    {
        (Tensor i, Tensor w) = (indices.Clone(), weights.Clone());
        for (int t = 0; t < i.Shape[0]; t++)
        {
            i.Rows(t, 1).AsSpan<int>().Reverse();
            w.Rows(t, 1).AsSpan<float>().Reverse();
        }

        return (i, w);
    }

    /// <summary>[T, ...] without the batch.</summary>
    private static Tensor Flat(Tensor x) => x.Reshape(24, x.ElementCount / 24);

    private sealed class Names : ITensorTrace
    {
        public List<string> InOrder { get; } = [];

        public bool Wants(string name) => true;

        public void Probe(string name, Tensor tensor) => InOrder.Add(name);
    }
}
