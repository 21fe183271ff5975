"""eager_worker.py's norms, activations, losses, lookups and sums: native kernels and autograd."""
import torch
import torch.nn.functional as F
from common import require
from eager_operation import BF16, F32, has, named, operation, same


@operation("rms_norm")
def rms_norm(x, weight, epsilon, rounding, out):
    if rounding == "none":
        if x.dtype == weight.dtype:
            return has(F, "rms_norm")(x, (x.shape[1],), weight, epsilon)
        # DeepSeek-V3.2's inference code, whose weight is F32.
        wide = x.float()
        return (weight * (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + epsilon))).to(x.dtype)
    # Hugging Face: back in x's dtype before the weight. In F32 nothing would be rounded there.
    require(rounding == "beforeweight" and x.dtype == BF16, f"torch's code of rounding {rounding} rounds to x's dtype, BF16")
    wide = x.to(F32)
    wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + epsilon)
    return weight * wide.to(x.dtype)


@operation("rms_norm_backward")
def rms_norm_backward(dy, x, weight, epsilon, out, c=None):
    same(dy, x, weight)
    x, weight = x.requires_grad_(), weight.requires_grad_()
    has(F, "rms_norm")(x, (x.shape[1],), weight, epsilon).backward(dy)
    return {"dx": x.grad, "d_weight": weight.grad if c is None else c + weight.grad}


@operation("swiglu")
def swiglu(gate, up, rounding, out):
    if rounding == "none" and gate.dtype == BF16:
        # DeepSeek-V3.2's inference code widens first.
        return (F.silu(gate.float()) * up.float()).to(out["y"].dtype)
    require((rounding == "aftersilu") == (gate.dtype == BF16), f"F.silu rounds to the gate's dtype, which rounding {rounding} does not")
    return F.silu(gate) * up


@operation("swiglu_backward")
def swiglu_backward(dy, gate, up, out):
    same(dy, gate, up)
    gate, up = gate.requires_grad_(), up.requires_grad_()
    (F.silu(gate) * up).backward(dy)
    return {"d_gate": gate.grad, "d_up": up.grad}


@operation("softmax")
def softmax(x, out):
    return F.softmax(x, dim=-1, dtype=_wider(x, out["y"]))


@operation("log_softmax")
def log_softmax(x, out):
    return F.log_softmax(x, dim=-1, dtype=_wider(x, out["y"]))


def _wider(x, y):
    """F.softmax's dtype: it widens x before, and narrows nothing after."""
    require(y.dtype in (x.dtype, F32), f"torch gives no {named(y.dtype)} of {named(x.dtype)}")
    return None if y.dtype == x.dtype else y.dtype


@operation("cross_entropy")
def cross_entropy(logits, targets, out):
    # ignore_index is a target outside the vocabulary. The statistics are what a loss in parts of the vocabulary computes.
    most = logits.amax(dim=-1) if logits.shape[0] else logits.new_empty(0)
    total = torch.exp(logits - most[:, None]).sum(dim=-1)
    return {"losses": F.cross_entropy(logits, targets.long(), reduction="none", ignore_index=-1), "statistics": torch.stack([most, total], dim=-1)}


@operation("cross_entropy_backward")
def cross_entropy_backward(logits, targets, statistics, first, scale, out):
    # As vocabulary-parallel losses do, which keep the statistics: F.cross_entropy would compute its own.
    given = torch.exp(logits - statistics[:, :1]) / statistics[:, 1:]
    local = targets.long() - first
    inside = (local >= 0) & (local < logits.shape[1]) & (targets >= 0)
    rows = torch.arange(logits.shape[0], device=logits.device)[inside]
    given[rows, local[inside]] -= 1
    return torch.where((targets >= 0)[:, None], given * scale, torch.zeros_like(given))


@operation("embedding")
def embedding(weight, ids, out):
    return F.embedding(ids.long(), weight)


@operation("embedding_backward")
def embedding_backward(dy, ids, out, c=None):
    weight = torch.zeros(out["d_weight"].shape, dtype=dy.dtype, device=dy.device, requires_grad=True)
    F.embedding(ids.long(), weight).backward(dy)
    return weight.grad if c is None else c + weight.grad


@operation("add")
def add(a, b, out):
    return a + b
