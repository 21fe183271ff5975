"""Quantisers and back (rule N19) by integers: scales, quotients, and the codes of E4M3 and E5M6."""

import exact
import mufu
from exact import INF, NAN, div, is_nan, mul, number, units

SIDE = 128
LEAST = number("0.0001")
ONE = exact.ONE

# fraction bits, exponent of the least unit, largest code, its value, NaN's code
E4M3 = (3, -9, 0x7E, number("448"), 0x7F)
E5M6 = (6, -20, 0x7BF, number("65024"), 0x7E0)


def encode(a, fmt):
    """The nearest code, ties to even, saturated."""
    fraction, least, last, _, nan = fmt
    if is_nan(a):
        return nan
    sign = a >> 31 << (nan.bit_length())
    if a & 0x7FFFFFFF == INF:
        return sign | last
    n = abs(units(a))
    step = max(n.bit_length() - 1 - fraction, least + 149)
    m, rest, half = n >> step, n & ((1 << step) - 1), 1 << (step - 1)
    m += rest > half or rest == half and m & 1
    return sign | min(m + ((step - least - 149) << fraction), last)


def decode(code, fmt):
    """The value as binary32 bits."""
    fraction, least, last, _, nan = fmt
    magnitude = code & ((1 << nan.bit_length()) - 1)
    sign = 0x80000000 if code >> nan.bit_length() & 1 else 0
    if magnitude > last:
        return sign | INF if fmt is E5M6 and magnitude == last + 1 else NAN
    e, m = magnitude >> fraction, magnitude & ((1 << fraction) - 1)
    n = m if e == 0 else (m | 1 << fraction) << (e - 1)
    return sign | exact.round_to(n, least) if n else sign


def larger(a, x, arithmetic):
    """The larger of a and |x|; Hopper's act_quant passes over a NaN."""
    return a if is_nan(x) and arithmetic == "tritonactquanthopper" else maximum(a, x & 0x7FFFFFFF)


def maximum(a, b):
    if is_nan(a) or is_nan(b):
        return NAN
    return a if exact.order(a) > exact.order(b) else b


def power_not_below(s):
    if is_nan(s) or s == INF:
        return s
    n, e = units(s), 1
    while e < 254 and (1 << (e - 1 + 23)) < n:
        e += 1
    return e << 23


def scale_of(amax, fmt, arithmetic, scales, clamp):
    """(scale, function from x to the quotient)."""
    largest = fmt[3]
    if clamp == "amax":
        amax = maximum(amax, LEAST)
    if arithmetic in ("tritonactquant", "deepgemm", "deepgemm2025"):
        s = div(amax, largest)
    elif arithmetic == "tritonactquanthopper":
        s = mul(amax, mufu.rcp_ftz(largest))
    else:
        s = mul(amax, div(ONE, largest))
    if clamp == "scale":
        s = maximum(s, LEAST)
    if scales == "ue8m0":
        s = power_not_below(s)
    if arithmetic in ("tritonactquant", "tilelang"):
        return s, lambda x: div(x, s)
    if arithmetic == "tritonactquanthopper":
        return s, lambda x: mul(x, mufu.rcp_ftz(s))
    by_amax = arithmetic in ("deepgemm2025", "deepeplowlatency") and scales == "f32"
    factor = div(largest, amax) if by_amax else div(ONE, s)
    return s, lambda x: mul(x, factor)


def tiles(kind, t, k):
    """Ranges of rows and columns, in the order of the scales."""
    height, width = {
        "row1x128": (1, SIDE), "column128x1": (SIDE, 1), "block128x128": (SIDE, SIDE), "pertensor": (t, k), "perchannel": (1, k),
    }[kind]
    down = [0] if kind == "pertensor" else range(0, t, height)
    across = [0] if kind in ("pertensor", "perchannel") else range(0, k, width)
    return [(range(i, min(t, i + height)), range(j, min(k, j + width))) for i in down for j in across]


def formats(c):
    return E5M6 if c.get("codes", "e4m3") == "e5m6" else E4M3


def quantize(c):
    t, k, fmt = c.size("t"), c.size("k"), formats(c)
    default = "ue8m0" if fmt is E5M6 else "f32"
    decisions = c.get("arithmetic", "tritonactquant"), c.get("scales", default), c.get("clamp", "amax")
    codes, scales = [0] * (t * k), []
    for rows, columns in tiles(c.get("tile", "row1x128"), t, k):
        places = [i * k + j for i in rows for j in columns]
        amax = 0
        for p in places:
            amax = larger(amax, c["x"][p], decisions[0])
        s, quotient = scale_of(amax, fmt, *decisions)
        scales.append(s)
        for p in places:
            codes[p] = encode(quotient(c["x"][p]), fmt)
    return {"codes": codes, "scales": scales}


def dequantize(c):
    t, k, fmt = c.size("t"), c.size("k"), formats(c)
    y = [0] * (t * k)
    for s, (rows, columns) in zip(c["scales"], tiles(c.get("tile", "row1x128"), t, k)):
        for i in rows:
            for j in columns:
                y[i * k + j] = mul(decode(c["codes"][i * k + j], fmt), s)
    return {"y": y}


OPERATIONS = {"quantize": quantize, "dequantize": dequantize}
