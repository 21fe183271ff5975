"""PyTorch and the Triton kernels of DeepSeek-V3's own inference code as a worker; the file stays where it is and is imported:

    dsref verify --backend "python3 tools/backends/gpu/torch_worker.py DeepSeek-V3/inference/kernel.py" quantize scaled_linear dequantize rms_norm

Functions read at deepseek-ai/DeepSeek-V3, commit 9b4e9788e4a3a731f7567338ed15d3ec549ce03b, inference/kernel.py: act_quant(x, block_size, scale_fmt), weight_dequant(x, s, block_size),
fp8_gemm(a, a_s, b, b_s). Results have torch's default dtype there, as they do in its inference code.
"""
import contextlib
import importlib.util
import sys

import torch
import torch.nn.functional as F
from common import BLOCK, kernel, require, require_blocks, serve_on_gpu

if len(sys.argv) < 3:
    sys.exit("usage: torch_worker.py KERNEL_PY SOCKET; KERNEL_PY is inference/kernel.py of DeepSeek-V3")
_spec = importlib.util.spec_from_file_location("deepseek_kernel", sys.argv[1])
deepseek = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(deepseek)


# Triton compiles act_quant's divisions for Hopper to products with rcp.approx. What other GPUs make of them has not been seen: there the source's word is taken.
ACT_QUANT = "TritonActQuantHopper" if torch.cuda.get_device_capability(0)[0] == 9 else "TritonActQuant"

# Whether tiles of this product's kernel have fewer than 64 rows.
ROWS = {"triton-fp8-gemm": False, "triton-fp8-gemm-mma": True}


@contextlib.contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@kernel("quantize", torch=True, device="cuda")
def quantize(x, tile, arithmetic, scale_format, clamp):
    require(tile == "row1x128" and arithmetic == ACT_QUANT.lower() and clamp == "amax", f"act_quant is row1x128, {ACT_QUANT} on this GPU, amax clamped")
    require(x.shape[1] % BLOCK == 0 and x.shape[0] * x.shape[1] > 0, f"act_quant takes whole tiles of {BLOCK}")
    codes, scales = deepseek.act_quant(x, BLOCK, "ue8m0" if scale_format == "ue8m0" else None)
    return {"codes": codes, "scales": scales}


@kernel("scaled_linear", torch=True, device="cuda")
def scaled_linear(x, x_scale, weight, weight_scale, product, out, c=None):
    (m, k), n = x.shape, weight.shape[0]
    require(product["name"] in ROWS and c is None, f"fp8_gemm is {' or '.join(ROWS)}, without C, not {product['name']}")
    require(m * n * k > 0, "fp8_gemm takes no empty product")
    require_blocks(x_scale, weight_scale, m, n, k)
    with default_dtype(out["y"].dtype):
        y = deepseek.fp8_gemm(x, x_scale, weight, weight_scale)
    # Its tuning decides, once for each N and K, which instruction multiplies: tiles of fewer than 64 rows are too low for wgmma.
    tuned = deepseek.fp8_gemm_kernel.best_config.kwargs["BLOCK_SIZE_M"]
    other = next(name for name, low in ROWS.items() if low == (tuned < 64))
    require(other == product["name"], f"tuned to {tuned} rows a tile, which is {other}")
    return y


@kernel("dequantize", torch=True, device="cuda")
def dequantize(codes, scales, tile, out):
    require(codes.dtype == torch.float8_e4m3fn, "weight_dequant takes E4M3")
    require(tile == "block128x128" and out["y"].shape[0] * out["y"].shape[1] > 0, "weight_dequant takes blocks of 128 x 128")
    with default_dtype(out["y"].dtype):
        return deepseek.weight_dequant(codes, scales, BLOCK)


@kernel("rms_norm", torch=True, device="cuda")
def rms_norm(x, weight, epsilon, rounding, out):
    require(rounding == "none" and x.dtype == weight.dtype == out["y"].dtype, "F.rms_norm has one dtype, and rounds once")
    return F.rms_norm(x, (x.shape[1],), weight, epsilon)


serve_on_gpu(f"torch {torch.__version__}")
