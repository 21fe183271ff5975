"""Random weights by a checkpoint's names, from a seed."""
import math

import torch

# Near 1: activations neither die out nor grow through the few layers of an oracle. The head's is larger, so that logits are far apart.
GAIN, HEAD_GAIN = 1.3, 2.0
NORM_SPREAD, BIAS_SPREAD = 0.2, 0.1


def random_weights(configuration, seed, dtype):
    """Tensors in the checkpoint's format; the gate's bias stays binary32, as in released checkpoints. Drawn in binary64, in one fixed order."""
    fields, generator, tensors = configuration.fields, torch.Generator().manual_seed(seed), {}
    hidden, heads, latent = fields["hidden_size"], fields["num_attention_heads"], fields["kv_lora_rank"]
    nope, rope, value = fields["qk_nope_head_dim"], fields["qk_rope_head_dim"], fields["v_head_dim"]

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    def linear(name, rows, columns, gain=GAIN):
        tensors[f"{name}.weight"] = (normal(rows, columns) * gain / math.sqrt(columns)).to(dtype)

    def norm(name, size):
        tensors[f"{name}.weight"] = (1 + NORM_SPREAD * normal(size)).to(dtype)

    def feed_forward(name, inner):
        linear(f"{name}.gate_proj", inner, hidden)
        linear(f"{name}.up_proj", inner, hidden)
        linear(f"{name}.down_proj", hidden, inner)

    def attention(name):
        if rank := fields.get("q_lora_rank"):
            linear(f"{name}.q_a_proj", rank, hidden)
            norm(f"{name}.q_a_layernorm", rank)
            linear(f"{name}.q_b_proj", heads * (nope + rope), rank)
        else:
            linear(f"{name}.q_proj", heads * (nope + rope), hidden)
        linear(f"{name}.kv_a_proj_with_mqa", latent + rope, hidden)
        norm(f"{name}.kv_a_layernorm", latent)
        linear(f"{name}.kv_b_proj", heads * (nope + value), latent)
        linear(f"{name}.o_proj", hidden, heads * value)

    def experts(name):
        inner, count = fields["moe_intermediate_size"], fields["n_routed_experts"]
        linear(f"{name}.gate", count, hidden)
        if configuration.biased:
            tensors[f"{name}.gate.e_score_correction_bias"] = (BIAS_SPREAD * normal(count)).float()
        for expert in range(count):
            feed_forward(f"{name}.experts.{expert}", inner)
        if shared := fields.get("n_shared_experts"):
            feed_forward(f"{name}.shared_experts", inner * shared)

    tensors["model.embed_tokens.weight"] = normal(fields["vocab_size"], hidden).to(dtype)
    if not configuration.tied:
        linear("lm_head", fields["vocab_size"], hidden, HEAD_GAIN)
    norm("model.norm", hidden)
    for layer in range(configuration.layers):
        name = f"model.layers.{layer}"
        norm(f"{name}.input_layernorm", hidden)
        norm(f"{name}.post_attention_layernorm", hidden)
        attention(f"{name}.self_attn")
        if layer < configuration.dense:
            feed_forward(f"{name}.mlp", fields["intermediate_size"])
        else:
            experts(f"{name}.mlp")
    return tensors


def random_tokens(configuration, seed, batch, tokens):
    """Token ids of another stream than the weights'."""
    generator = torch.Generator().manual_seed(seed + 7)
    return torch.randint(0, configuration.fields["vocab_size"], (batch, tokens), generator=generator)
