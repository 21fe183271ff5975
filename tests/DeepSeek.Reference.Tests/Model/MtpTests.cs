using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Checkpoints;
using DeepSeek.Reference.Tracing;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Model;

public class MtpTests
{
    [Theory]
    [InlineData("mtp.logits", MtpHidden.PostNorm, false)]
    [InlineData("mtp.logits_prenorm_hidden", MtpHidden.PreNorm, false)]
    [InlineData("mtp.logits_vllm_mask_pos0", MtpHidden.PostNorm, true)]
    public void Each_published_variant_is_reproduced(string name, MtpHidden hidden, bool zeroFirst)
    {
        using SafetensorsFile oracle = SafetensorsFile.Open(Golden.Path("oracles", "fp32_mtp", "oracle.safetensors"));
        NumericContract contract = NumericContract.Canonical with { MtpHidden = hidden, MtpZeroFirstEmbedding = zeroFirst };
        using DeepSeekModel model = DeepSeekModel.Load(Golden.Path("oracles", "fp32_mtp"), contract, new SimdBackend(1));
        var trace = new TraceCollector(["mtp.logits"]);
        int[] ids = [.. oracle.Get("input_ids").AsReadOnlySpan<long>().ToArray().Select(i => (int)i)];
        model.Forward([ids], new ForwardOptions { Trace = trace, Mtp = true });

        TensorComparison c = TensorComparison.Compare(oracle.Get(name), trace.Tensors()["mtp.logits"]);
        Assert.True(c.RelativeL2 <= 3e-6, $"{c.RelativeL2}");
    }

    [Fact]
    public void The_order_of_concatenation_is_the_contract_s()
    {
        Tensor embeddingFirst = Logits(NumericContract.Canonical);
        Tensor hiddenFirst = Logits(NumericContract.Canonical with { MtpConcat = MtpConcat.HiddenFirst });

        Assert.True(TensorComparison.Compare(embeddingFirst, hiddenFirst).RelativeL2 > 0.1);
    }

    [Fact]
    public void Further_modules_look_one_token_further_and_are_named_by_their_number()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3 with { NumNextnPredictLayers = 3 }, NumericContract.Canonical, new SimdBackend(1));
        var trace = new TraceCollector(["mtp.logits", "mtp.?.logits"], 2);
        model.Forward([SyntheticModel.Ids(9, 1), SyntheticModel.Ids(9, 2)], new ForwardOptions { Trace = trace, Mtp = true });

        Assert.Equal(["mtp.1.logits", "mtp.2.logits", "mtp.logits"], trace.Tensors().Keys);
        Assert.Equal(new Shape(2, 8, 50), trace.Tensors()["mtp.logits"].Shape);
        Assert.Equal(new Shape(2, 7, 50), trace.Tensors()["mtp.1.logits"].Shape);
        Assert.Equal(new Shape(2, 6, 50), trace.Tensors()["mtp.2.logits"].Shape);
    }

    [Theory]
    [InlineData(AttentionMode.Absorbed, false)]
    [InlineData(AttentionMode.Naive, true)]
    public void Every_module_s_names_come_out_whatever_the_number_of_tokens(AttentionMode attention, bool zeroFirst)
    {
        NumericContract contract = NumericContract.Canonical with { Attention = attention, MtpZeroFirstEmbedding = zeroFirst };
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3 with { NumNextnPredictLayers = 3 }, contract, new SimdBackend(1));
        string[]? names = null;
        for (int T = 1; T <= 5; T++)
        {
            var trace = new TraceCollector(["mtp.*"], 2);
            model.Forward([SyntheticModel.Ids(T, 1), SyntheticModel.Ids(T, 2)], new ForwardOptions { Trace = trace, Mtp = true });
            IReadOnlyDictionary<string, Tensor> tensors = trace.Tensors();

            names ??= [.. tensors.Keys];
            Assert.Equal(names, tensors.Keys);
            for (int k = 1; k <= 3; k++)
            {
                int rows = Math.Max(0, T - k);
                Assert.Equal(new Shape(2, rows, 50), tensors[OracleNames.MtpPrefix(k) + ".logits"].Shape);
                Assert.Equal(new Shape(2 * rows, model.Config.NumExpertsPerTok), tensors[OracleNames.MtpPrefix(k) + ".topk_indices"].Shape);
                Assert.Equal(new Shape(2, rows, model.Config.KvLoraRank), tensors[OracleNames.MtpPrefix(k) + ".c_kv"].Shape);
            }
        }

        Assert.Contains("mtp.2.mlp.expert_out", names!);
    }

    [Fact]
    public void Token_by_token_from_the_first_gives_the_bits_of_one_pass()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3 with { NumNextnPredictLayers = 3 }, NumericContract.Canonical, new SimdBackend(1));
        int[] ids = SyntheticModel.Ids(6, 1);
        var whole = new TraceCollector(["mtp.*"]);
        model.Forward([ids], new ForwardOptions { Trace = whole, Mtp = true });
        var steps = new TraceCollector(["mtp.*"]);
        LatentCache cache = model.NewCache();
        foreach (int id in ids)
            model.Forward([id], [cache], new ForwardOptions { Trace = steps, Mtp = true });

        IReadOnlyDictionary<string, Tensor> expected = whole.Tensors(), actual = steps.Tensors();
        Assert.Equal(expected.Keys, actual.Keys);
        foreach ((string name, Tensor tensor) in expected)
            Assert.True(AnyTensor.SameBytes(tensor, actual[name]), name);
    }

    [Fact]
    public void The_main_logits_do_not_depend_on_whether_the_modules_run()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3 with { NumNextnPredictLayers = 1 }, NumericContract.Canonical, new SimdBackend(1));
        int[] ids = SyntheticModel.Ids(9, 1);

        Assert.True(AnyTensor.SameBytes(model.Forward([ids]), model.Forward([ids], new ForwardOptions { Mtp = true })));
    }

    [Fact]
    public void A_cache_that_the_modules_did_not_follow_is_refused()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3 with { NumNextnPredictLayers = 1 }, NumericContract.Canonical, new SimdBackend(1));
        LatentCache cache = model.NewCache();
        model.Forward([1, 2, 3], [cache]);

        Assert.Contains("MTP", Assert.Throws<ContractException>(() => model.Forward([4], [cache], new ForwardOptions { Mtp = true })).Message);
    }

    [Fact]
    public void After_a_pass_that_failed_inside_the_modules_their_cache_is_refused_and_the_main_model_s_stands()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3 with { NumNextnPredictLayers = 1 }, NumericContract.Canonical, new SimdBackend(1));
        var mtp = new ForwardOptions { Mtp = true };
        LatentCache cache = model.NewCache();
        model.Forward([1, 2, 3], [cache], mtp);
        Assert.Throws<OperationCanceledException>(() => model.Forward([4, 5], [cache], mtp with { Trace = new StopAt("mtp.logits") }));

        // The state that the modules had kept is that of a token which never counted.
        Assert.Contains("MTP", Assert.Throws<ContractException>(() => model.Forward([4, 5], [cache], mtp)).Message);
        Tensor expected = model.Forward([[1, 2, 3, 4, 5]]).Reshape(5, 50).Rows(3, 2);
        Assert.True(AnyTensor.SameBytes(expected, model.Forward([4, 5], [cache]).Reshape(2, 50)));
    }

    private sealed class StopAt(string probe) : ITensorTrace
    {
        public bool Wants(string name) => name == probe;

        public void Probe(string name, Tensor tensor) => throw new OperationCanceledException();
    }

    private static Tensor Logits(NumericContract contract)
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3 with { NumNextnPredictLayers = 1 }, contract, new SimdBackend(1));
        var trace = new TraceCollector(["mtp.logits"]);
        model.Forward([SyntheticModel.Ids(9, 1)], new ForwardOptions { Trace = trace, Mtp = true });
        return trace.Tensors()["mtp.logits"];
    }
}
