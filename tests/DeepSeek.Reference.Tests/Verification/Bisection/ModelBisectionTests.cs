using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Bisection;

public class ModelBisectionTests
{
    public static TheoryData<string> Oracles() =>
        ["fp32_short", "fp32_yarn_long", "fp32_groups", "fp32_noqlora", "fp32_negbias", "fp32_batch2", "fp32_mtp", "bf16", "bf16_softmax", "fp8_act", "fp8_act_ue8m0", "fp8_dequant"];

    [Theory]
    [MemberData(nameof(Oracles))]
    public void The_official_code_has_no_wrong_stage(string oracle)
    {
        BisectionReport report = Dumps.Judge(oracle, Dumps.Contract(oracle), Dumps.OfOracle(oracle));
        Assert.True(report.FirstFailure is null, $"{report.FirstFailure?.Probe}: {report.FirstFailure?.Note}");
        Assert.True(report.Stages.Count >= 9);
        Assert.DoesNotContain(report.Unjudged, u => u.Name.StartsWith("layers.", StringComparison.Ordinal) || u.Name == "logits");
    }

    [Theory]
    [InlineData("fp32_short", "*")]
    [InlineData("fp32_mtp", "*")]
    [InlineData("bf16", "*")]
    [InlineData("bf16", "layers.*.hidden_after_mlp,logits")]
    [InlineData("fp8_act", "*")]
    [InlineData("fp8_act", "layers.1.*,logits")]
    public void Another_order_of_every_sum_has_no_wrong_stage(string oracle, string patterns)
    {
        NumericContract contract = Dumps.Contract(oracle);
        foreach (IBackend backend in (IBackend[])[new ReorderedBackend(new SimdBackend(), 0xabc), new ReorderedBackend(new SimdBackend(), 0xdef)])
        {
            BisectionReport report = Dumps.Judge(oracle, contract with { Accumulation = Accumulation.Lanes16 }, Dumps.OfRun(oracle, contract, backend, patterns));
            Assert.True(report.FirstFailure is null, $"{report.FirstFailure?.Probe}: {report.FirstFailure?.Note}");
            Assert.Empty(report.Unjudged);
        }
    }

    [Fact]
    public void A_dump_of_the_reference_is_bits_at_every_stage()
    {
        NumericContract contract = Dumps.Contract("bf16") with { Attention = AttentionMode.Naive };
        BisectionReport report = Dumps.Judge("bf16", contract, Dumps.OfRun("bf16", contract, new ScalarBackend()), orders: 2);
        Assert.All(report.Stages, s => Assert.Equal(Verdict.Bits, s.Verdict));
        Assert.Contains(report.Stages, s => s.Probe == "layers.2.self_attn.v");
        Assert.All(report.Stages, s => Assert.Empty(s.Missing));
    }

    /// <summary>Defects of one step: which call is changed and how, and the probe that must be named, with every probe in the dump and with the oracles' alone.</summary>
    [Theory]
    [InlineData("one o_proj element", "layers.1.attn_out", "layers.1.attn_out")]
    [InlineData("rope halves in one layer", "layers.1.self_attn.q_pe", "layers.1.attn_out")]
    [InlineData("key rope halves in one layer", "layers.1.k_pe", "layers.1.k_pe")]
    [InlineData("routing scale", "layers.1.topk_weights", "layers.1.topk_weights")]
    [InlineData("router bias left out", "layers.1.topk_indices", "layers.1.topk_indices")]
    [InlineData("gate and up swapped", "layers.0.mlp.act", "layers.0.hidden_after_mlp")]
    [InlineData("expert rows shifted", "layers.2.mlp.expert_out", "layers.2.hidden_after_mlp")]
    [InlineData("shared expert left out", "layers.1.mlp.out", "layers.1.hidden_after_mlp")]
    // A factor on the whole row is gone after c_kv's own norm; the rotated key has none.
    [InlineData("large eps", "layers.1.input_norm", "layers.1.k_pe")]
    public void A_planted_defect_is_named(string defect, string amongAll, string amongOracles)
    {
        NumericContract contract = NumericContract.Canonical;
        foreach ((string patterns, string expected) in ((string, string)[])[("*", amongAll), ("layers.*.c_kv,layers.*.k_pe,layers.*.attn_out,layers.*.hidden_*,layers.*.router_scores,layers.*.topk_*,final_norm_out,logits", amongOracles)])
        {
            BisectionReport report = Dumps.Judge("fp32_short", contract, Dumps.OfRun("fp32_short", contract, new PlantedBackend((c, n, b) => Plant(defect, c, n, b)), patterns), orders: 4);
            Assert.Equal(expected, report.FirstFailure?.Probe);
        }
    }

    [Fact]
    public void Only_the_defect_fails_and_what_follows_is_drift()
    {
        NumericContract contract = NumericContract.Canonical;
        BisectionReport report = Dumps.Judge("fp32_short", contract, Dumps.OfRun("fp32_short", contract, new PlantedBackend((c, n, b) => Plant("one o_proj element", c, n, b))), orders: 4);
        StageReport only = Assert.Single(report.Stages, s => !s.Verdict.Passes());
        Assert.Equal("layers.1.attn_out", only.Probe);
        Assert.Equal(["layers.1.self_attn.head_out"], only.From);
        int at = report.Stages.ToList().IndexOf(only);
        Assert.DoesNotContain(report.Stages.Take(at), s => s.IsPropagated);
        Assert.Contains(report.Stages.Skip(at), s => s.Probe == "logits" && s.IsPropagated);
    }

    [Theory]
    [InlineData("norm", "layers.0.input_norm")]
    [InlineData("silu", "layers.0.mlp.act")]
    [InlineData("probabilities", "layers.0.self_attn.latent_out")]
    [InlineData("combine", "layers.1.mlp.out")]
    public void A_moved_bfloat16_rounding_is_named(string point, string probe)
    {
        NumericContract declared = NumericContract.DeepSeekInference;
        NumericContract real = point switch
        {
            "norm" => declared with { RmsNorm = RmsNormRounding.None },
            "silu" => declared with { SwiGlu = SwiGluRounding.None },
            "probabilities" => declared with { AttentionRounding = AttentionRounding.Probabilities },
            _ => declared with { Combine = CombineRounding.Fused },
        };
        BisectionReport report = Dumps.Judge("bf16", declared, Dumps.OfRun("bf16", real, new SimdBackend()), orders: 4);
        Assert.Equal(probe, report.FirstFailure?.Probe);
        Assert.True(Dumps.Judge("bf16", real, Dumps.OfRun("bf16", real, new SimdBackend()), orders: 2).FirstFailure is null);
    }

    [Fact]
    public void A_NaN_and_indices_that_are_none_fail_and_are_not_fed()
    {
        NumericContract contract = NumericContract.Canonical;
        Dictionary<string, Tensor> dump = Dumps.OfRun("fp32_short", contract, new SimdBackend());
        dump["layers.0.attn_out"].AsSpan<float>()[7] = float.NaN;
        dump["layers.1.topk_indices"].AsSpan<int>()[3] = 8;
        dump["layers.2.input_norm"] = dump["layers.2.input_norm"].Reshape(24, 48).Rows(0, 23);
        BisectionReport report = Dumps.Judge("fp32_short", contract, dump, orders: 2);
        StageReport[] failed = [.. report.Stages.Where(s => !s.Verdict.Passes())];
        Assert.Equal([("layers.0.attn_out", "mask"), ("layers.1.topk_indices", "choice"), ("layers.2.input_norm", "shape")], failed.Select(s => (s.Probe, s.Check)));
        Assert.All(failed, s => Assert.False(s.Fed));
        Assert.Contains("layers.0.attn_out", Assert.Single(report.Stages, s => s.Probe == "layers.0.hidden_after_attn").Missing);
    }

    private static bool Plant(string defect, OperationCall call, int number, IBackend right)
    {
        switch (defect, call)
        {
            // Linear of a layer in order: q_a, q_b, kv_a, o_proj, then the MLP's or the router's and the shared experts'.
            case ("one o_proj element", LinearCall c) when number == 7 + 3:
                c.Run(right);
                c.Y.AsSpan<float>()[5] *= 1.001f;
                return true;
            // RoPE of a layer in order: queries, then the key.
            case ("rope halves in one layer", RopeCall c) when number == 2:
                (c with { Attributes = c.Attributes with { Layout = RopeLayout.Half } }).Run(right);
                return true;
            case ("key rope halves in one layer", RopeCall c) when number == 3:
                (c with { Attributes = c.Attributes with { Layout = RopeLayout.Half } }).Run(right);
                return true;
            case ("routing scale", GateCall c) when number == 0:
                (c with { Attributes = c.Attributes with { Scale = 1 } }).Run(right);
                return true;
            case ("router bias left out", GateCall c) when number == 0:
                (c with { Bias = null }).Run(right);
                return true;
            case ("gate and up swapped", SwiGluCall c) when number == 0:
                (c with { Gate = c.Up, Up = c.Gate.Clone() }).Run(right);
                return true;
            case ("expert rows shifted", GroupedLinearCall c) when number == 3 + 2:
                c.Run(right);
                c.Y.Rows(0, 1).CopyTo(c.Y.Rows(1, 1));
                return true;
            case ("shared expert left out", CombineCall c) when number == 0:
                (c with { Shared = null }).Run(right);
                return true;
            // Norms of a layer in order: input, q_a, kv_a, after attention.
            case ("large eps", RmsNormCall c) when number == 4:
                (c with { Epsilon = 0.001f }).Run(right);
                return true;
            default:
                return false;
        }
    }
}
