#!/usr/bin/env python3
"""ex2, lg2, rcp and rsqrt .approx of Hopper by docs/spec/approximate-functions.md, on binary32 bit patterns in whole numbers.

    python3 tools/witness/mufu.py golden/hardware/h100/functions/*.capture.gz

evaluates captures of functions and prints equal/total; exit 1 if a result differs. The tables (mufu_tables.py) are fitted from captures by tools/numerics/fit_mufu.py.
"""

import gzip
import json
import sys
from pathlib import Path

import exact
from mufu_tables import EX2, LG2, RCP, RSQRT

NAN, INF, NEG_INF, SIGN, HIDDEN = 0x7FFFFFFF, 0x7F800000, 0xFF800000, 1 << 31, 1 << 23
HALF, QUARTER, TWO12, TWO24, N24 = 0x3F000000, 0x3E800000, 0x45800000, 0x4B800000, 0x41C00000
MINUS_126, TWO126 = 0xC2FC0000, 0x7E800000


def square(d):
    return sum(d >> (18 - b) for b in range(17) if d >> b & 1) >> 1


def quadratic(row, d, s, p, q, r, bias):
    c0, c1, c2 = row
    return (c0 << p) + c1 * d + (c2 * s << q) + bias >> r


def fields(x):
    return x >> 31, x >> 23 & 255, x & HIDDEN - 1


def ex2_ftz(x):
    sign, exponent, fraction = fields(x)
    if exact.is_nan(x):
        return NAN
    if exponent >= 134:
        return 0 if sign else INF
    v = (HIDDEN | fraction) << 23 >> 150 - exponent if exponent else 0
    if sign and v % HIDDEN:
        v = ~v  # the whole part's floor, and the complement of the fraction, at once
    elif sign:
        v = -v
    whole, f = v >> 23, v & HIDDEN - 1
    d = f & 0x1FFFF
    code = quadratic(EX2[f >> 17], d, square(d), 13, 0, 15, 0x77E2) + (whole + 126 << 23)
    return code if code >= HIDDEN else 0


def lg2_ftz(x):
    sign, exponent, f = fields(x)
    if exponent == 0:
        return NEG_INF
    if sign or exact.is_nan(x):
        return NAN
    if exponent == 255:
        return INF
    d = f & 0x1FFFF
    t = 0 if x == exact.ONE else quadratic(LG2[f >> 17], d, square(d), 12, 1, 2, 0x3345) + (exponent - 127 << 36)
    sign, t = (SIGN, ~t) if t < 0 else (0, t)
    if t == 0:
        return 0
    n = t.bit_length()
    return sign | n + 90 << 23 | (t << 24 >> n) & HIDDEN - 1


def rcp_ftz(x):
    sign, exponent, f = fields(x)
    if exact.is_nan(x):
        return NAN
    if exponent in (0, 255):
        return sign << 31 | (0 if exponent else INF)
    d = f & 0xFFFF
    code = quadratic(RCP[f >> 16], d, square(2 * d), 13, 0, 15, 0x47E7) + (252 - exponent << 23)
    return sign << 31 | (code if code >= HIDDEN else 0)


def rsqrt_ftz(x):
    sign, exponent, f = fields(x)
    if exponent == 0:
        return sign << 31 | INF
    if sign or exact.is_nan(x):
        return NAN
    if exponent == 255:
        return 0
    v = f | (exponent - 127 & 1) << 23
    d = v & 0x1FFFF
    return (quadratic(RSQRT[v >> 17], d, square(d), 14, 2, 16, 0x7FFF) if v else 2 * HIDDEN) + (125 - (exponent - 127 >> 1) << 23)


def unit_nan(y):
    return NAN if exact.is_nan(y) else y


def below(x):
    return x >> 23 & 255 == 0


def ex2(x):
    if exact.is_nan(x) or not exact.less(x, MINUS_126):
        return ex2_ftz(x)
    y = ex2_ftz(exact.mul(x, HALF))
    return exact.mul(y, y)


def lg2(x):
    return unit_nan(exact.sub(lg2_ftz(exact.mul(x, TWO24)), N24)) if below(x) else lg2_ftz(x)


def rcp(x):
    k = TWO24 if below(x) else QUARTER if x & ~SIGN > TWO126 else exact.ONE
    return unit_nan(exact.mul(rcp_ftz(exact.mul(x, k)), k))


def rsqrt(x):
    return unit_nan(exact.mul(rsqrt_ftz(exact.mul(x, TWO24)), TWO12)) if below(x) else rsqrt_ftz(x)


FUNCTIONS = {f"{name}.approx{form}.f32": f for name, plain, ftz in (("ex2", ex2, ex2_ftz), ("lg2", lg2, lg2_ftz), ("rcp", rcp, rcp_ftz), ("rsqrt", rsqrt, rsqrt_ftz))
             for form, f in (("", plain), (".ftz", ftz))}


def check(path):
    """One capture (docs/spec/capture.md 1 and 4)."""
    data = (gzip.decompress if path.suffix == ".gz" else bytes)(path.read_bytes())
    length = int.from_bytes(data[12:16], "little")
    header = json.loads(data[16:16 + length])
    function, first, step = FUNCTIONS[header["instruction"]], int(header["first"], 16), int(header["step"], 16)
    results = memoryview(data)[24 + length:-32]
    total = header["count"]
    equal = sum(function(first + i * step & 0xFFFFFFFF) == int.from_bytes(results[4 * i:4 * i + 4], "little") for i in range(total))
    print(f"{equal}/{total} {path.name}")
    return equal == total


if __name__ == "__main__":
    sys.exit(0 if all([check(Path(p)) for p in sys.argv[1:]]) else 1)
