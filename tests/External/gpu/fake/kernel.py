"""In the place of DeepSeek-V3's inference/kernel.py: the functions that the worker calls, with their parameters and checks; numpy."""
import os
import sys
from typing import Optional

import numpy as np
import torch
import wgmma

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "..", "tools", "witness"))
import mufu  # noqa: E402


def rcp(y):
    """rcp.approx.ftz of Hopper by the witness, which shares no code with the library."""
    codes = np.asarray(y, np.float32).view(np.uint32)
    return np.array([mufu.rcp_ftz(int(code)) for code in codes.reshape(-1)], np.uint32).view(np.float32).reshape(codes.shape)


def divide(x, y):
    """Triton's division of binary32: for Hopper a product with the approximate reciprocal."""
    return x * rcp(y) if torch.cuda.get_device_capability(0) == (9, 0) else x / y


def act_quant(x, block_size: int = 128, scale_fmt: Optional[str] = None):
    assert x.is_contiguous() and x.size(-1) % block_size == 0
    tiles = x.values().astype(np.float32).reshape(-1, block_size)
    s = divide(np.fmax(np.fmax.reduce(np.abs(tiles), axis=1), np.float32(1e-4)), np.float32(448))
    if scale_fmt == "ue8m0":
        s = np.exp2(np.ceil(np.log2(s.astype(np.float64)))).astype(np.float32)
    y = torch.Tensor.of(divide(tiles, s[:, None]).reshape(x.shape), torch.float8_e4m3fn)
    return y, torch.from_numpy(s.reshape(*x.shape[:-1], -1))


def weight_dequant(x, s, block_size: int = 128):
    assert x.is_contiguous() and s.is_contiguous() and x.dim() == 2 and s.dim() == 2
    scales = np.repeat(np.repeat(s.array, block_size, 0), block_size, 1)[:x.shape[0], :x.shape[1]]
    return torch.Tensor.of(x.values() * scales, torch.get_default_dtype())


class fp8_gemm_kernel:
    class best_config:
        kwargs = {"BLOCK_SIZE_M": 64}


def fp8_gemm(a, a_s, b, b_s):
    assert a.is_contiguous() and b.is_contiguous() and a_s.is_contiguous() and b_s.is_contiguous()
    return torch.Tensor.of(wgmma.scaled(a.values(), a_s.array, b.values(), b_s.array, activation_first=True), torch.get_default_dtype())
