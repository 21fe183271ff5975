"""Runs DeepSeek's model.py, from the file that the caller names, and keeps what its modules compute."""
import hashlib
import sys
import types

import torch
from configuration import Refused
from shims import WideScalar, installed

COMMIT = "9b4e9788"
SHA256 = "fdb7995bc234badbf0011b5af8cf391be94343abc51305428cb9a04452116f02"
# A checkpoint's name for each of model.py's, as inference/convert.py has them.
NAMES = {
    "embed": "embed_tokens", "attn": "self_attn", "ffn": "mlp", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "wq": "q_proj", "wq_a": "q_a_proj",
    "q_norm": "q_a_layernorm", "wq_b": "q_b_proj", "wkv_a": "kv_a_proj_with_mqa", "kv_norm": "kv_a_layernorm", "wkv_b": "kv_b_proj", "wo": "o_proj", "w1": "gate_proj",
    "w2": "down_proj", "w3": "up_proj", "head": "lm_head",
}


def read_source(path, any_version=False):
    """The text of model.py and its digest. Another version may compute something else under the same names, so it is taken only where the caller says so."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}; name inference/model.py of github.com/deepseek-ai/DeepSeek-V3 at commit {COMMIT}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != SHA256 and not any_version:
        raise Refused(f"{path} has SHA-256 {digest}, that of commit {COMMIT} is {SHA256}; --any-version takes it all the same")
    return data.decode("utf-8"), digest


def in_binary64(source):
    """model.py with binary64 in the place of every binary32 and bfloat16: the only text that is ever changed."""
    return source.replace("torch.float32", "torch.float64").replace(".float()", ".double()").replace("torch.bfloat16", "torch.float64")


def checkpoint_name(name, tied):
    """The checkpoint's name of a parameter of model.py."""
    if name.endswith("gate.bias"):
        name = name[: -len("bias")] + "e_score_correction_bias"
    if tied and name == "head.weight":
        name = "embed.weight"
    mapped = ".".join(NAMES.get(part, part) for part in name.split("."))
    return mapped if mapped.startswith("lm_head") else f"model.{mapped}"


class Official:
    """One model of model.py in one format and with one form of attention, its weights loaded."""

    def __init__(self, source, configuration, weights, dtype, attention="absorb", tokens=1, batch=1, inside=torch.float32):
        self.dtype, self.inside, self.configuration = dtype, inside, configuration
        self.module = types.ModuleType("model")
        # dataclasses look their module up.
        sys.modules["model"] = self.module
        with installed(dtype, inside):
            exec(compile(in_binary64(source) if dtype == torch.float64 else source, "model.py", "exec"), self.module.__dict__)
            self.module.attn_impl = attention
            self.model = self.module.Transformer(self.module.ModelArgs(**configuration.arguments(tokens, batch)))
        self.gates = {i: block.ffn.gate for i, block in enumerate(self.model.layers) if i >= configuration.dense}
        self._adjust()
        self._load(weights)

    def _adjust(self):
        """What model.py takes from a constant or from the size of the model alone, by the config; and its scalars by WideScalar."""
        for module in self.model.modules():
            if isinstance(module, self.module.RMSNorm):
                module.eps = self.configuration.eps
        for block in self.model.layers:
            block.attn.softmax_scale = WideScalar(block.attn.softmax_scale)
        for gate in self.gates.values():
            gate.route_scale = WideScalar(gate.route_scale)
            gate.bias = None
            if self.configuration.biased:
                # model.py has the bias only where the width is the released model's.
                gate.bias = torch.nn.Parameter(torch.empty(gate.weight.shape[0]), requires_grad=False)

    def _load(self, weights):
        for name, parameter in list(self.model.named_parameters()):
            if parameter.numel() == 0:
                continue
            key = checkpoint_name(name, self.configuration.tied)
            if key not in weights or weights[key].shape != parameter.shape:
                raise Refused(f"model.safetensors: {key} {'is ' + str(list(weights[key].shape)) if key in weights else 'is absent'}, wanted {list(parameter.shape)}")
            biased = name.endswith("gate.bias") and self.dtype != torch.float64
            path, _, leaf = name.rpartition(".")
            value = weights[key].to(torch.float32 if biased else self.dtype)
            setattr(self.model.get_submodule(path), leaf, torch.nn.Parameter(value, requires_grad=False))

    def run(self, ids, pieces=None):
        """Every intermediate of a pass over ids [B, T], fed in pieces of these lengths (by default all at once), each [B, T, *]; and the last caches."""
        kept, handles, batch, begin = {}, [], ids.shape[0], 0

        def keep(name, value):
            kept.setdefault(name, []).append(value.reshape(batch, -1, value.shape[-1]).clone())

        for i, block in enumerate(self.model.layers):
            handles += self._watch_block(f"layers.{i}", block, keep)
        for i, gate in self.gates.items():
            handles.append(gate.register_forward_hook(self._watch_gate(f"layers.{i}", keep)))
        handles.append(self.model.norm.register_forward_hook(lambda module, inputs, output: keep("final_norm_out", output)))
        with installed(self.dtype, self.inside), torch.inference_mode():
            for piece in pieces or [ids.shape[1]]:
                self.model(ids[:, begin : begin + piece], begin)
                begin += piece
            for handle in handles:
                handle.remove()
            result = {name: torch.cat(values, 1) for name, values in kept.items()}
            # The model's own output has the last position alone.
            result["logits"] = self.model.head(result["final_norm_out"])
            if self.module.attn_impl == "absorb":
                for i, block in enumerate(self.model.layers):
                    result[f"layers.{i}.c_kv"] = block.attn.kv_cache[:batch, :begin].clone()
                    result[f"layers.{i}.k_pe"] = block.attn.pe_cache[:batch, :begin].clone()
        return result

    @staticmethod
    def _watch_block(name, block, keep):
        """Hooks for one layer: hidden_after_attn is the sum that the layer makes of its input and its attention's output."""
        entered = {}

        def on_enter(module, inputs):
            entered["x"] = inputs[0]

        def on_attention(module, inputs, output):
            keep(f"{name}.attn_out", output)
            keep(f"{name}.hidden_after_attn", entered["x"] + output)

        return [
            block.register_forward_pre_hook(on_enter),
            block.attn.register_forward_hook(on_attention),
            block.register_forward_hook(lambda module, inputs, output: keep(f"{name}.hidden_after_mlp", output)),
        ]

    def _watch_gate(self, name, keep):
        """The gate returns weights and choices; its scores are computed again, by the functions it calls."""

        def on_gate(module, inputs, output):
            scores = self.module.linear(inputs[0], module.weight)
            if module.score_func == "softmax":
                scores = scores.softmax(-1, dtype=torch.float64 if self.dtype == torch.float64 else torch.float32)
            else:
                scores = scores.sigmoid()
            for part, value in (("router_scores", scores), ("topk_indices", output[1]), ("topk_weights", output[0])):
                keep(f"{name}.{part}", value)

        return on_gate
