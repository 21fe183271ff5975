using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Checkpoints;
using DeepSeek.Reference.Tracing;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Model;

/// <summary>Models with FP8 products and FP8 caches (rule N22).</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public class Fp8ModelTests
{
    private static readonly DeepSeekConfig Powers = QuantizedModel.Whole with { QuantizationConfig = QuantizedModel.Quantization(ScaleFormat.UE8M0) };
    private static readonly Lazy<Dictionary<string, Tensor>> Weights = new(() => QuantizedModel.Weights(QuantizedModel.Whole));
    private static readonly Lazy<Dictionary<string, Tensor>> PowerWeights = new(() => QuantizedModel.Weights(Powers));

    public static TheoryData<string, AttentionMode, CacheFormat> Runs()
    {
        var data = new TheoryData<string, AttentionMode, CacheFormat>();
        foreach (string contract in (string[])["DeepSeekInference", "HopperFp8", "Canonical"])
        {
            foreach (AttentionMode mode in Enum.GetValues<AttentionMode>())
            {
                foreach (CacheFormat cache in Enum.GetValues<CacheFormat>())
                    data.Add(contract, mode, cache);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Rule_N22_scalar_and_simd_agree_in_every_bit_of_every_probe(string contract, AttentionMode mode, CacheFormat cache)
    {
        int[][] rows = [SyntheticModel.Ids(3, 1), SyntheticModel.Ids(3, 2)];
        AssertSame(Run(contract, mode, cache, new ScalarBackend(), rows, 3), Run(contract, mode, cache, new SimdBackend(2), rows, 3));
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Rule_N22_a_prompt_at_once_equals_chunks_equals_token_by_token(string contract, AttentionMode mode, CacheFormat cache)
    {
        int[][] rows = [SyntheticModel.Ids(11, 3), SyntheticModel.Ids(11, 4)];
        var backend = new SimdBackend(1);
        IReadOnlyDictionary<string, Tensor> expected = Run(contract, mode, cache, backend, rows, 11);
        foreach (int chunk in (int[])[1, 2, 7])
            AssertSame(expected, Run(contract, mode, cache, backend, rows, chunk));
        Assert.True(AnyTensor.SameBytes(Run(contract, mode, cache, backend, [rows[1]], 11)["logits"], expected["logits"].Rows(1, 1)));
    }

    [Theory]
    [InlineData("DeepSeekInference", ScaleFormat.F32)]
    [InlineData("HopperFp8", ScaleFormat.UE8M0)]
    public void Rule_N22_scale_fmt_reaches_the_projections_that_the_contract_names(string name, ScaleFormat parallel)
    {
        NumericContract contract = NumericContract.Parse(name);
        var backend = new SimdBackend(1);
        using DeepSeekModel model = QuantizedModel.Make(Powers, contract, backend, weights: PowerWeights.Value);
        var trace = new TraceCollector(["layers.*"]);
        model.Forward([SyntheticModel.Ids(5, 1)], new ForwardOptions { Trace = trace });
        IReadOnlyDictionary<string, Tensor> t = trace.Tensors();

        void Holds(string input, string projection, string output, ScaleFormat scales)
        {
            Tensor weight = PowerWeights.Value[$"{projection}.weight"];
            Tensor x = t[input].Reshape(5, weight.Shape[1]);
            var codes = new Tensor(DType.F8_E4M3, x.Shape);
            var s = new Tensor(DType.F32, 5, weight.Shape[1] / 128);
            backend.Quantize(x, new QuantizeAttributes(QuantizationTile.Row1x128, contract.Fp8Quantizer, scales), codes, s);
            var y = new Tensor(DType.BF16, 5, weight.Shape[0]);
            backend.ScaledLinear(codes, s, weight, PowerWeights.Value[$"{projection}.weight_scale_inv"], contract.Fp8Product!, null, y);
            Assert.True(y.AsBytes().SequenceEqual(t[output].AsBytes()), $"{output} with {scales}");
        }

        Holds("layers.0.input_norm", "model.layers.0.self_attn.q_a_proj", "layers.0.self_attn.q_a", ScaleFormat.UE8M0);
        Holds("layers.0.input_norm", "model.layers.0.self_attn.kv_a_proj_with_mqa", "layers.0.self_attn.kv_a", ScaleFormat.UE8M0);
        Holds("layers.0.self_attn.head_out", "model.layers.0.self_attn.o_proj", "layers.0.attn_out", parallel);
        Holds("layers.0.post_attention_norm", "model.layers.0.mlp.gate_proj", "layers.0.mlp.gate_proj", parallel);
        Holds("layers.1.post_attention_norm", "model.layers.1.mlp.shared_experts.up_proj", "layers.1.mlp.shared_experts.up_proj", parallel);
    }

    [Fact]
    public void Rule_N22_FP8_products_are_the_default_where_contract_and_widths_allow_them()
    {
        var backend = new SimdBackend(1);
        Fp8Mode? Taken(DeepSeekConfig config, NumericContract contract, Fp8Mode asked = Fp8Mode.Auto)
        {
            using DeepSeekModel model = QuantizedModel.Make(config, contract, backend, asked, config == QuantizedModel.Whole ? Weights.Value : null);
            return model.Fp8;
        }

        Assert.Equal(Fp8Mode.Gemm, Taken(QuantizedModel.Whole, NumericContract.DeepSeekInference));
        Assert.Equal(Fp8Mode.Gemm, Taken(QuantizedModel.Whole, NumericContract.HopperFp8));
        Assert.Equal(Fp8Mode.Dequantize, Taken(QuantizedModel.Whole, NumericContract.DeepSeekInference, Fp8Mode.Dequantize));
        Assert.Equal(Fp8Mode.Dequantize, Taken(QuantizedModel.Ragged, NumericContract.DeepSeekInference));
        Assert.Equal(Fp8Mode.Gemm, Taken(QuantizedModel.Ragged, NumericContract.DeepSeekInference, Fp8Mode.Gemm));
        foreach (NumericContract without in (NumericContract[])[NumericContract.Canonical, NumericContract.HuggingFace, NumericContract.Ideal])
        {
            Assert.Equal(Fp8Mode.Dequantize, Taken(QuantizedModel.Whole, without));
            Assert.Contains($"{without.Name} has no FP8 product", Assert.Throws<ContractException>(() => Taken(QuantizedModel.Whole, without, Fp8Mode.Gemm)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Rule_N22_a_mixed_checkpoint_runs_by_FP8_products()
    {
        Dictionary<string, Tensor> mixed = new(Weights.Value);
        Dictionary<string, Tensor> plain = SyntheticModel.Weights(QuantizedModel.Whole with { QuantizationConfig = null }, DType.BF16);
        foreach (string name in (string[])["model.layers.1.mlp.experts.2.up_proj.weight", "model.layers.0.self_attn.kv_b_proj.weight", "model.layers.0.mlp.down_proj.weight"])
        {
            mixed[name] = plain[name];
            mixed.Remove(name + "_scale_inv");
        }

        int[] ids = SyntheticModel.Ids(9, 1);
        using DeepSeekModel one = QuantizedModel.Make(QuantizedModel.Whole, NumericContract.DeepSeekInference, new ScalarBackend(), weights: mixed);
        using DeepSeekModel two = QuantizedModel.Make(QuantizedModel.Whole, NumericContract.DeepSeekInference, new SimdBackend(2), weights: mixed);
        Assert.Equal(Fp8Mode.Gemm, one.Fp8);
        Assert.True(AnyTensor.SameBytes(one.Forward([ids]), two.Forward([ids])));
    }

    [Fact]
    public void Rule_N22_ragged_widths_multiply_as_FP8_when_asked_for()
    {
        int[] ids = SyntheticModel.Ids(7, 1);
        using DeepSeekModel one = QuantizedModel.Make(QuantizedModel.Ragged, NumericContract.HopperFp8, new ScalarBackend(), Fp8Mode.Gemm);
        using DeepSeekModel two = QuantizedModel.Make(QuantizedModel.Ragged, NumericContract.HopperFp8, new SimdBackend(2), Fp8Mode.Gemm);
        using DeepSeekModel dense = QuantizedModel.Make(QuantizedModel.Ragged, NumericContract.HopperFp8, new SimdBackend(2));
        Tensor logits = one.Forward([ids]);
        Assert.True(AnyTensor.SameBytes(logits, two.Forward([ids])));
        Assert.False(AnyTensor.SameBytes(dense.Forward([ids]), logits));
    }

    [Theory]
    [InlineData(CacheFormat.Activations)]
    [InlineData(CacheFormat.Fp8)]
    public void Greedy_ids_are_those_of_whole_prompts(CacheFormat cache)
    {
        using DeepSeekModel model = QuantizedModel.Make(QuantizedModel.Whole, NumericContract.DeepSeekInference with { Cache = cache }, new SimdBackend(1), weights: Weights.Value);
        int[] prompt = SyntheticModel.Ids(4, 6);
        GeneratedSequence row = new Generator(model).Generate([prompt], new GenerationOptions { MaxTokens = 5, IgnoreEos = true })[0];

        int[] all = [.. prompt, .. row.Ids];
        ReadOnlySpan<BFloat16> logits = model.Forward([all]).AsReadOnlySpan<BFloat16>();
        for (int i = 0; i < row.Ids.Count; i++)
        {
            float[] last = [.. logits.Slice((prompt.Length + i - 1) * 50, 50).ToArray().Select(v => (float)v)];
            Assert.Equal(Array.IndexOf(last, last.Max()), row.Ids[i]);
        }
    }

    [Theory]
    [InlineData("fp8_act")]
    [InlineData("fp8_act_ue8m0")]
    public void Every_tensor_of_the_oracles_with_FP8_products_has_the_official_bits(string name)
    {
        ModelCaseResult result = ModelCase.Run(Golden.Path("oracles", name), new SimdBackend(1));
        TensorVerdict[] judged = [.. result.Tensors.Where(t => t.Role == TensorRole.Judged)];
        Assert.Equal((Fp8Mode.Gemm, 22), (result.Fp8!.Value, judged.Length));
        Assert.All(judged, t => Assert.Equal(t.Count, t.BitEqualCount));
    }

    private static IReadOnlyDictionary<string, Tensor> Run(string name, AttentionMode mode, CacheFormat cache, IBackend backend, int[][] rows, int chunk)
    {
        NumericContract contract = NumericContract.Parse(name) with { Attention = mode, Cache = cache };
        using DeepSeekModel model = QuantizedModel.Make(QuantizedModel.Whole, contract, backend, weights: Weights.Value);
        var trace = new TraceCollector(["*"], rows.Length);
        LatentCache[] caches = [.. rows.Select(_ => model.NewCache())];
        for (int t = 0; t < rows[0].Length; t += chunk)
            model.Forward([.. rows.SelectMany(r => r.Skip(t).Take(chunk))], caches, new ForwardOptions { Trace = trace, Mtp = true });
        return trace.Tensors();
    }

    private static void AssertSame(IReadOnlyDictionary<string, Tensor> expected, IReadOnlyDictionary<string, Tensor> actual)
    {
        Assert.Equal(expected.Keys, actual.Keys);
        foreach ((string name, Tensor t) in expected)
            Assert.True(AnyTensor.SameBytes(t, actual[name]), name);
    }
}
