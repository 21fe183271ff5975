"""As much of torch as the workers of tools/backends/gpu use, on numpy: BF16 and FP8 are codes with a dtype. A thing that is not here is not called."""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "..", "..", "tools", "python"))
import dsref_io  # noqa: E402

__version__ = "0.fake"


class dtype:
    def __init__(self, name, numpy_name, coded=None):
        self.name, self.numpy, self.coded = name, np.dtype(numpy_name), coded

    def __repr__(self):
        return f"torch.{self.name}"


float64, float32, float16 = dtype("float64", "f8"), dtype("float32", "f4"), dtype("float16", "f2")
bfloat16, float8_e4m3fn, float8_e5m2 = dtype("bfloat16", "u2", "BF16"), dtype("float8_e4m3fn", "u1", "F8_E4M3"), dtype("float8_e5m2", "u1", "F8_E5M2")
int64, int32, int16, int8, uint8, bool_ = dtype("int64", "i8"), dtype("int32", "i4"), dtype("int16", "i2"), dtype("int8", "i1"), dtype("uint8", "u1"), dtype("bool", "?")
_default = float32


def get_default_dtype():
    return _default


def set_default_dtype(given):
    global _default
    _default = given


class _Storage:
    def __init__(self, array):
        self.array = array

    def data_ptr(self):
        base = self.array
        while base.base is not None and isinstance(base.base, np.ndarray):
            base = base.base
        return base.__array_interface__["data"][0]


class Tensor:
    def __init__(self, array, kind):
        assert array.dtype == kind.numpy, (array.dtype, kind)
        self.array, self.dtype = array, kind

    # Values and codes
    def values(self):
        return dsref_io.decode(self.array, self.dtype.coded) if self.dtype.coded else self.array

    @staticmethod
    def of(values, kind):
        if kind.coded:
            return Tensor(np.asarray(dsref_io.as_codes(np.asarray(values, np.float32), kind.coded)), kind)
        return Tensor(np.asarray(values).astype(kind.numpy), kind)

    # Form
    shape = property(lambda self: self.array.shape)
    T = property(lambda self: Tensor(self.array.T, self.dtype))

    def dim(self):
        return self.array.ndim

    def size(self, d=None):
        return self.array.shape if d is None else self.array.shape[d]

    def numel(self):
        return self.array.size

    def stride(self, d):
        return self.array.strides[d] // self.array.itemsize

    def is_contiguous(self):
        return self.array.flags.c_contiguous

    def contiguous(self):
        return Tensor(np.ascontiguousarray(self.array), self.dtype)

    def reshape(self, *shape):
        return Tensor(self.array.reshape(*shape), self.dtype)

    def flatten(self):
        return self.reshape(-1)

    def unsqueeze(self, d):
        return Tensor(np.expand_dims(self.array, d), self.dtype)

    def view(self, kind):
        if self.array.size == 0 and self.array.dtype.itemsize != np.dtype(kind.numpy).itemsize:
            raise RuntimeError(f"self.stride(-1) must be 1 to view {self.dtype} as {kind} (different element sizes), but got 0")
        return Tensor(self.array.view(kind.numpy), kind)

    def untyped_storage(self):
        return _Storage(self.array)

    def __getitem__(self, at):
        return Tensor(self.array[at], self.dtype)

    def __setitem__(self, at, value):
        self.array[at] = value.array if value.dtype is self.dtype else Tensor.of(value.values(), self.dtype).array

    # Places: the fake GPU is the processor
    def to(self, where):
        return Tensor.of(self.values(), where) if isinstance(where, dtype) and where is not self.dtype else self

    def cpu(self):
        return self

    def detach(self):
        return self

    def numpy(self):
        return self.array

    def copy_(self, other):
        self[...] = other
        return self

    # Little arithmetic
    def max(self):
        return Tensor(np.asarray(self.array.max()), self.dtype)

    def __int__(self):
        return int(self.array)

    def __ge__(self, other):
        return Tensor(self.array >= other, bool_)

    def __lt__(self, other):
        return Tensor(self.array < other.array, bool_)


def from_numpy(array):
    for kind in (float64, float32, float16, int64, int32, int16, int8, uint8, bool_):
        if array.dtype == kind.numpy:
            return Tensor(array, kind)
    raise TypeError(array.dtype)


def as_strided(tensor, shape, strides, offset=0):
    width = tensor.array.itemsize
    return Tensor(np.ndarray(shape, tensor.array.dtype, tensor.array.data, offset * width, [width * s for s in strides]), tensor.dtype)


def empty(shape, dtype=None, device=None):
    # What is not written is seen: no value of a test has this pattern.
    kind = dtype or _default
    return Tensor(np.full(shape, 0xA5, np.uint8).repeat(kind.numpy.itemsize, axis=-1).view(kind.numpy).reshape(shape) if np.prod(shape) else np.empty(shape, kind.numpy), kind)


def empty_like(tensor, dtype=None):
    return empty(tensor.shape, dtype or tensor.dtype)


def full(shape, value, dtype=None, device=None):
    return Tensor.of(np.full(shape, value, np.float32), dtype or _default)


def arange(n, dtype=int64, device=None):
    return Tensor(np.arange(n).astype(dtype.numpy), dtype)


def tensor(values, dtype=None, device=None):
    return Tensor.of(np.asarray(values), dtype or int64)


def stack(tensors):
    return Tensor(np.stack([t.array for t in tensors]), tensors[0].dtype)


def where(condition, a, b):
    assert a.dtype is b.dtype
    return Tensor(np.where(condition.array, a.array, b.array), a.dtype)


class _Properties:
    multi_processor_count = 132


class cuda:
    @staticmethod
    def get_device_properties(index):
        return _Properties

    @staticmethod
    def get_device_capability(index):
        return tuple(int(part) for part in os.environ.get("FAKE_CAPABILITY", "9.0").split("."))

    @staticmethod
    def get_device_name(index):
        return "numpy in torch's clothes"


from . import nn  # noqa: E402,F401
