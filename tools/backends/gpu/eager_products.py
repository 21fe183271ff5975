"""eager_worker.py's products: cuBLAS, and cuBLASLt for FP8.

Scales of _scaled_mm and scaled_mm read at pytorch/pytorch, commit 0174dfabc023f11a8f78c79c301b49c8d7e02c8b, aten/src/ATen/native/cuda/ScaledBlas.cpp.
"""
import torch
import torch.nn.functional as F
from common import BLOCK, Unsupported, require
from eager_operation import BF16, F32, named, operation, options, same


def rows_up_to(tensor, multiple, value=0):
    """The matrix with rows of one value below, up to a multiple."""
    more = -tensor.shape[0] % multiple
    return tensor if more == 0 else torch.cat([tensor, torch.full((more, *tensor.shape[1:]), value, device=tensor.device).to(tensor.dtype)])


@operation("linear")
def linear(x, weight, out, **_):
    same(x, weight)
    y = out["y"]
    require(y.dtype == x.dtype or (x.dtype, y.dtype) == (BF16, F32), f"torch gives no {named(y.dtype)} of {named(x.dtype)}")
    (t, _k), n = x.shape, weight.shape[0]
    if x.numel() and weight.numel():
        x, weight = rows_up_to(x, options.pad), rows_up_to(weight, options.pad)
    if y.dtype == x.dtype:
        return F.linear(x, weight)[:t, :n]
    try:
        return torch.mm(x, weight.t(), out_dtype=y.dtype)[:t, :n]
    except TypeError as error:
        raise Unsupported(f"torch {torch.__version__} has no out_dtype of mm") from error


@operation("linear_dgrad")
def linear_dgrad(dy, weight, out, **_):
    same(dy, weight)
    return dy @ weight


@operation("linear_wgrad")
def linear_wgrad(dy, x, out, c=None, **_):
    same(dy, x, *([] if c is None else [c]))
    return dy.t() @ x if c is None else torch.addmm(c, dy.t(), x)


def scaled_linear(x, x_scale, weight, weight_scale, out, c=None, **_):
    (m, k), n, dtype = x.shape, weight.shape[0], out["y"].dtype
    require(c is None, "torch's scaled products add to nothing, and C is given")
    require(m * n * k > 0, "takes no empty product")
    require(x.dtype == weight.dtype == torch.float8_e4m3fn, "takes E4M3 alone")
    require(k % 16 == 0, f"cuBLASLt takes K in multiples of 16, not {k}")
    # N too is in multiples of 16, and rows with scales of their own in multiples of 4: rows of zeros change no other row.
    multiple = 16 * -(-options.pad // 16)
    x, weight = rows_up_to(x.view(torch.uint8), multiple).view(x.dtype), rows_up_to(weight.view(torch.uint8), multiple).view(weight.dtype)
    if options.fp8.startswith("block"):
        y = _by_blocks(x, x_scale, weight, weight_scale, n, dtype, options.fp8 == "block-fast")
    elif options.fp8 == "rowwise":
        require(weight_scale.shape[0] == n, "takes scales of rows for the weight too")
        require(bool((x_scale == x_scale[:, :1]).all() and (weight_scale == weight_scale[:, :1]).all()), "takes one scale for all of a row's K")
        y = torch._scaled_mm(x, weight.t(), rows_up_to(x_scale[:, :1], multiple, 1).contiguous(), rows_up_to(weight_scale[:, :1], multiple, 1).contiguous().t(), out_dtype=dtype, use_fast_accum=True)
    else:
        require(bool((x_scale == 1).all() and (weight_scale == 1).all()), "takes one scale of 1 for each tensor")
        one = torch.ones((), dtype=F32, device=x.device)
        y = torch._scaled_mm(x, weight.t(), one, one, out_dtype=dtype, use_fast_accum=options.fp8 == "fast")
    return y[:m, :n]


def _by_blocks(x, x_scale, weight, weight_scale, n, dtype, fast):
    """DeepSeek's scales: 1 x 128 of x, rows next to each other; of the weight the same or 128 x 128, K next to each other, padded to multiples of 4 blocks."""
    blocks = -(-x.shape[1] // BLOCK)
    by_rows = weight_scale.shape[0] == n and n > 1
    require(x_scale.shape[1] == blocks and weight_scale.shape[1] == blocks, "takes a scale for each 128 of K")
    require(by_rows or weight_scale.shape[0] == -(-n // BLOCK), "takes scales of 1 x 128 or 128 x 128 for the weight")
    left = rows_up_to(x_scale, x.shape[0], 1).t().contiguous().t()
    if by_rows:
        right = rows_up_to(weight_scale, weight.shape[0], 1).t().contiguous().t()
    else:
        right = torch.ones(-(-weight.shape[0] // BLOCK), blocks + -blocks % 4, device=x.device)
        right[:weight_scale.shape[0], :blocks] = weight_scale
        right = right.t()
    if not hasattr(F, "scaled_mm"):
        # The older call tells kinds of scales by their shapes, and knows no padding.
        require(by_rows or blocks % 4 == 0, f"torch {torch.__version__} takes scales of 128 x 128 of 4 blocks of K, 8, ...")
        return torch._scaled_mm(x, weight.t(), left, right.t() if by_rows else right, out_dtype=dtype, use_fast_accum=fast)
    kinds, plain = F.ScalingType, F.SwizzleType.NO_SWIZZLE
    return F.scaled_mm(x, weight.t(), left, kinds.BlockWise1x128, right, kinds.BlockWise1x128 if by_rows else kinds.BlockWise128x128,
                       swizzle_a=plain, swizzle_b=plain, output_dtype=dtype, use_fast_accum=fast)


if hasattr(torch, "float8_e4m3fn"):  # without it there are no tensors to be called with
    operation("scaled_linear")(scaled_linear)
