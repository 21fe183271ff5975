"""A worker of tools/backends/gpu on Debian's PyTorch: newer.py WORKER ... . What 1.13 has no name for is stood in for, with the parameters and checks of newer versions.

Checks of scales read at pytorch/pytorch, commit 0174dfabc023f11a8f78c79c301b49c8d7e02c8b, aten/src/ATen/native/cuda/ScaledBlas.cpp. FP8 codes are uint8.
bfloat16 is computed as GPUs do, in binary32 and rounded once: CPUs without AVX-512 add products in bfloat16, and 1.13's silu rounds twice.
"""
import contextlib
import enum
import os
import runpy
import sys
import types

import numpy as np
import torch
import torch.nn.functional as F

WORKER = os.path.abspath(sys.argv[1])
sys.path[:0] = [os.path.dirname(WORKER), os.path.join(os.path.dirname(WORKER), "..", "..", "python")]
import dsref_io  # noqa: E402

sys.argv = sys.argv[1:]
BF16 = torch.bfloat16


def rounded_once(function):
    def call(*tensors, dtype=None, **options):
        return function(*(tensor.float() for tensor in tensors), **options).to(dtype or tensors[0].dtype)
    return call


for place, name in ((torch, "matmul"), (F, "linear"), (F, "silu"), (F, "softmax"), (F, "log_softmax")):
    setattr(place, name, rounded_once(getattr(place, name)))
_mm = rounded_once(torch.mm)
torch.mm = lambda a, b, *, out_dtype=None: _mm(a, b, dtype=out_dtype)


def rms_norm(x, normalized_shape, weight=None, eps=None):
    assert tuple(normalized_shape) == tuple(weight.shape) == tuple(x.shape[-1:])
    wide = x.float()
    return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps) * weight.float()).to(x.dtype)


# Attention: kernels by name, and which masks each takes.
Backend = enum.Enum("SDPBackend", ["MATH", "FLASH_ATTENTION", "EFFICIENT_ATTENTION", "CUDNN_ATTENTION"])
chosen = []


class LowerRight:
    def __init__(self, *size):
        assert size[0] <= size[1]
        self.size = size


@contextlib.contextmanager
def sdpa_kernel(backends):
    chosen.append(backends[0])
    yield
    chosen.pop()


def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None):
    s, t, backend = query.shape[-2], key.shape[-2], chosen[-1]
    assert query.dim() == 4 and attn_mask is None or not is_causal
    if backend in (Backend.FLASH_ATTENTION, Backend.CUDNN_ATTENTION) and (query.dtype != BF16 or isinstance(attn_mask, torch.Tensor)):
        raise RuntimeError("No available kernel. Aborting execution.")
    mask = torch.ones(s, t, dtype=torch.bool)
    if is_causal or isinstance(attn_mask, LowerRight):
        mask = mask.tril(0 if is_causal else t - s)
    elif attn_mask is not None:
        assert attn_mask.dtype == torch.bool
        mask = attn_mask
    scores = torch.matmul(query.float(), key.float().transpose(-1, -2)) * scale
    weights = F.softmax(scores.masked_fill(~mask, float("-inf")), dim=-1)
    if backend != Backend.MATH:
        weights = weights.to(query.dtype).float()
    return torch.matmul(weights, value.float()).to(query.dtype)


# Products with scales.
ScalingType = enum.Enum("ScalingType", ["BlockWise1x128", "BlockWise128x128"])
SwizzleType = enum.Enum("SwizzleType", ["NO_SWIZZLE"])
VALUES = torch.from_numpy(dsref_io.decode(np.arange(256, dtype=np.uint8), "F8_E4M3"))


def check(condition, says):
    if not condition:
        raise ValueError(says)  # as TORCH_CHECK_VALUE comes


def operands(a, b):
    check(a.is_contiguous() and b.t().is_contiguous() and a.shape[1] % 16 == b.shape[0] % 16 == b.shape[1] % 16 == 0, "operands must be divisible by 16, row-major and column-major")
    return VALUES[a.long()], VALUES[b.long()]


def outer_major(scale, rows, columns):
    return tuple(scale.shape) == (rows, columns) and scale.stride(0) == 1 and (scale.stride(1) == rows or columns == scale.stride(1) == 1)


def scaled_mm(mat_a, mat_b, scale_a, scale_recipe_a, scale_b, scale_recipe_b, swizzle_a=None, swizzle_b=None, bias=None, output_dtype=BF16, contraction_dim=(), use_fast_accum=False):
    (m, k), n, blocks = mat_a.shape, mat_b.shape[1], -(-mat_a.shape[1] // 128)
    a, b = operands(mat_a, mat_b)
    assert scale_recipe_a is ScalingType.BlockWise1x128 and swizzle_a is swizzle_b is SwizzleType.NO_SWIZZLE
    check(outer_major(scale_a, m, blocks), f"scale_a strides must be (1, {m}); got: {scale_a.stride()}")
    if scale_recipe_b is ScalingType.BlockWise1x128:
        check(outer_major(scale_b, n, blocks), f"scale_b strides must be (1, {n}); got: {scale_b.stride()}")
        columns = scale_b.t()
    else:
        padded, height = blocks + -blocks % 4, -(-n // 128)
        check(tuple(scale_b.shape) == (padded, height) and scale_b.stride(0) == 1 and (scale_b.stride(1) == padded or height == scale_b.stride(1) == 1), f"scale_b must have strides (1, {padded}); got {scale_b.stride()}")
        columns = scale_b.repeat_interleave(128, dim=1)[:, :n]
    y = torch.zeros(m, n)
    for i in range(blocks):
        part = slice(128 * i, 128 * i + 128)
        y += _mm(a[:, part], b[part]) * scale_a[:, i:i + 1] * columns[i]
    return y.to(output_dtype)


def _scaled_mm(input, mat2, scale_a, scale_b, bias=None, scale_result=None, out_dtype=None, use_fast_accum=False):
    a, b = operands(input, mat2)
    by_rows = tuple(scale_a.shape) == (len(a), 1) and tuple(scale_b.shape) == (1, b.shape[1]) and scale_a.is_contiguous() and scale_b.is_contiguous()
    check(by_rows or scale_a.numel() == scale_b.numel() == 1, "Invalid scaling configuration.")
    return (_mm(a, b) * scale_a * scale_b).to(out_dtype)


modules = {"torch.nn.attention": {"SDPBackend": Backend, "sdpa_kernel": sdpa_kernel}, "torch.nn.attention.bias": {"causal_lower_right": LowerRight}}
for name, members in modules.items():
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)
torch.float8_e4m3fn, torch._scaled_mm = torch.uint8, _scaled_mm
F.rms_norm, F.scaled_dot_product_attention, F.scaled_mm, F.ScalingType, F.SwizzleType = rms_norm, scaled_dot_product_attention, scaled_mm, ScalingType, SwizzleType
runpy.run_path(WORKER, run_name="__main__")
