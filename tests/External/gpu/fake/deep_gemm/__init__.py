"""deep_gemm of deepseek-ai/DeepGEMM 54e22612409371d6364144b69086735beb54e98b as the worker calls it: names, parameters and checks of csrc/apis/gemm.hpp on SM90, arithmetic in numpy."""
import numpy as np
import torch
import wgmma

__version__ = "2.6.1"


def get_mk_alignment_for_contiguous_layout():
    return 128


def _check_sf(sf, mn, k, gran_mn, groups=None):
    assert sf.dtype is torch.float32 and sf.dim() == 2 + (groups is not None)
    assert sf.size(-2) == -(-mn // gran_mn) and sf.size(-1) == -(-k // 128), (sf.shape, mn, k, gran_mn)


def _tma(tensor):
    assert tensor.is_contiguous() and tensor.size(-1) * tensor.array.itemsize % 16 == 0, "rows of 16 bytes"


def fp8_gemm_nt(a, b, d, c=None, recipe=None, recipe_a=None, recipe_b=None, compiled_dims="nk", disable_ue8m0_cast=False):
    (m, k), (n, k_) = a[0].shape, b[0].shape
    assert k == k_ and d.shape == (m, n) and a[0].dtype is torch.float8_e4m3fn and b[0].dtype is torch.float8_e4m3fn
    recipe = recipe or (1, 128, 128)
    _check_sf(a[1], m, k, recipe[0])
    _check_sf(b[1], n, k, recipe[1])
    for t in (a[0], b[0], d):
        _tma(t)
    if recipe[1] == 1:
        assert c is not None and d.dtype is torch.float32
    else:
        assert c is None and d.dtype is torch.bfloat16
    if m == 0 or n == 0:
        return
    acc = wgmma.scaled(a[0].values(), a[1].array, b[0].values(), b[1].array)
    d.copy_(torch.Tensor.of(acc if c is None else c.array + acc, d.dtype))


def k_grouped_fp8_gemm_nt_contiguous(a, b, d, ks_cpu, grouped_layout, c=None, recipe=(1, 1, 128), compiled_dims="mn", use_psum_layout=False):
    groups, m, n = d.shape
    assert recipe == (1, 1, 128) and not use_psum_layout and c is not None and d.dtype is torch.float32 and all(k % 128 == 0 for k in ks_cpu)
    assert grouped_layout.dtype is torch.int32 and grouped_layout.numel() == groups == len(ks_cpu)
    assert a[0].dim() == 1 and a[0].numel() == sum(ks_cpu) * m and b[0].numel() == sum(ks_cpu) * n and a[1].shape == (m, sum(ks_cpu) // 128)
    at = 0
    for g, k in enumerate(ks_cpu):
        x, w = a[0].values()[at * m:(at + k) * m].reshape(m, k), b[0].values()[at * n:(at + k) * n].reshape(n, k)
        blocks = slice(at // 128, (at + k) // 128)
        d.array[g] = c.array[g] + wgmma.scaled(x, a[1].array[:, blocks], w, b[1].array[:, blocks])
        at += k


def m_grouped_fp8_gemm_nt_contiguous(a, b, d, grouped_layout, recipe=None, recipe_a=None, recipe_b=None, compiled_dims="nk", disable_ue8m0_cast=False, use_psum_layout=False,
                                     ensure_zero_padding=True, expected_m_for_psum_layout=None):
    (m, k), (groups, n, k_) = a[0].shape, b[0].shape
    assert k == k_ and d.shape == (m, n) and d.dtype is torch.bfloat16 and grouped_layout.dtype is torch.int32 and grouped_layout.shape == (m,)
    _check_sf(a[1], m, k, 1)
    _check_sf(b[1], n, k, 128, groups)
    for row in range(0, m, get_mk_alignment_for_contiguous_layout()):
        tile = slice(row, min(row + get_mk_alignment_for_contiguous_layout(), m))
        g = int(grouped_layout.array[row])
        if g >= 0:
            d[tile] = torch.Tensor.of(wgmma.scaled(a[0].values()[tile], a[1].array[tile], b[0].values()[g], b[1].array[g]), d.dtype)


def m_grouped_fp8_gemm_nt_masked(a, b, d, masked_m, expected_m, recipe=None, recipe_a=None, recipe_b=None, compiled_dims="nk", disable_ue8m0_cast=False):
    (groups, m, k), (_, n, k_) = a[0].shape, b[0].shape
    assert k == k_ and d.shape == (groups, m, n) and d.dtype is torch.bfloat16 and masked_m.dtype is torch.int32 and masked_m.numel() == groups and expected_m > 0
    _check_sf(a[1], m, k, 1, groups)
    _check_sf(b[1], n, k, 128, groups)
    for g in range(groups):
        d[g] = torch.Tensor.of(wgmma.scaled(a[0].values()[g], a[1].array[g], b[0].values()[g], b[1].array[g]), d.dtype)


def bf16_gemm_nt(a, b, d, c=None, compiled_dims="nk"):
    assert a.dtype is torch.bfloat16 and b.dtype is torch.bfloat16 and c is None and d.shape == (a.size(0), b.size(0))
    for t in (a, b, d):
        _tma(t)
    d.copy_(torch.Tensor.of(wgmma.bf16(a.values(), b.values()).astype(np.float32), d.dtype))
