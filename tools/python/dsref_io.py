"""Inputs, files and digests of DeepSeek.Reference in numpy: what a kernel's author needs to hand results to `dsref check`.

    import dsref_io as io
    tensors = io.inputs_of("gemm_fp8[m=128,n=576,k=7168,contract=hopperfp8]")    # the bits that dsref makes
    io.save_safetensors("in.safetensors", tensors)
    y = io.as_codes(my_kernel(tensors), "BF16")
    io.save_safetensors("out.safetensors", {"y": y})

Formats that numpy lacks (BF16, F8_E4M3, F8_E5M2, F8_E8M0) are arrays of their codes, uint16 or uint8, of the class Codes, which knows its format and decodes itself.
Random values: docs/spec/random.md; maps: docs/spec/goldens.md. One file, numpy alone; torch is used only in to_torch and from_torch.
"""

import hashlib
import json
import re
from pathlib import Path

import numpy as np

PLAIN = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1", "C64": "<c8"}
CODED = {"BF16": "<u2", "F8_E4M3": "|u1", "F8_E5M2": "|u1", "F8_E8M0": "|u1"}
NAN = {"F64": 0x7FF8000000000000, "F32": 0x7FC00000, "F16": 0x7E00, "BF16": 0x7FC0, "F8_E4M3": 0x7F, "F8_E5M2": 0x7E}


# Codes


class Codes(np.ndarray):
    """Codes of a format that numpy lacks; `format` is its name in safetensors, `decode()` the float32 values."""

    format = None

    def __array_finalize__(self, origin):
        self.format = getattr(origin, "format", None)

    def decode(self):
        return decode(np.asarray(self), self.format)


def coded(bits, name):
    """An array of codes as Codes of a format."""
    codes = np.ascontiguousarray(bits, dtype=CODED[name]).reshape(np.shape(bits)).view(Codes)
    codes.format = name
    return codes


def dtype_of(array):
    """The safetensors name of an array's dtype."""
    name = getattr(array, "format", None)
    if name is not None:
        return name
    for name, numpy_name in PLAIN.items():
        if array.dtype == np.dtype(numpy_name):
            return name
    raise TypeError(f"safetensors has no {array.dtype}; convert the array")


def _small(name):
    """The values of all 256 codes."""
    code = np.arange(256)
    if name == "F8_E8M0":
        with np.errstate(over="ignore"):
            return np.where(code == 255, np.nan, np.ldexp(1.0, code - 127)).astype(np.float32)
    fraction, bias = (3, 7) if name == "F8_E4M3" else (2, 15)
    exponent, mantissa = (code & 0x7F) >> fraction, code & ((1 << fraction) - 1)
    value = np.ldexp(np.where(exponent == 0, mantissa, mantissa + (1 << fraction)).astype(np.float64), np.maximum(exponent, 1) - bias - fraction)
    if name == "F8_E4M3":
        value[(code & 0x7F) == 0x7F] = np.nan
    else:
        value[exponent == 31] = np.where(mantissa[exponent == 31] == 0, np.inf, np.nan)
    return np.where(code & 0x80, -value, value).astype(np.float32)


_VALUES = {name: _small(name) for name in ("F8_E4M3", "F8_E5M2", "F8_E8M0")}


def decode(bits, name):
    """float32 values of codes, exact."""
    bits = np.asarray(bits)
    return (bits.astype(np.uint32) << 16).view(np.float32) if name == "BF16" else _VALUES[name][bits]


def to_bf16(values):
    """Codes of the nearest BF16, ties to even; NaN is 0x7FC0."""
    values = np.asarray(values, dtype=np.float32)
    u = np.ascontiguousarray(values).view(np.uint32).astype(np.uint64).reshape(values.shape)
    codes = ((u + 0x7FFF + (u >> 16 & 1)) >> 16).astype(np.uint16)
    return coded(np.where(np.isnan(values), 0x7FC0, codes), "BF16")


def to_e4m3(values):
    """Codes of the nearest F8_E4M3, ties to even, beyond 448 saturated; NaN is 0x7F."""
    return coded(_nearest(values, _VALUES["F8_E4M3"][:127], np.inf, 126, 0x7F), "F8_E4M3")


def to_e5m2(values):
    """Codes of the nearest F8_E5M2, ties to even; from 61440 on infinity, as IEEE rounds; NaN is 0x7E."""
    return coded(_nearest(values, _VALUES["F8_E5M2"][:124], 61440.0, 124, 0x7E), "F8_E5M2")


def _nearest(values, grid, limit, beyond, nan):
    values = np.asarray(values, dtype=np.float32)
    with np.errstate(invalid="ignore"):  # a signalling NaN
        size = np.abs(values.astype(np.float64))
    grid = grid.astype(np.float64)
    middle = (grid[1:] + grid[:-1]) / 2  # exact in binary64
    code = np.searchsorted(middle, size, side="left")
    tie = (code < middle.size) & (size == middle[np.minimum(code, middle.size - 1)])
    code = np.where(tie & (code & 1 == 1), code + 1, code)
    code = np.where(size >= limit, beyond, code) | np.where(np.signbit(values), 0x80, 0)
    return np.where(np.isnan(values), nan, code).astype(np.uint8)


def as_codes(values, name):
    """float32 values rounded once to a format: BF16, F8_E4M3 or F8_E5M2; F32 as they are."""
    return {"F32": lambda v: np.asarray(v, np.float32), "BF16": to_bf16, "F8_E4M3": to_e4m3, "F8_E5M2": to_e5m2}[name](values)


# Random values


def philox(k0, k1, j, stream=0):
    """Blocks j (an array of 64-bit numbers) of Philox4x32-10 under a key: an array [..., 4] of words."""
    j = np.asarray(j, dtype=np.uint64)
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    c = [j & mask, j >> shift, np.full_like(j, stream), np.zeros_like(j)]
    for _ in range(10):
        p, q = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [q >> shift ^ c[1] ^ np.uint64(k0), q & mask, p >> shift ^ c[3] ^ np.uint64(k1), p & mask]
        k0, k1 = k0 + 0x9E3779B9 & 0xFFFFFFFF, k1 + 0xBB67AE85 & 0xFFFFFFFF
    return np.stack(c, axis=-1).astype(np.uint32)


def hash32(name):
    """FNV-1a over the UTF-8 bytes."""
    h = 0x811C9DC5
    for byte in name.encode("utf-8"):
        h = (h ^ byte) * 0x01000193 & 0xFFFFFFFF
    return h


def words(seed, name, count, stream=0):
    """Words 0 to count - 1 of a tensor."""
    blocks = philox(seed & 0xFFFFFFFF, seed >> 32 ^ hash32(name), np.arange((count + 3) // 4, dtype=np.uint64), stream)
    return blocks.reshape(-1)[:count]


_BOUNDARY = np.array([0x00000000, 0x00000001, 0x007FFFFF, 0x00800000, 0x3B000000, 0x3C800000, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x3F808000, 0x3F818000, 0x43E00000, 0x43E80000,
                      0x4B800000, 0x7F7F7FFF, 0x7F7FFFFF], dtype=np.uint32)
_SPECIAL = np.array([0x7F800000, 0xFF800000, 0x7FC00000, 0x80000000], dtype=np.uint32)
WORDS_OF_MAP = {"bell": 2, "outlier": 4}


def _bell(u, v):
    u, v = u.astype(np.int64), v.astype(np.int64)
    return ((u & 0xFFFF) + (u >> 16) + (v & 0xFFFF) + (v >> 16) - 131070).astype(np.float64) * 2.0**-16


def _logspread(u):
    size = np.ldexp(1 + (u % 128) / 128, (u >> 7).astype(np.int64) % 32 - 16)
    return np.where(u >> 31, -size, size)


def values(value_map, seed, name, count):
    """float32 values of a map of real numbers: uniform, int, bell, logspread, outlier, boundary, tie, special, scale, power, reciprocal."""
    w = words(seed, name, count * WORDS_OF_MAP.get(value_map, 1))
    if value_map == "uniform":
        return (((w >> 8).astype(np.int64) - (1 << 23)) * 2.0**-23).astype(np.float32)
    if value_map == "int":
        return ((w.astype(np.uint64) * 17 >> 32).astype(np.int64) - 8).astype(np.float32)
    if value_map == "bell":
        return _bell(w[0::2], w[1::2]).astype(np.float32)
    if value_map == "logspread":
        return _logspread(w).astype(np.float32)
    if value_map == "outlier":
        return (_bell(w[0::4], w[1::4]) * np.where(w[2::4] % 512 == 0, 128.0, 1.0)).astype(np.float32)
    if value_map == "boundary":
        return (_BOUNDARY[w >> 27 & 15] | w & np.uint32(0x80000000)).view(np.float32)
    if value_map == "tie":
        return ((w >> 30) * 0.5 - 0.5).astype(np.float32)
    if value_map == "special":
        return np.where(w % 16 == 0, _SPECIAL[w >> 4 & 3].view(np.float32), _logspread(w).astype(np.float32))
    if value_map == "scale":
        return (np.uint32(0x3C000000) | w >> 9).view(np.float32)
    if value_map == "power":
        return (w % 16 + 115 << 23).astype(np.uint32).view(np.float32)
    if value_map == "reciprocal":
        return np.float32(1) / np.arange(1, count + 1, dtype=np.float32)
    raise ValueError(f"map '{value_map}' is not known; docs/spec/goldens.md lists them")


def make(value_map, seed, name, dtype, shape):
    """A case's input: an array, or Codes where numpy lacks the dtype."""
    count = int(np.prod(shape, dtype=np.int64))
    kind, _, parameter = value_map.partition(":")
    n = int(parameter or 0)
    if kind == "arange":
        return (np.arange(count, dtype=np.int64) + n).astype(PLAIN[dtype]).reshape(shape)
    if kind == "index":
        return (words(seed, name, count).astype(np.uint64) * np.uint64(n) >> np.uint64(32)).astype(PLAIN[dtype]).reshape(shape)
    if kind == "index_holes":
        chosen = make(f"index:{n}", seed, name, dtype, shape)
        chosen.reshape(-1)[2::3] = -1
        return chosen
    if kind in ("experts", "experts_holes"):
        first = (words(seed, name, count).astype(np.uint64) * np.uint64(n) >> np.uint64(32)).astype(np.int64).reshape(shape)[:, :1]
        chosen = (first + np.arange(shape[1])) % max(n, 1)
        if kind == "experts_holes" and shape[1] > 0:
            chosen[2::3, -1] = -1
        return chosen.astype(PLAIN[dtype])
    if kind == "subnormal":
        return _subnormal(words(seed, name, count), dtype).reshape(shape)
    return as_codes(values(kind, seed, name, count).reshape(shape), dtype)


def _subnormal(u, dtype):
    """The smallest numbers of the dtype, on both sides of its smallest normal one."""
    f, bits = {"F32": (23, 32), "BF16": (7, 16), "F8_E4M3": (3, 8)}[dtype]
    low, any_ = u >> 2 & 3, u >> 4 & ((1 << f) - 1)
    code = np.choose(u & 3, [low, (1 << f) - 2 + low, any_, (1 << f) + any_]).astype(np.uint32) | u >> 31 << bits - 1
    return code.astype(np.uint32).view(np.float32) if dtype == "F32" else coded(code, dtype)


# Cases

_NARROW = ("deepseekinference", "hopperfp8", "huggingface")
_ALIASES = {"gemm": "linear", "gemm_bf16": "linear", "gemm_f32": "linear", "gemm_fp8": "scaled_linear"}


def parse_id(text):
    """A case's name and its arguments, in lower case; gemm_fp8[m=..] and its like become the operation's own id."""
    match = re.fullmatch(r"\s*([a-z][a-z0-9_]*)\s*(?:\[([^\]]*)\])?\s*", text.lower())
    if match is None:
        raise ValueError(f"'{text}' is no case id, name[key=value,...]")
    arguments = dict(part.strip().split("=", 1) for part in (match[2] or "").split(",") if part.strip())
    name = match[1]
    if name in _ALIASES:
        if "m" in arguments:
            arguments["t"] = arguments.pop("m")
        if name in ("gemm_bf16", "gemm_f32"):
            arguments = {"x": name[5:], "weight": name[5:]} | arguments
        name = _ALIASES[name]
    return name, arguments


def declare(case_id):
    """What a case's inputs are: {name: (map, dtype, shape)}, for the operations that kernels are written for."""
    name, a = parse_id(case_id)
    narrow = a.get("contract", "canonical") in _NARROW
    value_map = a.get("map", "bell")

    def size(key):
        return int(a[key])

    def real(key, *shape, factor=False):
        dtype = {"f32": "F32", "bf16": "BF16"}[a[key]] if key in a else "BF16" if narrow else "F32"
        return "bell" if factor and value_map == "subnormal" else value_map, dtype, list(shape)

    def single(key, *shape):
        """A factor in binary32 whatever the contract."""
        return real(key, *shape, factor=True)[0], "F32", list(shape)

    if name in ("rms_norm", "softmax", "log_softmax"):
        t, n = size("t"), size("n")
        return {"x": real("x", t, n)} | ({"weight": real("weight", n, factor=True)} if name == "rms_norm" else {})
    if name == "add":
        return {"a": real("a", size("n")), "b": real("b", size("n"))}
    if name == "swiglu":
        return {"gate": real("gate", size("n")), "up": real("up", size("n"), factor=True)}
    if name == "cast":
        return {"x": (value_map, "BF16" if a.get("x") == "bf16" else "F32", [size("n")])}
    if name == "linear":
        return {"x": real("x", size("t"), size("k")), "weight": real("weight", size("n"), size("k"), factor=True)}
    if name in ("linear_dgrad", "linear_wgrad"):
        t, n, k = size("t"), size("n"), size("k")
        dy = {"dy": (value_map, "F32", [t, n])}
        return dy | ({"weight": real("weight", n, k, factor=True)} if name == "linear_dgrad" else {"x": single("x", t, k), "c": (value_map, "F32", [n, k])})
    if name == "rms_norm_backward":
        t, n = size("t"), size("n")
        return {"dy": (value_map, "F32", [t, n]), "x": single("x", t, n), "weight": real("weight", n, factor=True), "c": (value_map, "F32", [n])}
    if name == "swiglu_backward":
        return {"dy": (value_map, "F32", [size("n")]), "gate": single("gate", size("n")), "up": single("up", size("n"))}
    if name == "quantize":
        return {"x": real("x", size("t"), size("k"))}
    if name == "embedding":
        return {"weight": real("weight", size("v"), size("d")), "ids": (f"index:{size('v')}", "I64" if a.get("long") == "yes" else "I32", [size("t")])}
    if name == "rope":
        return {"x": real("x", size("t"), size("h"), size("d")), "positions": (f"arange:{a.get('start', 0)}", "I32", [size("t")]),
                "frequencies": ("reciprocal", "F32", [size("dr") // 2])}
    if name == "attention":
        s, t, h, hk, d = (size(key) for key in ("s", "t", "h", "hk", "d"))
        latent = {} if a.get("latent") == "yes" else {"values": real("values", t, hk, size("dv"))}
        return {"q": real("q", s, h, d, factor=True), "keys": real("keys", t, hk, d)} | latent
    if name == "scaled_linear":
        t, n, k = size("t"), size("n"), size("k")
        product = a.get("product", "")
        blocks = 1 if product == "hopper-without-promotion" else -(-k // 128)
        scale = "power" if product == "deepgemm-sm100" else "scale"
        rows = n if a.get("rows") == "yes" else -(-n // 128)
        c = {"c": (value_map, "F32", [t, n])} if a.get("add") == "yes" else {}
        return {"x": (value_map, "F8_E4M3", [t, k]), "x_scale": (scale, "F32", [t, blocks]), "weight": (value_map, "F8_E4M3", [n, k]), "weight_scale": (scale, "F32", [rows, blocks])} | c
    raise ValueError(f"'{name}' is not among the operations of dsref_io.inputs_of; `dsref show CASE` prints what its inputs are, and make() makes them")


def inputs_of(case_id):
    """A case's inputs by name, bit for bit those of `dsref verify`."""
    seed = int(parse_id(case_id)[1].get("seed", "0x2a"), 0)
    return {name: make(value_map, seed, name, dtype, shape) for name, (value_map, dtype, shape) in declare(case_id).items()}


def manifest(path):
    """The lines of golden/manifest.jsonl."""
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def inputs_of_line(line):
    """The inputs of a manifest line, of any operation; model cases, whose inputs are files, have none, and what a forward makes is left out."""
    return {name: make(t["map"], int(line["seed"], 16), name, t["dtype"], t["shape"]) for name, t in line["inputs"].items() if t["map"] not in ("file", "oracle", "forward")}


# Files and digests


def canonical_bytes(array):
    """Row-major, little-endian, every NaN the format's canonical one (rules N3 and N15)."""
    name = dtype_of(array)
    flat = np.ascontiguousarray(np.asarray(array)).astype((PLAIN | CODED)[name], copy=False)
    if name in NAN:
        missing = np.isnan(flat) if name in PLAIN else np.isnan(decode(flat, name))
        if missing.any():
            flat = flat.copy()
            flat.view(f"<u{flat.itemsize}")[missing] = NAN[name]
    return flat.tobytes()


def sha256(array):
    """The digest that golden/manifest.jsonl keeps."""
    return hashlib.sha256(canonical_bytes(array)).hexdigest()


def save_safetensors(path, tensors, metadata=None):
    """Writes arrays and Codes by name; numbers keep their bits, NaNs included."""
    header, data, at = ({"__metadata__": metadata} if metadata else {}), [], 0
    for name in sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name)):
        array = np.ascontiguousarray(np.asarray(tensors[name])).astype((PLAIN | CODED)[dtype_of(tensors[name])], copy=False)
        header[name] = {"dtype": dtype_of(tensors[name]), "shape": list(tensors[name].shape), "data_offsets": [at, at + array.nbytes]}
        data.append(array.tobytes())
        at += array.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    Path(path).write_bytes(len(text).to_bytes(8, "little") + text + b"".join(data))


def load_safetensors(path):
    """Arrays, and Codes where numpy lacks the dtype, by name; formats of fewer than 8 bits are refused."""
    raw = Path(path).read_bytes()
    length = int.from_bytes(raw[:8], "little")
    tensors = {}
    for name, entry in json.loads(raw[8:8 + length]).items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in PLAIN | CODED:
            raise TypeError(f"{path}: tensor '{name}' is {entry['dtype']}, which this module does not read")
        begin, end = (8 + length + at for at in entry["data_offsets"])
        array = np.frombuffer(raw[begin:end], dtype=(PLAIN | CODED)[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = coded(array, entry["dtype"]) if entry["dtype"] in CODED else array
    return tensors


def to_torch(array):
    """A torch tensor of the same bits."""
    import torch

    types = {"BF16": torch.bfloat16, "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "F8_E8M0": getattr(torch, "float8_e8m0fnu", torch.uint8)}
    bits = torch.from_numpy(np.array(np.asarray(array)).view(np.int16 if dtype_of(array) == "BF16" else array.dtype))
    return bits.view(types[array.format]) if dtype_of(array) in CODED else bits


def from_torch(tensor):
    """A torch tensor's bits as an array or Codes, wherever it lies."""
    import torch

    tensor = tensor.detach().cpu().contiguous()
    names = {torch.bfloat16: "BF16", torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2", getattr(torch, "float8_e8m0fnu", None): "F8_E8M0"}
    if tensor.dtype not in names:
        return tensor.numpy()
    name = names[tensor.dtype]
    return coded(tensor.view(torch.int16 if name == "BF16" else torch.uint8).numpy().view(CODED[name]), name)
