using System.Text;
using Xunit;

namespace DeepSeek.Reference.Tests.Model;

public class DeepSeekConfigTests
{
    private static DeepSeekConfig Parse(string json) => DeepSeekConfig.Parse(Encoding.UTF8.GetBytes(json), "config.json");

    [Fact]
    public void Every_field_of_V3_is_read()
    {
        DeepSeekConfig c = DeepSeekConfig.Load(Golden.Path("configs", "deepseek-v3", "config.json"));
        Assert.Equal(["DeepseekV3ForCausalLM"], c.Architectures);
        Assert.Equal("modeling_deepseek.DeepseekV3Model", c.AutoMap["AutoModel"]);
        Assert.Equal("deepseek_v3", c.ModelType);
        Assert.Equal((129280, 7168, 18432, 2048), (c.VocabSize, c.HiddenSize, c.IntermediateSize, c.MoeIntermediateSize));
        Assert.Equal((61, 1, 3, 1), (c.NumHiddenLayers, c.NumNextnPredictLayers, c.FirstKDenseReplace, c.MoeLayerFreq));
        Assert.Equal((128, 128, 1536, 512), (c.NumAttentionHeads, c.NumKeyValueHeads, c.QLoraRank, c.KvLoraRank));
        Assert.Equal((128, 64, 128, 192), (c.QkNopeHeadDim, c.QkRopeHeadDim, c.VHeadDim, c.QkHeadDim));
        Assert.Equal((256, 1, 8, 8, 4), (c.NRoutedExperts, c.NSharedExperts, c.NumExpertsPerTok, c.NGroup, c.TopkGroup));
        Assert.Equal((TopkMethod.NoAuxTc, ScoringFunc.Sigmoid, true, 2.5), (c.TopkMethod, c.ScoringFunc, c.NormTopkProb, c.RoutedScalingFactor));
        Assert.Equal((0.001, true, 1, 1), (c.AuxLossAlpha, c.SeqAux, c.EpSize, c.PretrainingTp));
        Assert.Equal(("silu", 1e-6, 0.02, false, 0.0), (c.HiddenAct, c.RmsNormEps, c.InitializerRange, c.AttentionBias, c.AttentionDropout));
        Assert.Equal((163840, 10000.0, true), (c.MaxPositionEmbeddings, c.RopeTheta, c.RopeInterleave));
        Assert.Equal(new RopeScaling { Factor = 40, OriginalMaxPositionEmbeddings = 4096, BetaFast = 32, BetaSlow = 1, MScale = 1, MScaleAllDim = 1 }, c.RopeScaling);
        Assert.Equal((false, 0, 1, DType.BF16, "4.33.1", true), (c.TieWordEmbeddings, c.BosTokenId, c.EosTokenId, c.TorchDtype, c.TransformersVersion, c.UseCache));
        Assert.Equal(new QuantizationConfig { QuantMethod = "fp8", Fmt = "e4m3", ActivationScheme = "dynamic", BlockRows = 128, BlockColumns = 128 }, c.QuantizationConfig);
        Assert.Equal(2048, c.SharedIntermediateSize);
        Assert.Equal([false, false, false, true, true, true], new[] { 0, 1, 2, 3, 60, 61 }.Select(c.IsMoeLayer));
    }

    [Fact]
    public void V2_Lite_is_read()
    {
        DeepSeekConfig c = DeepSeekConfig.Load(Golden.Path("configs", "deepseek-v2-lite", "config.json"));
        Assert.Equal((null, TopkMethod.Greedy, ScoringFunc.Softmax, false), (c.QLoraRank, c.TopkMethod, c.ScoringFunc, c.NormTopkProb));
        Assert.Equal((0, 2816, 0.707, null), (c.NumNextnPredictLayers, c.SharedIntermediateSize, c.RopeScaling!.MScaleAllDim, c.QuantizationConfig));
    }

    [Fact]
    public void Every_oracle_is_read()
    {
        foreach (string folder in Directory.GetDirectories(Golden.Path("oracles")).Where(DeepSeek.Reference.Verification.ModelCase.IsCase))
            Assert.Equal(Path.GetFileName(folder) is "f64_grad" || Path.GetFileName(folder).StartsWith("fp32", StringComparison.Ordinal) ? DType.F32 : DType.BF16, DeepSeekConfig.Load(Path.Combine(folder, "config.json")).TorchDtype);
    }

    [Fact]
    public void Fields_that_V2_lacks_take_V2s_behaviour()
    {
        var json = new ConfigText { ["model_type"] = "\"deepseek_v2\"" };
        foreach (string field in new[] { "topk_method", "scoring_func", "norm_topk_prob", "num_nextn_predict_layers", "quantization_config", "rope_scaling" })
            json.Remove(field);
        DeepSeekConfig c = Parse(json.ToString());
        Assert.Equal((TopkMethod.GroupLimitedGreedy, ScoringFunc.Softmax, false, 0, null), (c.TopkMethod, c.ScoringFunc, c.NormTopkProb, c.NumNextnPredictLayers, c.RopeScaling));
        json["n_group"] = "1";
        json["topk_group"] = "null";
        Assert.Equal(TopkMethod.Greedy, Parse(json.ToString()).TopkMethod);
    }

    [Fact]
    public void Null_experts_make_a_dense_model()
    {
        var json = new ConfigText { ["n_routed_experts"] = "null" };
        foreach (string field in new[] { "n_shared_experts", "num_experts_per_tok", "moe_intermediate_size", "routed_scaling_factor", "n_group", "topk_group", "topk_method" })
            json.Remove(field);
        Assert.False(Parse(json.ToString()).IsMoeLayer(60));
    }

    [Theory, InlineData("null"), InlineData("0")]
    public void No_query_compression_is_null_or_zero(string rank) => Assert.Null(Parse(new ConfigText { ["q_lora_rank"] = rank }.ToString()).QLoraRank);

    [Fact]
    public void Newer_spellings_are_read()
    {
        var json = new ConfigText { ["dtype"] = "\"float32\"", ["eos_token_id"] = "[7]" };
        json["rope_parameters"] = """{"rope_theta":50000.0,"rope_type":"yarn","factor":4,"original_max_position_embeddings":32}""";
        foreach (string field in new[] { "torch_dtype", "rope_theta", "rope_scaling" })
            json.Remove(field);
        DeepSeekConfig c = Parse(json.ToString());
        Assert.Equal((DType.F32, 50000.0, 7), (c.TorchDtype, c.RopeTheta, c.EosTokenId));
        Assert.Equal(new RopeScaling { Factor = 4, OriginalMaxPositionEmbeddings = 32, HasMScale = false }, c.RopeScaling);

        json["rope_parameters"] = """{"rope_theta":10000.0,"rope_type":"default"}""";
        Assert.Null(Parse(json.ToString()).RopeScaling);
    }

    [Fact]
    public void UE8M0_scales_are_read()
    {
        var json = new ConfigText { ["quantization_config"] = """{"quant_method":"fp8","fmt":"e4m3","weight_block_size":[64,32],"scale_fmt":"ue8m0"}""" };
        QuantizationConfig q = Parse(json.ToString()).QuantizationConfig!;
        Assert.Equal((64, 32, ScaleFormat.UE8M0), (q.BlockRows, q.BlockColumns, q.ScaleFmt));
        Assert.Empty(q.ModulesToNotConvert);
    }

    [Theory]
    [InlineData("modules_to_not_convert")]
    [InlineData("ignored_layers")]
    public void Modules_that_were_not_converted_are_read(string field)
    {
        var json = new ConfigText { ["quantization_config"] = $$"""{"quant_method":"fp8","weight_block_size":[128,128],"{{field}}":["lm_head","self_attn.kv_b_proj"]}""" };
        var table = new ParameterTable(Parse(json.ToString()));
        Assert.True(table.TryGet("model.layers.7.self_attn.kv_b_proj.weight", out Parameter? left));
        Assert.True(table.TryGet("model.layers.7.self_attn.o_proj.weight", out Parameter? converted));
        Assert.Equal((DType.BF16, DType.F8_E4M3), (left.DType, converted.DType));
        Assert.False(table.TryGet("model.layers.7.self_attn.kv_b_proj.weight_scale_inv", out _));
    }

    [Theory]
    [InlineData("float32", null, "Canonical")]
    [InlineData("bfloat16", null, "DeepSeekInference")]
    [InlineData("float32", """{"quant_method":"fp8","fmt":"e4m3","weight_block_size":[128,128]}""", "DeepSeekInference")]
    public void Rule_N17_the_checkpoint_chooses_the_contract(string dtype, string? quantization, string contract)
    {
        var json = new ConfigText { ["torch_dtype"] = $"\"{dtype}\"" };
        json.Remove("quantization_config");
        if (quantization is not null)
            json["quantization_config"] = quantization;
        DeepSeekConfig config = DeepSeekConfig.Parse(System.Text.Encoding.UTF8.GetBytes(json.ToString()), "config.json");
        Assert.Equal(contract, DeepSeek.Reference.Model.DeepSeekModel.DefaultContract(config).Name);
    }
}
