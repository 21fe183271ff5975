using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Checkpoints;
using DeepSeek.Reference.Tests.Verification.Bisection;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Model;

/// <summary>FP8 weights and their scales as a model takes them (rule N22).</summary>
public class Fp8WeightTests
{
    private const string Up = "model.layers.0.mlp.up_proj.weight";
    private const string UpScale = "model.layers.0.mlp.up_proj.weight_scale_inv";
    private static readonly SimdBackend Backend = new(1);

    [Fact]
    public void Rule_N22_a_weight_without_its_scale_is_named_with_the_scale()
    {
        Dictionary<string, Tensor> weights = QuantizedModel.Weights(QuantizedModel.Ragged);
        weights.Remove(UpScale);
        Refused(weights, Up, UpScale, "missing");
    }

    [Theory]
    [InlineData(DType.F32, 1, 2)]
    [InlineData(DType.BF16, 1, 1)]
    [InlineData(DType.F8_E8M0, 1, 1)]
    public void Rule_N22_a_scale_of_another_shape_or_dtype_is_named(DType dtype, int rows, int columns)
    {
        Dictionary<string, Tensor> weights = QuantizedModel.Weights(QuantizedModel.Ragged);
        weights[UpScale] = new Tensor(dtype, rows, columns);
        Refused(weights, UpScale, $"{dtype.Name()} [{rows}, {columns}]", "needs F32 [1, 1]");
    }

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.PositiveInfinity, "Infinity")]
    [InlineData(-1f, "-1")]
    public void Rule_N22_a_scale_that_is_not_finite_or_negative_is_named(float value, string shown)
    {
        Dictionary<string, Tensor> weights = QuantizedModel.Weights(QuantizedModel.Ragged);
        weights[UpScale].AsSpan<float>()[0] = value;
        Refused(weights, UpScale, "element 0", shown);
    }

    [Fact]
    public void FP8_weights_of_a_config_without_quantization_are_named()
    {
        Dictionary<string, Tensor> weights = QuantizedModel.Weights(QuantizedModel.Ragged);
        Refusal.Of(() => QuantizedModel.Make(QuantizedModel.Ragged with { QuantizationConfig = null }, NumericContract.Canonical, Backend, weights: weights), "F8_E4M3", "no quantization_config");
    }

    [Fact]
    public void FP8_where_a_projection_is_not_meant_is_refused()
    {
        Dictionary<string, Tensor> weights = QuantizedModel.Weights(QuantizedModel.Ragged);
        weights["model.layers.1.mlp.gate.weight"] = new Tensor(DType.F8_E4M3, 8, 24);
        string message = Assert.Throws<ContractException>(() => QuantizedModel.Make(QuantizedModel.Ragged, NumericContract.Canonical, Backend, weights: weights)).Message;
        Assert.Contains("model.layers.1.mlp.gate.weight", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_block_size_is_refused()
    {
        DeepSeekConfig config = QuantizedModel.Ragged with { QuantizationConfig = QuantizedModel.Quantization(ScaleFormat.F32) with { BlockRows = 64 } };
        Assert.Contains("[64, 128]", Assert.Throws<ContractException>(() => QuantizedModel.Make(config, NumericContract.Canonical, Backend, weights: QuantizedModel.Weights(QuantizedModel.Ragged))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Canonical")]
    [InlineData("Ideal")]
    [InlineData("DeepSeekInference")]
    [InlineData("HuggingFace")]
    public void Rule_N22_dequantised_weights_give_the_logits_of_a_checkpoint_that_holds_them(string name)
    {
        NumericContract contract = NumericContract.Parse(name);
        DeepSeekConfig config = QuantizedModel.Ragged;
        Dictionary<string, Tensor> weights = QuantizedModel.Weights(config);
        var plain = new Dictionary<string, Tensor>();
        foreach ((string tensor, Tensor t) in weights.Where(w => !w.Key.EndsWith("_scale_inv", StringComparison.Ordinal)))
            plain[tensor] = t.DType == DType.F8_E4M3 ? ByHand(t, weights[tensor + "_scale_inv"], contract.Activations) : t;

        int[] ids = SyntheticModel.Ids(9, 3);
        using DeepSeekModel quantized = QuantizedModel.Make(config, contract, Backend, Fp8Mode.Dequantize, weights);
        using DeepSeekModel dense = SyntheticModel.Make(config with { QuantizationConfig = null }, contract, Backend, plain);
        Assert.Equal((Fp8Mode.Dequantize, (Fp8Mode?)null), (quantized.Fp8!.Value, dense.Fp8));
        Assert.True(TensorComparison.Compare(dense.Forward([ids]), quantized.Forward([ids])).IsBitEqual);
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(1L << 40)]
    public void Rule_N22_keeping_dequantised_weights_changes_no_bit(long kept)
    {
        DeepSeekConfig config = QuantizedModel.Ragged;
        Dictionary<string, Tensor> weights = QuantizedModel.Weights(config);
        int[] ids = SyntheticModel.Ids(7, 5);
        using DeepSeekModel usual = QuantizedModel.Make(config, NumericContract.DeepSeekInference, Backend, Fp8Mode.Dequantize, weights);
        using DeepSeekModel other = new(config, weights.GetValueOrDefault, NumericContract.DeepSeekInference, Backend, "synthetic", Fp8Mode.Dequantize, null, null, kept);
        Assert.True(TensorComparison.Compare(usual.Forward([ids]), other.Forward([ids])).IsBitEqual);
        Assert.True(TensorComparison.Compare(usual.Forward([ids]), other.Forward([ids])).IsBitEqual);
    }

    [Fact]
    public void Weights_that_are_not_kept_are_dequantised_once_a_pass()
    {
        DeepSeekConfig config = QuantizedModel.Ragged;
        Dictionary<string, Tensor> weights = QuantizedModel.Weights(config);
        var made = new List<Tensor>();
        var counting = new PlantedBackend((call, _, _) =>
        {
            if (call is DequantizeCall dequantize)
                made.Add(dequantize.Codes);
            return false;
        });
        using DeepSeekModel model = new(config, weights.GetValueOrDefault, NumericContract.DeepSeekInference, counting, "synthetic", Fp8Mode.Dequantize, null, null, keptBytes: 0);
        model.Forward([SyntheticModel.Ids(5, 1)]);
        Assert.Equal(AttentionMode.Absorbed, model.Contract.Attention);
        Tensor[] absorbed = [.. weights.Where(w => w.Key.EndsWith("kv_b_proj.weight", StringComparison.Ordinal)).Select(w => w.Value)];
        Assert.Equal(config.NumHiddenLayers, made.Count(absorbed.Contains));
        Assert.Equal(made.Count, made.Distinct().Count());
    }

    [Fact]
    public void Rule_N22_a_mixed_checkpoint_runs_with_and_without_a_list_of_what_was_left()
    {
        string[] left = ["model.layers.1.mlp.experts.2", "kv_b_proj", "model.layers.0.self_attn.o_proj"];
        DeepSeekConfig listed = QuantizedModel.Ragged with { QuantizationConfig = QuantizedModel.Quantization(ScaleFormat.F32, left) };
        Dictionary<string, Tensor> weights = QuantizedModel.Weights(listed);
        foreach (string name in (string[])["model.layers.1.mlp.experts.2.up_proj", "model.layers.2.self_attn.kv_b_proj", "model.layers.0.self_attn.o_proj"])
            Assert.Equal((DType.BF16, false), (weights[name + ".weight"].DType, weights.ContainsKey(name + ".weight_scale_inv")));
        Assert.Equal(DType.F8_E4M3, weights["model.layers.1.mlp.experts.3.up_proj.weight"].DType);

        int[] ids = SyntheticModel.Ids(6, 2);
        using DeepSeekModel with = QuantizedModel.Make(listed, NumericContract.DeepSeekInference, Backend, weights: weights);
        using DeepSeekModel without = QuantizedModel.Make(QuantizedModel.Ragged, NumericContract.DeepSeekInference, Backend, weights: weights);
        Assert.True(TensorComparison.Compare(with.Forward([ids]), without.Forward([ids])).IsBitEqual);
    }

    [Theory]
    [InlineData("model.layers.1", false)]
    [InlineData("experts.2", false)]
    [InlineData("up_proj", false)]
    [InlineData("model.layers.1.mlp.experts.2.up_proj", false)]
    [InlineData("model.layers.10", true)]
    [InlineData("layers.1.mlp.experts.2.up_pro", true)]
    [InlineData("p_proj", true)]
    [InlineData("", true)]
    public void A_module_that_was_left_is_a_name_of_whole_components(string left, bool converts) =>
        Assert.Equal(converts, QuantizedModel.Quantization(ScaleFormat.F32, left).Converts("model.layers.1.mlp.experts.2.up_proj"));

    [Fact]
    public void Rule_N22_a_scale_may_lie_in_another_shard_than_its_weight()
    {
        string folder = Directory.CreateTempSubdirectory("fp8-shards").FullName;
        try
        {
            Dictionary<string, Tensor> weights = QuantizedModel.Weights(QuantizedModel.Ragged);
            QuantizedModel.Write(folder, QuantizedModel.Ragged, weights, shards: 3);
            int[] ids = SyntheticModel.Ids(5, 4);
            using DeepSeekModel sharded = DeepSeekModel.Load(folder, null, Backend);
            using DeepSeekModel memory = QuantizedModel.Make(QuantizedModel.Ragged, NumericContract.DeepSeekInference, Backend, weights: weights);
            Assert.Equal("DeepSeekInference", sharded.Contract.Name);
            Assert.True(TensorComparison.Compare(memory.Forward([ids]), sharded.Forward([ids])).IsBitEqual);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData(Fp8Mode.Gemm)]
    [InlineData(Fp8Mode.Dequantize)]
    public void Rule_N3_a_NaN_code_that_reaches_a_choice_is_named(Fp8Mode fp8)
    {
        Dictionary<string, Tensor> weights = QuantizedModel.Weights(QuantizedModel.Whole);
        weights[Up].AsSpan<byte>()[3] = 0xFF;
        using DeepSeekModel model = QuantizedModel.Make(QuantizedModel.Whole, NumericContract.DeepSeekInference, Backend, fp8, weights);
        string message = Assert.Throws<NotANumberException>(() => model.Forward([SyntheticModel.Ids(5, 1)])).Message;
        Assert.Contains($"'{Up}' has a NaN at element 3", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_tensor_of_the_dequantised_oracle_has_the_official_bits()
    {
        ModelCaseResult result = ModelCase.Run(Golden.Path("oracles", "fp8_dequant"), new SimdBackend(1));
        TensorVerdict[] judged = [.. result.Tensors.Where(t => t.Role == TensorRole.Judged)];
        Assert.Equal(22, judged.Length);
        Assert.All(judged, t => Assert.Equal(t.Count, t.BitEqualCount));
    }

    /// <summary>code · scale, rounded to binary32 and then to the dtype.</summary>
    private static Tensor ByHand(Tensor codes, Tensor scales, DType dtype)
    {
        var wide = new Tensor(DType.F32, codes.Shape);
        for (int i = 0; i < codes.Shape[0]; i++)
        {
            for (int j = 0; j < codes.Shape[1]; j++)
            {
                float code = codes.AsReadOnlySpan<Float8E4M3>()[(int)((i * codes.Shape[1]) + j)].ToSingle();
                wide.AsSpan<float>()[(int)((i * codes.Shape[1]) + j)] = code * scales.AsReadOnlySpan<float>()[(int)((i / 128 * scales.Shape[1]) + (j / 128))];
            }
        }

        var y = new Tensor(dtype, codes.Shape);
        Backend.Cast(wide, y);
        return y;
    }

    private static void Refused(Dictionary<string, Tensor> weights, params string[] parts) =>
        Refusal.Of(() => QuantizedModel.Make(QuantizedModel.Ragged, NumericContract.DeepSeekInference, Backend, weights: weights), parts);
}
