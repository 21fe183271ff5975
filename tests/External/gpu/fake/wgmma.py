"""Hopper's wgmma on E4M3 and BF16 in numpy, by docs/spec/tensor-cores.md: terms aligned to the largest exponent, cut toward zero, added, cut again."""
import numpy as np


def _exponent(values, least):
    size = np.abs(values)
    return np.maximum(np.where(size > 0, np.frexp(np.where(size > 0, size, 1.0))[1] - 1, -10000), least)


def _step(acc, a, b, fraction, kept, least):
    """acc [M, N] + a [M, K] times b [N, K], all float64 holding exact values."""
    products = a[:, None, :] * b[None, :, :]
    exponents = np.where(products != 0, _exponent(a, least)[:, None, :] + _exponent(b, least)[None, :, :], -133)
    top = np.maximum(exponents.max(axis=2, initial=-133), np.where(acc != 0, _exponent(acc, -126), -133))
    unit = np.exp2(top.astype(np.float64) - fraction)
    total = np.trunc(products / unit[:, :, None]).sum(axis=2) + np.trunc(acc / unit)
    value = total * unit
    quantum = np.exp2(_exponent(value, -126).astype(np.float64) - kept)
    return np.trunc(value / quantum) * quantum


def chain(a, b, k, fraction, kept, least):
    """The sum over all of K from +0, k products an instruction."""
    acc = np.zeros((a.shape[0], b.shape[0]))
    for i in range(0, a.shape[1], k):
        acc = _step(acc, a[:, i:i + k], b[:, i:i + k], fraction, kept, least)
    return acc


def e4m3(a, b):
    return chain(a.astype(np.float64), b.astype(np.float64), 32, 13, 13, -6)


def bf16(a, b):
    return chain(a.astype(np.float64), b.astype(np.float64), 16, 25, 23, -126)


def scaled(x, x_scale, w, w_scale, activation_first=False):
    """Block-scaled product: 128 of K, then fma into binary32 (exact in binary64 but for its own rounding: 24 + 24 bits, and a sum that binary64 rounds first in rare ties)."""
    acc = np.zeros((x.shape[0], w.shape[0]), np.float32)
    rows = w_scale if w_scale.shape[0] == w.shape[0] and w.shape[0] > 1 else np.repeat(w_scale, 128, axis=0)[:w.shape[0]]
    for j in range(x_scale.shape[1]):
        k = slice(128 * j, 128 * (j + 1))
        d, sx, sw = e4m3(x[:, k], w[:, k]).astype(np.float32), x_scale[:, j:j + 1], rows[:, j][None, :]
        first, second = (d * sx, sw) if activation_first else (sx * sw, d)
        acc = (first.astype(np.longdouble) * second + acc).astype(np.float32)
    return acc
