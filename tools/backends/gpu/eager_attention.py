"""eager_worker.py's attention and gate."""
import torch
import torch.nn.functional as F
from common import Unsupported, require
from eager_operation import BF16, F32, has, operation, options, same


def _sees(s, t, first, device):
    """Whether a query, at its position, sees a key."""
    return torch.arange(t, device=device)[None, :] <= torch.arange(first, first + s, device=device)[:, None]


def _formula(q, keys, values, scale, first):
    """Hugging Face's eager_attention_forward, heads first: softmax in F32, all else in the dtype of q."""
    scores = torch.matmul(q, keys.transpose(1, 2)) * scale
    hidden = torch.zeros_like(scores[0]).masked_fill(~_sees(q.shape[1], keys.shape[1], first, q.device), torch.finfo(q.dtype).min)
    return torch.matmul(F.softmax(scores + hidden, dim=-1, dtype=F32).to(q.dtype), values)


def _heads_first(*tensors):
    return [tensor.transpose(0, 1).contiguous() for tensor in tensors]


@operation("attention")
def attention(q, keys, scale, first_position, rounding, score_split, out, values=None, contract=None, **_):
    s, t, first = q.shape[0], keys.shape[0], first_position
    require(contract is None or contract["name"].lower() == "canonical", f"torch's attention is no {contract and contract['name']}")
    require(values is not None and keys.shape[1] == q.shape[1], "takes keys and values of each head alone")
    require(set(out) == {"y"}, "F.scaled_dot_product_attention gives no log-sum-exp")
    require(score_split == 0, "takes scores of one product alone")
    require(s * t * q.shape[2] * values.shape[2] > 0 and first >= 0, "takes no empty attention, and a key for each query")
    same(q, keys, values, out["y"])
    way = options.sdpa or ("flash" if rounding == "probabilities" else "math")
    q, keys, values = _heads_first(q, keys, values)
    if rounding == "everystep" or way == "eager":
        require((rounding == "everystep") == (q.dtype == BF16), f"the formula rounds every step to q's dtype, which rounding {rounding} does not")
        return _formula(q, keys, values, scale, first).transpose(0, 1)
    # Fused kernels hand P to the tensor cores in q's dtype; math widens.
    does = "probabilities" if way != "math" and q.dtype == BF16 else "none"
    require(rounding == does, f"the {way} kernel has rounding {does} here, not {rounding}")
    return _sdpa(way, *(tensor[None] for tensor in (q, keys, values)), scale, first)[0].transpose(0, 1)


def _sdpa(way, q, keys, values, scale, first):
    call, s, t = has(F, "scaled_dot_product_attention"), q.shape[2], keys.shape[2]
    try:
        from torch.nn.attention import SDPBackend, sdpa_kernel
        from torch.nn.attention.bias import causal_lower_right
    except ImportError as error:
        raise Unsupported(f"torch {torch.__version__} has no sdpa_kernel") from error
    if first >= t - 1:
        mask = {}
    elif first == 0 and s == t:
        mask = {"is_causal": True}
    elif first + s == t and way in ("flash", "efficient"):
        mask = {"attn_mask": causal_lower_right(s, t)}
    else:
        mask = {"attn_mask": _sees(s, t, first, q.device)}
    backend = {"math": SDPBackend.MATH, "flash": SDPBackend.FLASH_ATTENTION, "efficient": SDPBackend.EFFICIENT_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION}[way]
    with sdpa_kernel([backend]):
        return call(q, keys, values, scale=scale, **mask)


@operation("attention_backward")
def attention_backward(q, keys, values, y, log_sum_exp, dy, scale, first_position, out, **_):
    require(q.numel() * keys.numel() * values.numel() > 0 and first_position >= 0, "takes no empty attention, and a key for each query")
    same(q, keys, values, dy)
    leaves = [tensor.requires_grad_() for tensor in _heads_first(q, keys, values)]
    _formula(*leaves, scale, first_position).backward(_heads_first(dy)[0])
    return dict(zip(("dq", "d_keys", "d_values"), (leaf.grad.transpose(0, 1) for leaf in leaves)))


@operation("gate")
def gate(logits, scoring, groups, kept_groups, group_score, mask, normalize, epsilon, scale, rounding, out, bias=None):
    """Gate of DeepSeek-V3's inference/model.py, after its product; the masks and denominators of Hugging Face's besides."""
    count = out["indices"].shape[1]
    require((rounding == "everystep") == (logits.dtype == BF16), f"torch rounds to the logits' dtype, which rounding {rounding} does not")
    scores = original = logits.softmax(dim=-1, dtype=F32) if scoring == "softmax" else logits.sigmoid()
    if bias is not None:
        scores = scores + bias
    if groups > 1:
        scores = scores.view(logits.shape[0], groups, -1)
        best = scores.amax(dim=-1) if group_score == "max" else scores.topk(2, dim=-1)[0].sum(dim=-1)
        chosen = best.topk(kept_groups, dim=-1)[1]
        others = torch.ones(logits.shape[0], groups, dtype=torch.bool, device=logits.device).scatter_(1, chosen, False)
        scores = scores.masked_fill(others[:, :, None], {"negativeinfinity": float("-inf"), "zero": 0.0}[mask]).flatten(1)
    indices = torch.topk(scores, count, dim=-1)[1]
    weights = original.gather(1, indices)
    if normalize:
        total = weights.sum(dim=-1, keepdim=True)
        weights = weights / (total + epsilon if epsilon else total)
    return {"scores": original, "indices": indices, "weights": (weights * scale).to(logits.dtype)}
