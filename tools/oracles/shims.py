"""What stands between DeepSeek's model.py, written for torch 2.4 on a GPU, and torch on a CPU. model.py stays as it is.

Each shim is a rounding point of CUDA's kernels, or a function that the installed torch lacks:

    F.rms_norm          torch 2.4.1's: computed in binary32, rounded, then multiplied by the weight
    F.linear, einsum    of bfloat16: added up in binary32, rounded once
    F.silu, sigmoid     of bfloat16: computed in binary32, rounded once
    topk                ties go to the lower index (rule N9); torch leaves them open
    scalars             a Python number times bfloat16 is multiplied in binary32, as on CUDA: WideScalar
    view_as_complex     takes any strides
    the module kernel   absent: its Triton kernels are FP8's alone
"""
import contextlib
import sys
import types

import torch
import torch.nn.functional as F


class WideScalar:
    """A number that a tensor is multiplied by: binary32 inside, one rounding to the tensor's format."""

    def __init__(self, value):
        self.value = float(value)

    def __rmul__(self, tensor):
        if tensor.dtype != torch.bfloat16:
            return tensor * self.value
        return (tensor.float() * torch.tensor(self.value, dtype=torch.float32)).bfloat16()


def rms_norm(x, shape, weight, eps):
    """torch 2.4.1's composite: the only rounding before the weight is that to x's format."""
    wide = x if x.dtype == torch.float64 else x.float()
    scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    return (wide * scale).to(x.dtype) * weight


def topk(x, k, dim=-1):
    values, indices = torch.sort(x, dim=dim, descending=True, stable=True)
    return values.narrow(dim, 0, k), indices.narrow(dim, 0, k)


def rounded_once(function, inside):
    """A function whose bfloat16 operands are widened to the format inside, and whose result is rounded to bfloat16: of binary64 by way of binary32, as torch does."""

    def call(*operands, **named):
        if not any(isinstance(x, torch.Tensor) and x.dtype == torch.bfloat16 for x in operands):
            return function(*operands, **named)
        return function(*(x.to(inside) if isinstance(x, torch.Tensor) else x for x in operands), **named).float().bfloat16()

    return call


@contextlib.contextmanager
def installed(dtype, inside=torch.float32):
    """The shims, and dtype as torch's default, for the length of a with. Inside is what sums of bfloat16 products are kept in: binary64 shows how much the
    order of a sum can matter."""
    view_as_complex = torch.view_as_complex
    kernel = types.ModuleType("kernel")
    kernel.act_quant = kernel.weight_dequant = kernel.fp8_gemm = None
    patches = [
        (F, "rms_norm", rms_norm),
        (F, "linear", rounded_once(F.linear, inside)),
        (F, "silu", rounded_once(F.silu, torch.float32)),
        (torch, "einsum", rounded_once(torch.einsum, inside)),
        (torch.Tensor, "sigmoid", rounded_once(torch.Tensor.sigmoid, torch.float32)),
        (torch, "topk", topk),
        (torch.Tensor, "topk", topk),
        (torch, "view_as_complex", lambda x: view_as_complex(x.clone(memory_format=torch.contiguous_format))),
    ]
    kept = [(owner, name, getattr(owner, name, None)) for owner, name, _ in patches]
    default, replaced = torch.get_default_dtype(), sys.modules.get("kernel")
    sys.modules["kernel"] = kernel
    for owner, name, function in patches:
        setattr(owner, name, function)
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(default)
        for owner, name, function in kept:
            if function is None:
                delattr(owner, name)
            else:
                setattr(owner, name, function)
        sys.modules.pop("kernel")
        if replaced is not None:
            sys.modules["kernel"] = replaced
