"""Sums of products (rules N6, N7; matrix units N20), on bits of binary32."""

import units as units_of_n20
from exact import BF16, F32, NAN, add, fma, is_inf, is_nan, mul, round_ratio, round_to, units


def lanes16(terms):
    lane = [0] * 16
    for k, (a, b) in enumerate(terms):
        lane[k % 16] = fma(a, b, lane[k % 16])
    for h in (8, 4, 2, 1):
        for j in range(h):
            lane[j] = add(lane[j], lane[j + h])
    return add(lane[0], 0)


def sequential(terms):
    total = 0
    for a, b in terms:
        total = fma(a, b, total)
    return total


def special_sum(terms):
    """NaN or an infinity where a term is one, else None."""
    found = set()
    for a, b in terms:
        if any(map(is_nan, (a, b))) or is_inf(a) or is_inf(b):
            found.add(mul(a, b))
    if not found:
        return None
    return NAN if NAN in found or len(found) == 2 else found.pop()


def exact_sum(terms, fmt):
    special = special_sum(terms)
    if special is not None:
        return special
    total = sum(units(a) * units(b) for a, b in terms)
    return round_to(total, -298, fmt) if total else 0


def float64(terms, fmt):
    """Sixteen lanes in binary64: a product of two binary32 is exact there, so that one addition rounds as the fma."""
    special = special_sum(terms)
    if special is not None:
        return special
    lane = [0.0] * 16
    for k, (a, b) in enumerate(terms):
        lane[k % 16] += float(units(a)) * 2.0**-149 * (float(units(b)) * 2.0**-149)
    for h in (8, 4, 2, 1):
        for j in range(h):
            lane[j] += lane[j + h]
    num, den = (lane[0] + 0.0).as_integer_ratio()
    return round_ratio(num, den, fmt)


def dot(terms, kind, dtype="F32"):
    terms = list(terms)
    fmt = BF16 if dtype == "BF16" else F32
    if kind in units_of_n20.UNITS:
        return units_of_n20.dot_bf16(terms, kind)
    if kind == "lanes16":
        return lanes16(terms)
    if kind == "sequential":
        return sequential(terms)
    return exact_sum(terms, fmt) if kind == "exact" else float64(terms, fmt)
