using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Tests.Checkpoints;
using DeepSeek.Reference.Tracing;
using Xunit;

namespace DeepSeek.Reference.Tests.Model;

/// <summary>Rule N3: a NaN that reaches a choice is told as the first tensor that held it and the weight it came from.</summary>
public class NotANumberTests
{
    private static readonly DeepSeekConfig Config = SyntheticModel.V3 with { NumNextnPredictLayers = 2 };
    private static readonly int[] Ids = [2, 3, 4, 5];

    [Theory]
    [InlineData("model.layers.0.self_attn.kv_a_layernorm.weight", "layers.0.c_kv")]
    [InlineData("model.layers.0.mlp.up_proj.weight", "layers.0.mlp.up_proj")]
    [InlineData("model.layers.1.self_attn.q_b_proj.weight", "layers.1.self_attn.q_nope")]
    [InlineData("model.layers.1.self_attn.o_proj.weight", "layers.1.attn_out")]
    [InlineData("model.layers.1.mlp.gate.weight", "layers.1.mlp.gate.logits")]
    [InlineData("model.layers.1.mlp.shared_experts.down_proj.weight", "layers.1.mlp.shared_experts.out")]
    public void Rule_N3_a_choice_of_experts_names_the_first_probe_and_its_weight(string weight, string probe)
    {
        foreach (IBackend backend in (IBackend[])[new ScalarBackend(), new SimdBackend(2)])
            foreach (NumericContract contract in (NumericContract[])[NumericContract.Canonical, NumericContract.DeepSeekInference])
                Says(Failure(Planted(weight, 3, float.NaN, contract, backend), Ids), $"the first NaN is in {probe}, row 0, position 0,", $"'{weight}' has a NaN at element 3");
    }

    [Fact]
    public void Rule_N3_an_expert_s_weight_is_named_when_a_token_reaches_it()
    {
        using DeepSeekModel sound = Planted("model.norm.weight", 0, 1);
        var trace = new TraceCollector(["layers.1.topk_indices"]);
        sound.Forward([Ids], new ForwardOptions { Trace = trace });
        int[] chosen = trace.Tensors()["layers.1.topk_indices"].AsReadOnlySpan<int>().ToArray();
        int expert = chosen[^1];
        int position = Array.IndexOf(chosen, expert) / Config.NumExpertsPerTok;
        string weight = $"model.layers.1.mlp.experts.{expert}.down_proj.weight";

        Says(Failure(Planted(weight, 5, float.NaN), Ids), $"the first NaN is in layers.1.mlp.expert_out, row 0, position {position}, channel 0", $"'{weight}' has a NaN at element 5");
    }

    [Fact]
    public void Rule_N3_an_embedding_names_the_element_of_its_row_and_the_position()
    {
        int d = Config.HiddenSize;
        using DeepSeekModel model = Planted("model.embed_tokens.weight", (4 * d) + 7, float.NaN);
        Says(Failure(model, Ids), "the first NaN is in embedding, row 0, position 2, channel 7", $"'model.embed_tokens.weight' has a NaN at element {(4 * d) + 7}");

        // A cache knows how many tokens came before, and still stands there after the error.
        LatentCache cache = model.NewCache();
        model.Forward([2, 3, 5], [cache]);
        string message = Assert.Throws<NotANumberException>(() => model.Forward([6, 4], [cache])).Message;
        Says(message, "row 0, position 4, channel 7");
        Assert.Equal(3, cache.Length);
    }

    [Fact]
    public void Rule_N3_the_choice_s_own_bias_is_named()
    {
        const string Bias = "model.layers.1.mlp.gate.e_score_correction_bias";
        Says(Failure(Planted(Bias, 6, float.NaN), Ids), "the first NaN is in layers.1.router_scores", $"'{Bias}' has a NaN at element 6");
    }

    [Fact]
    public void Rule_N3_finite_weights_that_overflow_name_the_first_infinity()
    {
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(Config);
        foreach (string part in (string[])["gate_proj", "up_proj"])
            weights[$"model.layers.0.mlp.{part}.weight"].AsSpan<float>()[3] = 2e38f;
        using DeepSeekModel model = SyntheticModel.Make(Config, NumericContract.Canonical, new SimdBackend(1), weights);

        Says(Failure(model, Ids), "the first NaN is in layers.1.input_norm", "no weight of that operation holds one, but an infinity came before it, first in layers.0.mlp.act, row 0, position ", "channel 0");
    }

    [Fact]
    public void Rule_N3_an_infinite_weight_is_named_too()
    {
        const string Weight = "model.layers.0.input_layernorm.weight";
        Says(Failure(Planted(Weight, 2, float.PositiveInfinity), Ids), "but an infinity came before it, first in layers.0.input_norm, row 0, position 0, channel 2", $"'{Weight}' has an infinity at element 2");
        Says(Failure(Planted("model.layers.0.mlp.up_proj.weight", 2, float.NegativeInfinity), Ids), "'model.layers.0.mlp.up_proj.weight' has an infinity at element 2");
    }

    [Fact]
    public void Rule_N3_an_MTP_module_is_named_also_in_a_later_pass()
    {
        const string Weight = "model.layers.4.eh_proj.weight";
        using DeepSeekModel model = Planted(Weight, 1, float.NaN);
        var mtp = new ForwardOptions { Mtp = true };
        string message = Assert.Throws<NotANumberException>(() => model.Forward([Ids], mtp)).Message;
        Says(message, "the first NaN is in mtp.1.eh_proj_out, row 0, position 0,", $"'{Weight}' has a NaN at element 1");

        LatentCache cache = model.NewCache();
        model.Forward([2], [cache], mtp);
        model.Forward([3], [cache], mtp);
        message = Assert.Throws<NotANumberException>(() => model.Forward([4], [cache], mtp)).Message;
        Says(message, "the first NaN is in mtp.1.eh_proj_out, row 0, position 0,", $"'{Weight}' has a NaN at element 1");
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.7f)]
    public void Rule_N3_a_choice_of_a_token_names_the_head(float temperature)
    {
        using DeepSeekModel model = Planted("lm_head.weight", 30, float.NaN);
        string message = Assert.Throws<NotANumberException>(() => new Generator(model).Generate([[2, 3]], new GenerationOptions { MaxTokens = 2, Temperature = temperature })).Message;
        Says(message, "row 0, position 2: no token can be chosen", "the first NaN is in logits, row 0, position 1, channel 1", "'lm_head.weight' has a NaN at element 30");
    }

    [Fact]
    public void Rule_N3_a_token_that_meets_a_NaN_of_an_earlier_pass_names_where_it_began()
    {
        // No router stands between: the first pass over the prompt goes through, and its NaN comes back out of the cache.
        DeepSeekConfig dense = SyntheticModel.V3 with { NRoutedExperts = null };
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(dense);
        weights["model.embed_tokens.weight"].AsSpan<float>()[3 * dense.HiddenSize] = float.NaN;
        using DeepSeekModel model = SyntheticModel.Make(dense, NumericContract.Canonical, new SimdBackend(1), weights);
        var options = new GenerationOptions { MaxTokens = 1, PrefillChunk = 2 };

        string message = Assert.Throws<NotANumberException>(() => new Generator(model).Generate([[5, 6], [2, 3, 4, 5, 6]], options)).Message;
        Says(message, "row 1, position 5: no token can be chosen", "the first NaN is in embedding, row 1, position 1, channel 0", "'model.embed_tokens.weight'");
    }

    [Fact]
    public void Rule_N3_a_cache_that_holds_a_NaN_is_named()
    {
        using DeepSeekModel model = Planted("model.norm.weight", 0, 1);
        LatentCache cache = model.NewCache();
        model.Forward(Ids, [cache]);
        cache.View(1, 4, model.Backend, new Workspace()).Rows(2, 1).AsSpan<float>()[0] = float.NaN;

        string message = Assert.Throws<NotANumberException>(() => model.Forward([7], [cache])).Message;
        Says(message, "the first NaN is in layers.1.self_attn.latent_out, row 0, position 4", "the cache holds one for position 2, from an earlier pass");
    }

    private static DeepSeekModel Planted(string weight, int element, float value, NumericContract? contract = null, IBackend? backend = null)
    {
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(Config);
        weights[weight].AsSpan<float>()[element] = value;
        return SyntheticModel.Make(Config, contract ?? NumericContract.Canonical, backend ?? new SimdBackend(1), weights);
    }

    private static string Failure(DeepSeekModel model, int[] ids) => Assert.Throws<NotANumberException>(() => model.Forward([ids])).Message;

    private static void Says(string message, params string[] parts)
    {
        Assert.DoesNotContain('\n', message);
        foreach (string part in parts)
            Assert.Contains(part, message);
    }
}
