"""The rotations of RoPE, of the forward and with the sign of the sine turned of the backward (rule N13; docs/spec/contract.md)."""

from exact import ONE, add, cos_sin, fma, mul, neg, number, sub, to_bf16


def angles(c, t):
    """(cos, sin) of each pair of token t."""
    rotation, magnitude = c.get("rotation", "fused"), number(c.get("magnitude", "1"))
    pairs = []
    for f in c["frequencies"]:
        cos, sin = cos_sin(mul(number(c["positions"][t]), f))
        if magnitude != ONE:
            cos, sin = mul(cos, magnitude), mul(sin, magnitude)
        pairs.append((to_bf16(cos), to_bf16(sin)) if rotation == "everystep" else (cos, sin))
    return pairs


def places(layout, i, dr):
    """Where pair i is read and where it is written in the forward; the backward swaps the two."""
    halves, pair = (i, i + dr // 2), (2 * i, 2 * i + 1)
    return halves if layout == "half" else pair, pair if layout == "interleaved" else halves


def rotate(rotation, x0, x1, c, s):
    if rotation == "fused":
        return fma(x0, c, neg(mul(x1, s))), fma(x0, s, mul(x1, c))
    if rotation == "separate":
        return sub(mul(x0, c), mul(x1, s)), add(mul(x0, s), mul(x1, c))
    b = to_bf16
    return b(sub(b(mul(x0, c)), b(mul(x1, s)))), b(add(b(mul(x0, s)), b(mul(x1, c))))
