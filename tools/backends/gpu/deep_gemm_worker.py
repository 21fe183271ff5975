"""DeepGEMM, unmodified, as a worker: `dsref verify --backend "python3 tools/backends/gpu/deep_gemm_worker.py" scaled_linear indexed_scaled_linear masked_scaled_linear linear`.

Calls read at deepseek-ai/DeepGEMM, commit 54e22612409371d6364144b69086735beb54e98b (2.6.1): csrc/apis/gemm.hpp, csrc/apis/layout.hpp, tests/generators.py. On SM90:

    scaled_linear, deepgemm-sm90          fp8_gemm_nt, scales F32, recipe (1, 128, 128), BF16
    scaled_linear, deepgemm-sm90-wgrad    fp8_gemm_nt, recipe (1, 1, 128), C and D F32; with the argument --k-grouped k_grouped_fp8_gemm_nt_contiguous of one group
    indexed_scaled_linear                 m_grouped_fp8_gemm_nt_contiguous
    masked_scaled_linear                  m_grouped_fp8_gemm_nt_masked
    linear, BF16, hopper-wgmma-bf16-f32   bf16_gemm_nt
"""
import sys

import torch
from common import kernel, require, require_blocks, serve_on_gpu

import deep_gemm

K_GROUPED = "--k-grouped" in sys.argv


def require_sizes(n, k):
    """TMA's rows are multiples of 16 bytes, in both operands and in D."""
    require(n > 0 and k > 0 and n % 8 == 0 and k % 16 == 0, f"DeepGEMM's tensor maps take rows of 16 bytes: N a multiple of 8 and K of 16, not {n} and {k}")


def product_of(product, *names):
    require(product["name"] in names, f"this kernel is {' or '.join(names)}, not {product['name']}")


@kernel("scaled_linear", torch=True, device="cuda")
def scaled_linear(x, x_scale, weight, weight_scale, product, out, c=None):
    (m, k), n, d = x.shape, weight.shape[0], out["y"]
    product_of(product, "deepgemm-sm90", "deepgemm-sm90-wgrad")
    require_sizes(n, k)
    if c is None:
        product_of(product, "deepgemm-sm90")
        require(d.dtype == torch.bfloat16, "without C, SM90's kernel writes BF16")
        require_blocks(x_scale, weight_scale, m, n, k)
        deep_gemm.fp8_gemm_nt((x, x_scale), (weight, weight_scale), d, disable_ue8m0_cast=True)
        return d
    require(d.dtype == torch.float32 and tuple(weight_scale.shape) == (n, -(-k // 128)), "with C, SM90's kernel takes a scale a row on both sides and writes F32")
    d.copy_(c)
    if not K_GROUPED:
        deep_gemm.fp8_gemm_nt((x, x_scale), (weight, weight_scale), d, c=d, recipe=(1, 1, 128), disable_ue8m0_cast=True)
        return d
    require(k % 128 == 0, "K of a group is a multiple of 128")
    groups, ks = d.reshape(1, m, n), [k]
    layout = torch.tensor(ks, dtype=torch.int32, device="cuda")
    deep_gemm.k_grouped_fp8_gemm_nt_contiguous((x.flatten(), x_scale), (weight.flatten(), weight_scale), groups, ks, layout, c=groups)
    return groups.reshape(m, n)


@kernel("indexed_scaled_linear", torch=True, device="cuda")
def indexed_scaled_linear(x, x_scale, groups, weight, weight_scale, product, alignment, out):
    (m, k), n = x.shape, weight[0].shape[0]
    product_of(product, "deepgemm-sm90")
    require_sizes(n, k)
    require(out["y"].dtype == torch.bfloat16, "SM90's kernel writes BF16")
    require_blocks(x_scale, weight_scale[0], m, n, k)
    require(alignment == deep_gemm.get_mk_alignment_for_contiguous_layout(), f"groups begin at multiples of {deep_gemm.get_mk_alignment_for_contiguous_layout()} rows, not of {alignment}")
    d = torch.empty_like(out["y"])
    deep_gemm.m_grouped_fp8_gemm_nt_contiguous((x, x_scale), (torch.stack(weight), torch.stack(weight_scale)), d, groups, disable_ue8m0_cast=True)
    # What the kernel leaves in rows of no group has no meaning: they stay as they were.
    return torch.where((groups >= 0).unsqueeze(1), d, out["y"])


@kernel("masked_scaled_linear", torch=True, device="cuda")
def masked_scaled_linear(x, x_scale, counts, weight, weight_scale, product, out):
    (g, m, k), n = x.shape, weight[0].shape[0]
    product_of(product, "deepgemm-sm90")
    require_sizes(n, k)
    require(m > 0 and out["y"].dtype == torch.bfloat16, "SM90's kernel writes BF16")
    require_blocks(x_scale[0], weight_scale[0], m, n, k)
    d = torch.empty_like(out["y"])
    expected = max(1, int(counts.max()))
    deep_gemm.m_grouped_fp8_gemm_nt_masked((x, x_scale), (torch.stack(weight), torch.stack(weight_scale)), d, counts, expected, disable_ue8m0_cast=True)
    rows = torch.arange(m, device="cuda").unsqueeze(0)
    return torch.where((rows < counts.unsqueeze(1)).unsqueeze(2), d, out["y"])


@kernel("linear", torch=True, device="cuda")
def linear(x, weight, accumulation, out):
    require(accumulation == "hopper-wgmma-bf16-f32", f"sums are Hopper's wgmma's, not {accumulation}")
    require(x.dtype == torch.bfloat16 and weight.dtype == torch.bfloat16, "operands are BF16")
    require_sizes(weight.shape[0], 2 * x.shape[1])
    deep_gemm.bf16_gemm_nt(x, weight, out["y"])
    return out["y"]


serve_on_gpu(f"DeepGEMM {deep_gemm.__version__}")
