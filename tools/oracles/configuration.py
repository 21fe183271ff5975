"""Reads a config.json of Hugging Face's kind, and refuses by name what DeepSeek's model.py, or this driver of it, does not compute."""
import json


class Refused(Exception):
    """A request that cannot be met; its text says why and what would."""


class Configuration:
    """The fields of a config.json that the driver uses."""

    def __init__(self, fields):
        self.fields = fields
        self.moe = fields.get("n_routed_experts") is not None
        self.rope = fields.get("rope_scaling") or None
        self.layers = fields["num_hidden_layers"]
        self.dense = fields.get("first_k_dense_replace", 0) if self.moe else self.layers
        self.biased = self.moe and fields.get("topk_method") == "noaux_tc"
        self.grouped = self.moe and fields.get("topk_method") != "greedy"
        self.eps = fields.get("rms_norm_eps", 1e-6)
        self.tied = bool(fields.get("tie_word_embeddings"))

    @staticmethod
    def read(path):
        configuration = Configuration(json.loads(path.read_text(encoding="utf-8")))
        configuration.require()
        return configuration

    def require(self):
        """Raises Refused at the first field that the driver cannot follow."""
        fields = self.fields
        refused = [
            ("quantization_config" in fields, "quantization_config: FP8 checkpoints need DeepSeek's Triton kernels, which a CPU does not run"),
            (fields.get("num_nextn_predict_layers"), "num_nextn_predict_layers: model.py has no multi-token prediction; set it to 0"),
            (fields.get("moe_layer_freq", 1) != 1, "moe_layer_freq: model.py has experts in every layer after the dense ones; 1 is taken"),
            (fields.get("attention_bias"), "attention_bias: model.py's projections have none"),
            (fields.get("hidden_act", "silu") != "silu", "hidden_act: model.py computes silu"),
        ]
        if self.moe:
            scoring, method = fields.get("scoring_func"), fields.get("topk_method")
            refused += [
                (scoring not in ("sigmoid", "softmax"), f"scoring_func {scoring}: name sigmoid or softmax"),
                (method not in ("noaux_tc", "greedy", "group_limited_greedy"), f"topk_method {method}: name noaux_tc, greedy or group_limited_greedy"),
                (fields.get("norm_topk_prob") != (scoring == "sigmoid"), "norm_topk_prob: model.py normalises the weights of sigmoid, and those of softmax never"),
            ]
        if self.rope:
            kind = self.rope.get("type", self.rope.get("rope_type"))
            refused += [
                (kind != "yarn", f"rope_scaling of type {kind}: model.py computes yarn"),
                (self.rope.get("mscale", 1.0) != self.rope.get("mscale_all_dim", 0.0), "rope_scaling: mscale and mscale_all_dim differ; model.py reads the first where "
                 "Hugging Face's code reads the second, so the two mean different models"),
            ]
        for wrong, why in refused:
            if wrong:
                raise Refused(why)

    def max_seq_len(self, tokens):
        """model.py turns YaRN on only where max_seq_len is above the original length, which is how released models are served."""
        return max(tokens, self.rope["original_max_position_embeddings"] + 1) if self.rope else tokens

    def arguments(self, tokens, batch):
        """The arguments of model.py's ModelArgs."""
        fields = self.fields
        arguments = {
            "max_batch_size": batch, "max_seq_len": self.max_seq_len(tokens), "vocab_size": fields["vocab_size"], "dim": fields["hidden_size"],
            "inter_dim": fields["intermediate_size"], "n_layers": self.layers, "n_dense_layers": self.dense, "n_heads": fields["num_attention_heads"],
            "q_lora_rank": fields.get("q_lora_rank") or 0, "kv_lora_rank": fields["kv_lora_rank"], "qk_nope_head_dim": fields["qk_nope_head_dim"],
            "qk_rope_head_dim": fields["qk_rope_head_dim"], "v_head_dim": fields["v_head_dim"], "rope_theta": float(fields.get("rope_theta", 10000)),
        }
        if self.moe:
            arguments |= {
                "moe_inter_dim": fields["moe_intermediate_size"], "n_routed_experts": fields["n_routed_experts"], "n_shared_experts": fields.get("n_shared_experts") or 0,
                "n_activated_experts": fields["num_experts_per_tok"], "score_func": fields["scoring_func"], "route_scale": fields.get("routed_scaling_factor", 1.0),
                "n_expert_groups": fields.get("n_group") or 1 if self.grouped else 1, "n_limited_groups": fields.get("topk_group") or 1 if self.grouped else 1,
            }
        if self.rope:
            arguments |= {
                "original_seq_len": self.rope["original_max_position_embeddings"], "rope_factor": self.rope["factor"], "beta_fast": self.rope.get("beta_fast", 32),
                "beta_slow": self.rope.get("beta_slow", 1), "mscale": self.rope.get("mscale", 1.0),
            }
        else:
            arguments["original_seq_len"] = arguments["max_seq_len"]
        return arguments
