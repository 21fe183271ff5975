"""A backend in numpy: `dsref verify --backend "python3 tools/python/examples/numpy_kernels.py" linear rms_norm scaled_linear`."""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from dsref_worker import Unsupported, kernel, serve  # noqa: E402


def e4m3(codes):
    """float32 values of E4M3 codes (the "fn" variant), exact."""
    e, m = (codes >> 3) & 15, codes & 7
    value = np.where(e == 0, m * np.float32(2.0 ** -9), (8 + m) * np.exp2(e.astype(np.float32) - 10))
    value = np.where((codes & 0x7F) == 0x7F, np.float32(np.nan), value)
    return np.where(codes & 0x80, -value, value).astype(np.float32)


@kernel("linear")
def linear(x, weight, accumulation, **_):
    if accumulation not in ("lanes16", "sequential"):
        raise Unsupported(f"numpy's product sums in float32, not by {accumulation}")
    return x @ weight.T


@kernel("linear_dgrad")
def linear_dgrad(dy, weight, accumulation):
    return linear(dy, weight.T, accumulation)


@kernel("linear_wgrad")
def linear_wgrad(dy, x, c, accumulation):
    return c + linear(dy.T, x.T, accumulation) if dy.shape[0] else c


@kernel("grouped_linear_wgrad")
def grouped_linear_wgrad(dy, x, c, offsets, accumulation):
    return [linear_wgrad(dy[a:b], x[a:b], start, accumulation) for start, a, b in zip(c, offsets, offsets[1:])]


@kernel("add")
def add(a, b):
    return a + b


@kernel("rms_norm")
def rms_norm(x, weight, epsilon, rounding):
    if rounding != "none":
        raise Unsupported(f"rounding {rounding} is not written here")
    v = np.mean(x * x, axis=1, keepdims=True, dtype=np.float32) + np.float32(epsilon)
    return x * (1 / np.sqrt(v)) * weight


@kernel("softmax")
def softmax(x):
    if x.shape[1] == 0:
        return x
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@kernel("scaled_linear")
def scaled_linear(x, x_scale, weight, weight_scale, product, c=None):
    if product["promotion"] != 128:
        raise Unsupported(f"promotion after {product['promotion']} is not written here")
    a, b = e4m3(x), e4m3(weight)
    rows = weight_scale if weight_scale.shape[0] == b.shape[0] and b.shape[0] > 1 else np.repeat(weight_scale, 128, axis=0)[: b.shape[0]]
    y = np.zeros((a.shape[0], b.shape[0]), np.float32)
    for j in range(x_scale.shape[1]):
        k = slice(128 * j, 128 * (j + 1))
        y += (a[:, k] @ b[:, k].T) * x_scale[:, j : j + 1] * rows[:, j][None, :]
    return y if c is None else c + y


serve()
