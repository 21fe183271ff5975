import numpy as np


def rms_norm(input, normalized_shape, weight=None, eps=None):
    """torch.nn.functional.rms_norm's signature; sums in binary32."""
    assert tuple(normalized_shape) == input.shape[-1:]
    x = input.values().astype(np.float32)
    v = np.mean(x * x, axis=-1, keepdims=True, dtype=np.float32) + np.float32(eps)
    return type(input).of(x * (np.float32(1) / np.sqrt(v)) * weight.values(), input.dtype)
