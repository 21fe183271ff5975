#!/usr/bin/env python3
"""Matrix units by rule N20, in integers of any length: a fused sum is formed at one common unit, 2^-600, and cut there.

    python3 tools/witness/units.py golden/vectors/dev/hopper_*.jsonl.gz

evaluates files of dot products named ARCHITECTURE_INSTRUCTION_OPERANDS_ACCUMULATOR and prints equal/total; exit 1 if a line differs.
"""

import gzip
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

UNIT = 600  # every term is a whole number of 2^-600


@dataclass(frozen=True)
class Format:
    digits: int  # of a code in hex
    exponent: int
    fraction: int
    bias: int
    ieee: bool = True
    ignored: int = 0


E4M3, E5M2 = Format(2, 4, 3, 7, ieee=False), Format(2, 5, 2, 15)
BF16, FP16 = Format(4, 8, 7, 127), Format(4, 5, 10, 15)
TF32, F32 = Format(8, 8, 10, 127, ignored=13), Format(8, 8, 23, 127)
FORMATS = {"e4m3": E4M3, "e5m2": E5M2, "bf16": BF16, "fp16": FP16, "tf32": TF32}


@dataclass(frozen=True)
class Unit:
    operands: Format
    length: int  # L
    kept: int  # F
    zero: int  # EZ
    bits: int  # of the output's fraction
    out: Format = F32
    k: int = 0  # elements of an instruction, where they are more than one sum's
    pairs: bool = False  # FP8 through binary16: elements 4i, 4i+1 first, then 4i+2, 4i+3
    late: bool = False  # C added last, to nearest


UNITS = {
    f"hopper-{i}-{o}-f32": Unit(FORMATS[o], n, f, -133, b)
    for i in ("wgmma", "mma") for o, n, f, b in (("e4m3", 32, 13, 13), ("e5m2", 32, 13, 13), ("bf16", 16, 25, 23), ("fp16", 16, 25, 23), ("tf32", 8, 25, 23))
}
UNITS |= {f"hopper-wgmma-{o}-f16": Unit(FORMATS[o], n, f, -133, 10, FP16) for o, n, f in (("e4m3", 32, 13), ("e5m2", 32, 13), ("fp16", 16, 25))}
UNITS |= {f"hopper-mma-{o}-{a}": Unit(FORMATS[o], 16, 25, -133, b, t, 32, True, True) for o in ("e4m3", "e5m2") for a, b, t in (("f32", 23, F32), ("f16", 10, FP16))}
UNITS |= {"hopper-mma-widened-e4m3-f32": Unit(E4M3, 16, 25, -133, 23, F32, 32, True)}
UNITS |= {"ampere-mma-bf16-f32": Unit(BF16, 8, 24, -132, 23, k=16), "ada-mma-bf16-f32": Unit(BF16, 8, 24, -132, 23, k=16)}
UNITS |= {"blackwell-tcgen05-bf16-f32": UNITS["hopper-wgmma-bf16-f32"]}


def decode(code, f):
    """(kind, sign, exponent, significand); kind is "nan", "inf", "zero" or "number"."""
    code >>= f.ignored
    sign = code >> (f.exponent + f.fraction) & 1
    field, m = code >> f.fraction & ((1 << f.exponent) - 1), code & ((1 << f.fraction) - 1)
    if field == (1 << f.exponent) - 1 and (f.ieee or m == 7):
        return ("inf" if f.ieee and m == 0 else "nan"), sign, 0, 0
    if field == 0 and m == 0:
        return "zero", sign, 0, 0
    return "number", sign, max(field, 1) - f.bias, m | (1 << f.fraction if field else 0)


def widened(x, f):
    """An operand as binary16 has it: what is subnormal in f is not, or less so."""
    kind, sign, exponent, significand = x
    while kind == "number" and significand < 1 << f.fraction and exponent > 1 - FP16.bias:
        exponent, significand = exponent - 1, 2 * significand
    return kind, sign, exponent, significand


def product(x, y, fraction):
    kinds = {x[0], y[0]}
    kind = "nan" if "nan" in kinds or kinds == {"inf", "zero"} else "inf" if "inf" in kinds else "zero" if "zero" in kinds else "number"
    return kind, x[1] ^ y[1], x[2] + y[2], x[3] * y[3], fraction


def fused(terms, u):
    """The code of one fused sum; a term is (kind, sign, exponent, significand, fraction bits)."""
    sign_bit = 1 << (4 * u.out.digits - 1)
    infinity = ((1 << u.out.exponent) - 1) << u.out.fraction
    infinite = {t[1] for t in terms if t[0] == "inf"}
    if len(infinite) == 2 or any(t[0] == "nan" for t in terms):
        return sign_bit - 1
    if infinite:
        return infinity | (sign_bit if 1 in infinite else 0)
    largest = max(u.zero if t[0] == "zero" else t[2] for t in terms)
    cut = UNIT + largest - u.kept  # bits below 2^(E - F)
    total = 0
    for kind, sign, exponent, significand, fraction in terms:
        if kind == "number":
            magnitude = (significand << (UNIT + exponent - fraction)) >> cut << cut
            total += -magnitude if sign else magnitude
    if total == 0:
        return 0
    sign, total = (sign_bit if total < 0 else 0), abs(total)
    least = 1 - u.out.bias
    quantum = UNIT + max(total.bit_length() - 1 - UNIT, least) - u.bits
    n, rest = total >> quantum, total & ((1 << quantum) - 1)
    if u.out is FP16 and (rest > 1 << (quantum - 1) or rest == 1 << (quantum - 1) and n & 1):
        n += 1
    # n * 2^quantum, as a code: the exponent's field is 0 or 1 at the least exponent, by the leading bit.
    code = ((quantum - UNIT + u.bits - least) << u.out.fraction) + (n << (u.out.fraction - u.bits))
    return sign | min(code, infinity) if code else 0


def add_nearest(x, y, f):
    """The ordinary sum of two codes: a fused sum that keeps every bit, rounded to nearest."""
    a, b = decode(x, f), decode(y, f)
    kinds = {a[0], b[0]}
    if "nan" in kinds or kinds == {"inf"} and a[1] != b[1]:
        return (1 << (4 * f.digits - 1)) - 1
    if "inf" in kinds:
        return x if a[0] == "inf" else y
    total = sum((-1 if s else 1) * (m << (UNIT + e - f.fraction)) for kind, s, e, m in (a, b) if kind == "number")
    if total == 0:
        return x & y
    sign, total = ((1 << (4 * f.digits - 1)) if total < 0 else 0), abs(total)
    least = 1 - f.bias
    quantum = UNIT + max(total.bit_length() - 1 - UNIT, least) - f.fraction
    n, rest = total >> quantum, total & ((1 << quantum) - 1)
    if rest > 1 << (quantum - 1) or rest == 1 << (quantum - 1) and n & 1:
        n += 1
    return sign | min(((quantum - UNIT + f.fraction - least) << f.fraction) + n, ((1 << f.exponent) - 1) << f.fraction)


def chain(a, b, c, u):
    """Codes of a and b, padded with zeros to whole instructions, on top of the code c."""
    step = u.k or u.length
    a, b = ([*x, *[0] * (-len(x) % step)] for x in (a, b))
    for k in range(0, len(a), step):
        d = 0 if u.late else c
        for block in range(step // u.length):
            members = [i for i in range(step) if (i % 4 // 2 == block if u.pairs else i // u.length == block)]
            read = (lambda code: widened(decode(code, u.operands), u.operands)) if u.pairs else (lambda code: decode(code, u.operands))
            terms = [product(read(a[k + i]), read(b[k + i]), 2 * u.operands.fraction) for i in members]
            d = fused([*terms, (*decode(d, u.out), u.out.fraction)], u)
        c = add_nearest(d, c, u.out) if u.late else d
    return c


def dot_bf16(terms, name):
    """A sum of products of bfloat16 values, given as the bits of binary32, from +0; the unit's NaN as the canonical one of hashes (rule N3)."""
    terms = list(terms)
    d = chain([x >> 16 for x, _ in terms], [y >> 16 for _, y in terms], 0, UNITS[name])
    return 0x7FC00000 if d == 0x7FFFFFFF else d


def codes(text, digits):
    return [int(text[i:i + digits], 16) for i in range(0, len(text), digits)]


def check(path):
    name = re.sub(r"\.jsonl(\.gz)?$", "", path.name).replace("mmasync", "mma").replace("_", "-")
    equal = total = 0
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
        for text in lines:
            line = json.loads(text)
            good = True
            for c, d, end in (("c", "d", "f32"), ("c16", "d16", "f16")):
                if d in line:
                    u = UNITS[name.replace("emulated", end)]
                    got = chain(codes(line["a"], u.operands.digits), codes(line["b"], u.operands.digits), int(line[c], 16), u)
                    want, sign = int(line[d], 16), 1 << (4 * u.out.digits - 1)
                    good &= got == want or "amb" in line and (got | want) & ~sign == 0  # the sign of a zero is not established there
            equal, total = equal + good, total + 1
    print(f"{equal}/{total} {path.name}")
    return equal == total


if __name__ == "__main__":
    sys.exit(0 if all([check(Path(p)) for p in sys.argv[1:]]) else 1)
