"""Backward operations (rules N16, N24), on bits of binary32. What a gradient is added to is the input c."""

from exact import add
from sums import dot


def columns(x, width):
    return [x[i::width] for i in range(width)]


def groups(c):
    """First and last row of each group."""
    r, g = c.size("r"), c.size("g")
    return [(r * i * i // (g * g), r * (i + 1) * (i + 1) // (g * g)) for i in range(g)]


def dgrad(dy, weight, n, k, kind):
    across = columns(weight, k)
    return [dot(zip(dy[t:t + n], w), kind) for t in range(0, len(dy), n) for w in across]


def wgrad(dy, x, c, n, k, kind):
    if not dy or not x:
        return c
    return [add(start, dot(zip(a, b), kind)) for start, (a, b) in zip(c, ((a, b) for a in columns(dy, n) for b in columns(x, k)))]


def linear_dgrad(c):
    t, n, k = c.size("t"), c.size("n"), c.size("k")
    return {"dx": dgrad(c["dy"], c["weight"], n, k, c.get("sum", "lanes16")) if n else [0] * (t * k)}


def linear_wgrad(c):
    n, k = c.size("n"), c.size("k")
    return {"d_weight": wgrad(c["dy"], c["x"], c["c"], n, k, c.get("sum", "lanes16"))}


def grouped_linear_dgrad(c):
    n, k, dx = c.size("n"), c.size("k"), []
    for g, (first, last) in enumerate(groups(c)):
        dx += dgrad(c["dy"][first * n:last * n], c["weight"][g * n * k:(g + 1) * n * k], n, k, c.get("sum", "lanes16"))
    return {"dx": dx}


def grouped_linear_wgrad(c):
    n, k, out = c.size("n"), c.size("k"), {}
    for g, (first, last) in enumerate(groups(c)):
        dy, x, start = c["dy"][first * n:last * n], c["x"][first * k:last * k], c["c"][g * n * k:(g + 1) * n * k]
        out[f"d_weight.{g}"] = wgrad(dy, x, start, n, k, c.get("sum", "lanes16"))
    return out


OPERATIONS = {
    "grouped_linear_dgrad": grouped_linear_dgrad, "grouped_linear_wgrad": grouped_linear_wgrad, "linear_dgrad": linear_dgrad,
    "linear_wgrad": linear_wgrad,
}
