"""Block-scaled FP8 products (rules N20, N21) by integers: exact sums, and the fused sums of two matrix units."""

import exact
import units as matrix_units
from exact import INF, NAN, add, fma, is_inf, is_nan, mul, to_bf16, units

BLOCK = 128
ZERO_EXPONENT = -133
UNTOUCHED = {"F32": 0xA5A5A5A5, "BF16": 0xA5A50000}

# block sum, elements of a run (0: all), order of the scales, fused, accumulator in bfloat16
PRODUCTS = {
    "torch-reexpression": ("exact", 128, "activation", False, False),
    "torch-reexpression-bf16": ("exact", 128, "activation", False, True),
    "triton-fp8-gemm": ("hopper", 128, "activation", True, False),
    "triton-fp8-gemm-mma": ("hopper-mma-widened", 128, "activation", True, False),
    "deepgemm-sm90": ("hopper", 128, "scales", True, False),
    "deepgemm-sm90-wgrad": ("hopper", 128, "scales", True, False),
    "deepgemm-sm100": ("blackwell", 0, "inside", False, False),
    "tilelang": ("hopper", 128, "scales", True, False),
    "hopper-without-promotion": ("hopper", 0, "scales", True, False),
}


# E4M3

def encode(a):
    """The nearest code, ties to even, saturated; NaN is 0x7F."""
    if is_nan(a):
        return 0x7F
    sign = a >> 31 << 7
    if is_inf(a):
        return sign | 0x7E
    n = abs(units(a))  # times 2^-149; the finest step of E4M3 is 2^-9
    step = max(n.bit_length() - 4, 140)
    m, rest, half = n >> step, n & ((1 << step) - 1), 1 << (step - 1)
    m += rest > half or rest == half and m & 1
    code = m + ((step - 140) << 3)  # a significand of 8 to 16 carries the exponent's first unit itself
    return sign | min(code, 0x7E)


def parts(code):
    """(sign, exponent, significand with 3 fraction bits) of a finite code."""
    e, m = code >> 3 & 15, code & 7
    return code >> 7, max(e, 1) - 7, m + (8 if e else 0)


def value(code):
    """A finite code in units of 2^-9."""
    s, e, m = parts(code)
    return (-1) ** s * m << (e + 6)


def not_a_number(code):
    return code & 0x7F == 0x7F


# Sums

def exact_sum(a, b):
    n = sum(value(x) * value(y) for x, y in zip(a, b))
    return exact.round_to(n, -18) if n else 0


def fused(terms, c, fraction, digits):
    """One fused sum: products (sign, exponent, significand with 6 fraction bits) and c; cut to `digits` fraction bits."""
    all_terms = [(s, e, m, 6) for s, e, m in terms]
    field = c >> 23 & 0xFF
    all_terms.append((c >> 31, max(field, 1) - 127, (c & 0x7FFFFF) | (1 << 23 if field else 0), 23))
    largest = max(e if m else ZERO_EXPONENT for _, e, m, _ in all_terms)
    total = 0
    for s, e, m, bits in all_terms:
        shift = bits - fraction + largest - e
        aligned = m >> shift if shift > 0 else m << -shift
        total += -aligned if s else aligned
    if total == 0:
        return 0
    return cut(total, largest - fraction, digits)


def cut(n, s, digits):
    """n * 2^s as binary32 bits, the magnitude cut to `digits` fraction bits."""
    sign = 0x80000000 if n < 0 else 0
    n = abs(n)
    e = max(n.bit_length() - 1 + s, -126)
    drop = e - digits - s
    n = n >> drop << drop if drop > 0 else n
    if e > 127:
        return sign | INF
    return sign | exact.round_to(n, s) if n else 0


def chain(a, b, scales, fraction, digits):
    """Instructions of 32 elements from +0; scales[i] is the exponent added to the products of instruction i."""
    c = 0
    for i in range(0, len(a), 32):
        terms = []
        for x, y in zip(a[i:i + 32], b[i:i + 32]):
            (s, e, m), (t, f, n) = parts(x), parts(y)
            terms.append((s ^ t, e + f + scales[i // 32], m * n))
        terms += [(0, 0, 0)] * (32 - len(terms))
        c = fused(terms, c, fraction, digits)
    return c


def element(a, sa, b, sb, name):
    block, run, order, is_fused, narrow = PRODUCTS[name]
    k = len(a)
    if any(map(not_a_number, a)) or any(map(not_a_number, b)):
        return NAN
    if order == "inside":
        exponents = [(sa[i // 4] >> 23) + (sb[i // 4] >> 23) - 254 for i in range((k + 31) // 32)]
        return chain(a, b, exponents, 25, 23)
    acc = 0
    for i in range(0, k, run or k or 1):
        x, y = (a, b) if run == 0 else (a[i:i + run], b[i:i + run])
        if block == "exact":
            d = exact_sum(x, y)
        elif block == "hopper-mma-widened":
            d = matrix_units.chain(x, y, 0, matrix_units.UNITS["hopper-mma-widened-e4m3-f32"])
        else:
            d = chain(x, y, [0] * ((len(x) + 31) // 32), 13, 13)
        u, v = (sa[0], sb[0]) if run == 0 else (sa[i // BLOCK], sb[i // BLOCK])
        left, right = (mul(d, u), v) if order == "activation" else (mul(u, v), d)
        acc = fma(left, right, acc) if is_fused else add(acc, mul(left, right))
        acc = to_bf16(acc) if narrow else acc
    return acc


# Layouts

def rows(c, wanted, per_scale, weight, weight_scale, n, k, y):
    """Rows t of x in `wanted` times one weight, into y."""
    name = c.get("product", "deepgemm-sm90")
    scales = c.shapes["x_scale"][-1]
    for t in wanted:
        a, sa = c["x"][t * k:(t + 1) * k], c["x_scale"][t * scales:(t + 1) * scales]
        for j in range(n):
            first = j // per_scale * scales
            y[t * n + j] = element(a, sa, weight[j * k:(j + 1) * k], weight_scale[first:first + scales], name)


def scaled_linear(c):
    t, n, k = c.size("t"), c.size("n"), c.size("k")
    y = [0] * (t * n)
    rows(c, range(t), 1 if c.get("rows", "no") == "yes" else BLOCK, c["weight"], c["weight_scale"], n, k, y)
    if "c" in c.tensors:
        y = [add(u, v) if k else u for u, v in zip(c["c"], y)]
    return {"y": y}


def groups(c, wanted, count):
    """wanted(g): the rows of group g; all others stay as they are."""
    n, k = c.size("n"), c.size("k")
    y = [UNTOUCHED[c.formats["y"]]] * (count * n)
    blocks, scales = c.shapes["weight_scale"][1:]
    for g in range(c.size("g")):
        weight, scale = c["weight"][g * n * k:(g + 1) * n * k], c["weight_scale"][g * blocks * scales:(g + 1) * blocks * scales]
        rows(c, wanted(g), BLOCK, weight, scale, n, k, y)
    return {"y": y}


def grouped_scaled_linear(c):
    r, g = c.size("r"), c.size("g")
    return groups(c, lambda i: range(r * i * i // (g * g), r * (i + 1) * (i + 1) // (g * g)), r)


def indexed_scaled_linear(c):
    r, g, align = c.size("r"), c.size("g"), int(c.get("align", 1))
    tiles = (r + align - 1) // align
    padding = [align > 1 and t % align == align - 1 for t in range(r)]
    return groups(c, lambda i: [t for t in range(r) if not padding[t] and t // align * g // tiles == i], r)


def masked_scaled_linear(c):
    m, g = c.size("m"), c.size("g")
    return groups(c, lambda i: range(i * m, i * m + m * (i + 1) // g), g * m)


OPERATIONS = {
    "scaled_linear": scaled_linear, "grouped_scaled_linear": grouped_scaled_linear, "indexed_scaled_linear": indexed_scaled_linear,
    "masked_scaled_linear": masked_scaled_linear,
}
