using System.Text;
using DeepSeek.Reference.Tests.Checkpoints;
using Xunit;

namespace DeepSeek.Reference.Tests.Model;

public class DeepSeekConfigBadInputTests
{
    private static void Refused(string json, params string[] parts) =>
        Refusal.Of(() => DeepSeekConfig.Parse(Encoding.UTF8.GetBytes(json), "dir/config.json"), ["dir/config.json", .. parts]);

    [Theory]
    [InlineData("vocab_size"), InlineData("hidden_size"), InlineData("intermediate_size"), InlineData("moe_intermediate_size"), InlineData("num_hidden_layers")]
    [InlineData("num_attention_heads"), InlineData("kv_lora_rank"), InlineData("qk_nope_head_dim"), InlineData("qk_rope_head_dim"), InlineData("v_head_dim")]
    [InlineData("num_experts_per_tok"), InlineData("routed_scaling_factor")]
    public void A_missing_field(string field)
    {
        var json = new ConfigText();
        json.Remove(field);
        Refused(json.ToString(), $"{field} is missing");
    }

    [Theory]
    [InlineData("vocab_size"), InlineData("hidden_size"), InlineData("intermediate_size"), InlineData("moe_intermediate_size"), InlineData("num_hidden_layers")]
    [InlineData("kv_lora_rank"), InlineData("qk_nope_head_dim"), InlineData("qk_rope_head_dim"), InlineData("v_head_dim"), InlineData("moe_layer_freq")]
    [InlineData("num_experts_per_tok"), InlineData("n_group"), InlineData("topk_group"), InlineData("n_routed_experts"), InlineData("max_position_embeddings")]
    public void A_dimension_that_is_not_positive(string field)
    {
        Refused(new ConfigText { [field] = "0" }.ToString(), $"{field} is 0");
        Refused(new ConfigText { [field] = "-1" }.ToString(), $"{field} is -1");
    }

    [Theory]
    [InlineData("hidden_size", "\"7168\"")]
    [InlineData("hidden_size", "7168.0")]
    [InlineData("hidden_size", "2147483648")]
    [InlineData("hidden_size", "[7168]")]
    [InlineData("hidden_size", "true")]
    [InlineData("rms_norm_eps", "\"1e-6\"")]
    [InlineData("norm_topk_prob", "1")]
    [InlineData("scoring_func", "1")]
    [InlineData("rope_scaling", "\"yarn\"")]
    [InlineData("architectures", "\"DeepseekV3ForCausalLM\"")]
    [InlineData("auto_map", "[]")]
    [InlineData("eos_token_id", "[1,2]")]
    public void A_field_of_the_wrong_kind(string field, string value) => Refused(new ConfigText { [field] = value }.ToString(), field, "is expected");

    [Theory]
    [InlineData("hidden_act", "\"gelu\"", "hidden_act is 'gelu'")]
    [InlineData("attention_bias", "true", "attention_bias is true")]
    [InlineData("num_key_value_heads", "8", "num_key_value_heads is 8 but num_attention_heads 128")]
    [InlineData("qk_rope_head_dim", "63", "must be even")]
    [InlineData("n_group", "7", "no multiple of n_group 7")]
    [InlineData("topk_group", "9", "topk_group is 9 but n_group 8")]
    [InlineData("num_experts_per_tok", "129", "topk_group 4 groups of 32 experts hold 128")]
    [InlineData("num_experts_per_tok", "257", "n_routed_experts 256")]
    [InlineData("n_routed_experts", "8", "groups of one expert")]
    [InlineData("q_lora_rank", "-1", "q_lora_rank is -1")]
    [InlineData("n_shared_experts", "-1", "n_shared_experts is -1")]
    [InlineData("first_k_dense_replace", "-1", "first_k_dense_replace is -1")]
    [InlineData("num_nextn_predict_layers", "-1", "num_nextn_predict_layers is -1")]
    [InlineData("rms_norm_eps", "-1e-6", "rms_norm_eps")]
    [InlineData("rope_theta", "0", "rope_theta is 0")]
    [InlineData("rope_theta", "1", "rope_theta is 1, not a number above 1")]
    [InlineData("topk_method", "\"best\"", "topk_method is 'best'")]
    [InlineData("scoring_func", "\"tanh\"", "scoring_func is 'tanh'")]
    [InlineData("torch_dtype", "\"int8\"", "torch_dtype is 'int8'")]
    [InlineData("dtype", "\"float32\"", "torch_dtype is 'bfloat16' but dtype 'float32'")]
    [InlineData("rope_parameters", "{}", "both rope_parameters and its older spelling")]
    [InlineData("num_hidden_layers", "2147483646", "more than 10000000 tensors")]
    [InlineData("hidden_size", "2147483647", "beyond 2^60 parameters")]
    [InlineData("num_attention_heads", "2147483647", "num_key_value_heads")]
    [InlineData("vocab_size", "2147483647", "beyond 2^60 parameters")]
    [InlineData("index_topk", "2048", "sparse attention")]
    public void Fields_that_contradict_or_are_not_supported(string field, string value, string reason)
    {
        var json = new ConfigText { [field] = value };
        if (field == "n_routed_experts")
            json["num_experts_per_tok"] = "4";
        Refused(json.ToString(), reason);
    }

    [Fact]
    public void Experts_without_end() =>
        Refused(new ConfigText { ["n_routed_experts"] = "2147483640" }.ToString(), "n_routed_experts 2147483640 make more than 10000000 tensors");

    [Theory]
    [InlineData("{}", "rope_scaling.type is missing")]
    [InlineData("""{"type":"linear","factor":2}""", "rope_scaling.type is 'linear'")]
    [InlineData("""{"type":"yarn","rope_type":"linear"}""", "rope_scaling.rope_type 'linear'")]
    [InlineData("""{"type":"yarn"}""", "rope_scaling.factor is missing")]
    [InlineData("""{"type":"yarn","factor":40}""", "rope_scaling.original_max_position_embeddings is missing")]
    [InlineData("""{"type":"yarn","factor":0,"original_max_position_embeddings":4096}""", "rope_scaling.factor is 0")]
    [InlineData("""{"type":"yarn","factor":1e-300,"original_max_position_embeddings":4096}""", "rope_scaling.factor is 1E-300")]
    [InlineData("""{"type":"yarn","factor":1e308,"original_max_position_embeddings":4096}""", "rope_scaling.factor is 1E+308")]
    [InlineData("""{"type":"yarn","factor":40,"original_max_position_embeddings":4096,"beta_fast":1e300}""", "rope_scaling.beta_fast is 1E+300")]
    [InlineData("""{"type":"yarn","factor":40,"original_max_position_embeddings":4096,"beta_slow":1e-300}""", "rope_scaling.beta_slow is 1E-300")]
    [InlineData("""{"type":"yarn","factor":40,"original_max_position_embeddings":4096,"mscale":1e300}""", "rope_scaling.mscale is 1E+300")]
    [InlineData("""{"type":"yarn","factor":40,"original_max_position_embeddings":4096,"truncate":false}""", "rope_scaling.truncate is false")]
    [InlineData("""{"type":"yarn","factor":40,"original_max_position_embeddings":4096,"mscale":1,"mscale_all_dim":1,"attention_factor":1.2}""", "rope_scaling.attention_factor is 1.2 where mscale and mscale_all_dim give 1")]
    [InlineData("""{"type":"yarn","factor":0,"original_max_position_embeddings":4096,"attention_factor":1}""", "rope_scaling.factor is 0")]
    [InlineData("""{"type":"yarn","factor":40,"original_max_position_embeddings":4096,"beta_fast":1,"beta_slow":2}""", "below beta_slow 2")]
    public void Rope_scaling_that_cannot_be(string value, string reason) => Refused(new ConfigText { ["rope_scaling"] = value }.ToString(), reason);

    [Theory]
    [InlineData("{}", "quantization_config.weight_block_size is missing")]
    [InlineData("""{"weight_block_size":[128,128]}""", "quantization_config.quant_method is missing")]
    [InlineData("""{"quant_method":"awq","weight_block_size":[128,128]}""", "quant_method is 'awq'")]
    [InlineData("""{"quant_method":"fp8","fmt":"e5m2","weight_block_size":[128,128]}""", "fmt is 'e5m2'")]
    [InlineData("""{"quant_method":"fp8","activation_scheme":"static","weight_block_size":[128,128]}""", "activation_scheme is 'static'")]
    [InlineData("""{"quant_method":"fp8","weight_block_size":[128]}""", "an array of 2 integers")]
    [InlineData("""{"quant_method":"fp8","weight_block_size":[128,0]}""", "[128, 0]")]
    [InlineData("""{"quant_method":"fp8","weight_block_size":[128,128],"scale_fmt":"e8"}""", "scale_fmt is 'e8'")]
    public void Quantization_that_is_not_supported(string value, string reason) => Refused(new ConfigText { ["quantization_config"] = value }.ToString(), reason);

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{\"hidden_size\":1,\"hidden_size\":2}")]
    [InlineData("{\"hidden_act\":\"\\ud800\"}")]
    public void Text_that_is_no_configuration(string json) => Refused(json);

    [Fact]
    public void Bytes_that_are_no_UTF8() => Refusal.Of(() => DeepSeekConfig.Parse([(byte)'{', 0xFF, (byte)'}'], "f"), "UTF-8");

    [Fact]
    public void A_file_that_is_not_there() => Refusal.Of(() => DeepSeekConfig.Load(Golden.Path("absent.json")), "absent.json", "no such file");
}
