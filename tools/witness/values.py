"""Case ids and the inputs of cases: Philox4x32-10 and the value maps of docs/spec/random.md (rule N14)."""

from functools import lru_cache

import exact
import fp8

MASK = 0xFFFFFFFF
BOUNDARIES = [
    0x00000000, 0x00000001, 0x007FFFFF, 0x00800000, 0x3B000000, 0x3C800000, 0x3F7FFFFF, 0x3F800000,
    0x3F800001, 0x3F808000, 0x3F818000, 0x43E00000, 0x43E80000, 0x4B800000, 0x7F7F7FFF, 0x7F7FFFFF,
]
SPECIALS = [exact.INF, exact.NEG_INF, exact.NAN, exact.NEG_ZERO]


def parse_id(text):
    name, _, rest = text.partition("[")
    return name, dict(part.split("=") for part in rest.rstrip("]").split(",") if part)


@lru_cache(maxsize=1 << 16)
def block(k0, k1, j):
    c0, c1, c2, c3 = j & MASK, j >> 32, 0, 0
    for _ in range(10):
        p, q = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = q >> 32 ^ c1 ^ k0, q & MASK, p >> 32 ^ c3 ^ k1, p & MASK
        k0, k1 = k0 + 0x9E3779B9 & MASK, k1 + 0xBB67AE85 & MASK
    return c0, c1, c2, c3


class Words:
    def __init__(self, seed, name):
        h = 0x811C9DC5
        for byte in name.encode():
            h = (h ^ byte) * 0x01000193 & MASK
        self.key = seed & MASK, seed >> 32 ^ h

    def __getitem__(self, i):
        return block(*self.key, i // 4)[i % 4]


def scaled(n, s):
    return exact.round_to(n, s) if n else 0


def bell(u, v):
    return (u & 0xFFFF) + (u >> 16) + (v & 0xFFFF) + (v >> 16) - 131070


def logspread(u):
    n = scaled(128 + u % 128, (u >> 7) % 32 - 16 - 7)
    return n | u & 0x80000000


def special(u):
    return SPECIALS[u >> 4 & 3] if u % 16 == 0 else logspread(u)


def small_code(u, f):
    """A code around 0 or around the smallest normal number of a format with f fraction bits."""
    return [u >> 2 & 3, (1 << f) - 2 + (u >> 2 & 3), (u >> 4) % (1 << f), (1 << f) + (u >> 4) % (1 << f)][u & 3]


def subnormal(u, dtype):
    if dtype == "F8_E4M3":
        return small_code(u, 3) | u >> 31 << 7
    if dtype == "BF16":
        return (small_code(u, 7) | u >> 31 << 15) << 16
    return small_code(u, 23) | u & 0x80000000


REAL = {
    "uniform": lambda w, i: scaled((w[i] >> 8) - (1 << 23), -23),
    "int": lambda w, i: scaled((w[i] * 17 >> 32) - 8, 0),
    "bell": lambda w, i: scaled(bell(w[2 * i], w[2 * i + 1]), -16),
    "logspread": lambda w, i: logspread(w[i]),
    "outlier": lambda w, i: scaled(bell(w[4 * i], w[4 * i + 1]), -16 + (7 if w[4 * i + 2] % 512 == 0 else 0)),
    "boundary": lambda w, i: BOUNDARIES[w[i] >> 27 & 15] | w[i] & 0x80000000,
    "tie": lambda w, i: scaled((w[i] >> 30) - 1, -1),
    "special": lambda w, i: special(w[i]),
}


def make(value_map, seed, name, dtype, shape):
    """The row-major elements: bits of binary32 for real numbers (BF16 rounded once), codes of E4M3, else integers."""
    count = 1
    for d in shape:
        count *= d
    words = Words(seed, name)
    kind, _, parameter = value_map.partition(":")
    n = int(parameter or 0)
    if kind == "index":
        return [words[i] * n >> 32 for i in range(count)]
    if kind == "index_holes":
        return [-1 if i % 3 == 2 else words[i] * n >> 32 for i in range(count)]
    if kind == "arange":
        return [n + i for i in range(count)]
    if kind == "reciprocal":
        return [exact.round_ratio(1, 1 + i) for i in range(count)]
    if kind == "scale":
        return [0x3C000000 | words[i] >> 9 for i in range(count)]
    if kind == "power":
        return [words[i] % 16 + 115 << 23 for i in range(count)]
    if kind.startswith("experts"):
        slots = shape[-1]
        chosen = []
        for t in range(shape[0]):
            first = words[t * slots] * n >> 32
            row = [(first + s) % n for s in range(slots)]
            if kind == "experts_holes" and t % 3 == 2:
                row[-1] = -1
            chosen += row
        return chosen
    if kind == "subnormal":
        return [subnormal(words[i], dtype) for i in range(count)]
    array = [REAL[kind](words, i) for i in range(count)]
    if dtype == "F8_E4M3":
        return [fp8.encode(a) for a in array]
    return [exact.to_bf16(a) for a in array] if dtype == "BF16" else array
