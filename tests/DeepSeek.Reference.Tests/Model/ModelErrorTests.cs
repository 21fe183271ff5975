using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Checkpoints;
using Xunit;

namespace DeepSeek.Reference.Tests.Model;

public class ModelErrorTests
{
    private static readonly IBackend Backend = new SimdBackend(1);

    [Theory]
    [InlineData("model.layers.1.mlp.experts.5.up_proj.weight")]
    [InlineData("model.layers.2.self_attn.kv_a_layernorm.weight")]
    [InlineData("lm_head.weight")]
    public void A_missing_tensor_is_named(string name)
    {
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(SyntheticModel.V3);
        weights.Remove(name);

        Refusal.Of(() => SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, Backend, weights), name, "missing");
    }

    [Fact]
    public void A_wrong_shape_is_named_with_both_shapes()
    {
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(SyntheticModel.V3);
        weights["model.layers.0.self_attn.o_proj.weight"] = new Tensor(DType.F32, 24, 14);

        Refusal.Of(() => SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, Backend, weights), "model.layers.0.self_attn.o_proj.weight", "[24, 14]", "[24, 15]");
    }

    [Theory]
    [InlineData("model.layers.0.mlp.up_proj.weight", 1)]
    [InlineData("model.layers.1.mlp.gate.weight", 1)]
    [InlineData("model.layers.1.mlp.gate.e_score_correction_bias", 1)]
    [InlineData("model.layers.1.mlp.shared_experts.down_proj.weight", 2)]
    public void A_NaN_that_reaches_the_choice_of_experts_names_the_layer(string name, int layer)
    {
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(SyntheticModel.V3);
        weights[name].AsSpan<float>()[3] = float.NaN;
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, Backend, weights);

        string message = Assert.Throws<NotANumberException>(() => model.Forward([SyntheticModel.Ids(5, 1)])).Message;
        Assert.Contains($"model.layers.{layer}.mlp.gate", message);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Logits_of_the_callers_have_the_contract_s_dtype_and_the_pass_s_shape()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, Backend);
        LatentCache cache = model.NewCache();

        Assert.Contains("F32", Assert.Throws<ShapeException>(() => model.Forward([1, 2], [cache], new Tensor(DType.BF16, 1, 2, 50))).Message);
        Assert.Contains("[1, 2, 50]", Assert.Throws<ShapeException>(() => model.Forward([1, 2], [cache], new Tensor(DType.F32, 2, 50))).Message);
        Assert.Equal(0, cache.Length);
    }

    [Fact]
    public void An_id_outside_the_vocabulary_names_row_and_position()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, Backend);

        Refusal.Of(() => model.Forward([[1, 2, 3], [4, 50, 6]]), "row 1, position 1", "50");
        Refusal.Of(() => model.Forward([[-1]]), "row 0, position 0", "-1");
    }

    [Fact]
    public void An_empty_prompt_and_unequal_rows_are_refused()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, Backend);

        Refusal.Of(() => model.Forward([Array.Empty<int>()]), "row 0 is empty");
        Refusal.Of(() => model.Forward([[1, 2], [3]]), "row 1 has 1 ids");
        Refusal.Of(() => model.Forward(Array.Empty<int[]>()), "no sequence");
    }

    [Fact]
    public void More_positions_than_the_model_has_are_refused()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, Backend);

        Assert.Contains("max_position_embeddings", Assert.Throws<DataException>(() => model.Forward([SyntheticModel.Ids(201, 1)])).Message);
    }

    [Fact]
    public void Rule_N17_a_cache_never_mixes_modes()
    {
        using DeepSeekModel absorbed = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, Backend);
        using DeepSeekModel naive = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical with { Attention = AttentionMode.Naive }, Backend);
        LatentCache cache = absorbed.NewCache();
        absorbed.Forward([1, 2], [cache]);

        Assert.Contains("never mixes modes", Assert.Throws<ContractException>(() => naive.Forward([3], [cache])).Message);
    }

    [Fact]
    public void A_cache_of_fixed_capacity_refuses_the_token_that_does_not_fit()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, Backend);
        LatentCache cache = model.NewCache(3, fixedCapacity: true);
        model.Forward([1, 2, 3], [cache]);

        Assert.Throws<ContractException>(() => model.Forward([4], [cache]));
        Assert.Equal(3, cache.Length);
    }

    [Fact]
    public void V3_s_cache_takes_576_values_a_token_and_layer_and_70272_bytes_a_token()
    {
        DeepSeekConfig config = DeepSeekConfig.Load(Golden.Path("configs", "deepseek-v3", "config.json"));

        Assert.Equal(576, LatentCache.ValuesFor(config));
        Assert.Equal(70272, LatentCache.BytesFor(config, DType.BF16));
        Assert.Equal(70272, new LatentCache(config, NumericContract.DeepSeekInference).BytesPerToken);
    }
}
