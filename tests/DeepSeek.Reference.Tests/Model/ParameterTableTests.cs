using DeepSeek.Reference.Tests.Checkpoints;
using Xunit;

namespace DeepSeek.Reference.Tests.Model;

public class ParameterTableTests
{
    private static readonly Dictionary<string, ParameterTable> Tables =
        new[] { "deepseek-v3", "deepseek-v2-lite" }.ToDictionary(m => m, m => new ParameterTable(DeepSeekConfig.Load(Golden.Path("configs", m, "config.json"))));

    private static ParameterTable Table(string model) => Tables[model];

    [Fact]
    public void V3_has_the_published_totals()
    {
        ParameterTable table = Table("deepseek-v3");
        Assert.Equal(671_026_419_200, table.MainCount);
        Assert.Equal(684_489_845_504, table.TotalCount);
        Assert.Equal("11.610", (table.MtpCount / 1e9).ToString("F3"));
        Assert.Equal("13.463", ((table.MtpCount + table.DuplicateCount) / 1e9).ToString("F3"));
        Assert.Equal("37.55", (table.ActivatedCount / 1e9).ToString("F2"));
        Assert.Equal("36.63", (table.ActivatedCountWithoutEmbedding / 1e9).ToString("F2"));
    }

    [Fact]
    public void V3_layers_have_the_published_totals()
    {
        Parameter[] all = [.. Table("deepseek-v3").Parameters.Where(p => !p.IsScale)];
        long Sum(string prefix) => all.Where(p => p.Name.StartsWith(prefix, StringComparison.Ordinal)).Sum(p => p.ElementCount);
        Assert.Equal(187_107_328, Sum("model.layers.60.self_attn."));
        Assert.Equal(396_361_728, Sum("model.layers.2.mlp."));
        Assert.Equal(44_040_192, Sum("model.layers.3.mlp.experts.255."));
        Assert.Equal(11_320_164_608, Sum("model.layers.61.mlp."));
    }

    [Fact]
    public void V3_cache_has_the_published_size()
    {
        ParameterTable table = Table("deepseek-v3");
        Assert.Equal(576, table.CacheValuesPerTokenAndLayer);
        Assert.Equal(70_272, table.CacheBytesPerToken(DType.BF16));
        Assert.Equal(71_424, table.CacheBytesPerToken(DType.BF16, withMtp: true));
    }

    [Theory]
    [InlineData("model.layers.0.self_attn.kv_a_proj_with_mqa.weight", DType.F8_E4M3, new long[] { 576, 7168 })]
    [InlineData("model.layers.0.self_attn.kv_a_proj_with_mqa.weight_scale_inv", DType.F32, new long[] { 5, 56 })]
    [InlineData("model.layers.0.self_attn.q_b_proj.weight_scale_inv", DType.F32, new long[] { 192, 12 })]
    [InlineData("model.layers.0.self_attn.kv_b_proj.weight_scale_inv", DType.F32, new long[] { 256, 4 })]
    [InlineData("model.layers.0.self_attn.o_proj.weight_scale_inv", DType.F32, new long[] { 56, 128 })]
    [InlineData("model.layers.2.mlp.down_proj.weight_scale_inv", DType.F32, new long[] { 56, 144 })]
    [InlineData("model.layers.3.mlp.gate.weight", DType.BF16, new long[] { 256, 7168 })]
    [InlineData("model.layers.3.mlp.gate.e_score_correction_bias", DType.F32, new long[] { 256 })]
    [InlineData("model.layers.60.mlp.experts.255.down_proj.weight", DType.F8_E4M3, new long[] { 7168, 2048 })]
    [InlineData("model.layers.61.eh_proj.weight", DType.BF16, new long[] { 7168, 14336 })]
    [InlineData("model.layers.61.shared_head.norm.weight", DType.BF16, new long[] { 7168 })]
    [InlineData("model.layers.61.shared_head.head.weight", DType.BF16, new long[] { 129280, 7168 })]
    public void V3_has_tensors_of_the_published_shapes(string name, DType dtype, long[] shape)
    {
        Assert.True(Table("deepseek-v3").TryGet(name, out Parameter? p));
        Assert.Equal((dtype, new Shape(shape)), (p.DType, p.Shape));
    }

    [Fact]
    public void V2_Lite_has_the_published_total()
    {
        ParameterTable table = Table("deepseek-v2-lite");
        Assert.Equal(15_706_484_224, table.TotalCount);
        Assert.True(table.TryGet("model.layers.0.self_attn.q_proj.weight", out _));
        Assert.False(table.TryGet("model.layers.1.mlp.gate.e_score_correction_bias", out _));
    }

    [Theory, InlineData("deepseek-v3"), InlineData("deepseek-v2-lite")]
    public void The_listing_is_the_one_kept(string model) =>
        Assert.Equal(File.ReadAllText(Golden.Path("configs", model, "parameters.txt")), ParameterListing.Write(Table(model)));

    [Fact]
    public void A_tied_head_is_the_embedding()
    {
        DeepSeekConfig config = DeepSeekConfig.Load(Golden.Path("configs", "deepseek-v2-lite", "config.json"));
        var tied = new ParameterTable(config with { TieWordEmbeddings = true });
        Assert.False(tied.TryGet("lm_head.weight", out _));
        Assert.Equal(15_706_484_224 - 102400 * 2048, tied.TotalCount);
        Assert.Equal(tied.ActivatedCount, tied.ActivatedCountWithoutEmbedding);
    }

    [Fact]
    public void Every_oracle_holds_exactly_the_tensors_of_its_config()
    {
        foreach (string folder in Directory.GetDirectories(Golden.Path("oracles")).Where(DeepSeek.Reference.Verification.ModelCase.IsCase))
        {
            DeepSeekConfig config = DeepSeekConfig.Load(Path.Combine(folder, "config.json"));
            using Checkpoint checkpoint = Checkpoint.Open(folder);
            ParameterTable.Validate(checkpoint, config);
            Assert.Equal(new ParameterTable(config).Parameters.Select(p => p.Name).Order(), checkpoint.Names.Order());
        }
    }

    [Fact]
    public void A_missing_tensor_a_wrong_shape_and_a_wrong_dtype_are_named()
    {
        string folder = Golden.Path("oracles", "bf16");
        DeepSeekConfig config = DeepSeekConfig.Load(Path.Combine(folder, "config.json"));
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        string file = Path.Combine(folder, "model.safetensors");
        Refusal.Of(() => ParameterTable.Validate(checkpoint, config with { NumHiddenLayers = 4 }), folder, "'model.layers.3.input_layernorm.weight' (BF16 [64]) is missing");
        Refusal.Of(() => ParameterTable.Validate(checkpoint, config with { VocabSize = 97 }), file, "'model.embed_tokens.weight' at byte", "[96, 64]", "[97, 64]");
        Refusal.Of(() => ParameterTable.Validate(checkpoint, config with { TorchDtype = DType.F32 }), file, "'model.embed_tokens.weight' at byte", "is BF16", "asks for F32");
    }
}
