"""The recipe's arithmetic (rules N25 to N27) on bit patterns, by integers alone; its answers are golden/training/recipe.txt.

    training.py          computes the file again and compares
    training.py --write  writes it
"""

import math
import sys
from fractions import Fraction
from pathlib import Path

import exact
import values
from exact import ONE, add, cos_sin, div, fma, log, mul, neg, sub, to_bf16

FILE = Path(__file__).resolve().parents[2] / "golden" / "training" / "recipe.txt"
SEED = 0x0123456789ABCDEF
COUNT = 35  # two full rows of sixteen lanes and a rest
ETA, EPSILON, DECAY = 2.2e-4, 1e-8, 0.1


def single(x):
    """A binary64 rounded to binary32."""
    return exact.round_ratio(*x.as_integer_ratio())


def root(a):
    return exact.root_ratio(exact.units(a), 1 << 149) if exact.units(a) else a


def fma64(a, b, c):
    return float(Fraction(a) * Fraction(b) + Fraction(c))


def real(a):
    return exact.units(a) * 2.0**-149


def power(beta, t):
    r = 1.0
    for bit in bin(t)[2:]:
        r *= r
        if bit == "1":
            r *= beta
    return r


def bell(name, exponent):
    words = values.Words(SEED, name)
    return [values.scaled(values.bell(words[2 * i], words[2 * i + 1]), -16 + exponent - 7 * (i % 5)) for i in range(COUNT)]


def adamw_step(theta, g, m, v, t, decay, s, kept16, as_kept):
    b1, b2, c1, c2 = single(0.9), single(0.95), single(1 - 0.9), single(1 - 0.95)
    k1, k2 = single(1 / (1 - power(0.9, t))), single(1 / (1 - power(0.95, t)))
    for i in range(COUNT):
        x = mul(g[i], s)
        m1 = fma(b1, m[i], mul(c1, x))
        v1 = fma(b2, v[i], mul(c2, mul(x, x)))
        m[i], v[i] = (to_bf16(m1), to_bf16(v1)) if kept16 else (m1, v1)
        if as_kept:
            m1, v1 = m[i], v[i]
        u = div(mul(m1, k1), add(root(mul(v1, k2)), single(EPSILON)))
        theta[i] = fma(neg(single(ETA)), fma(single(DECAY) if decay else 0, theta[i], u), theta[i])


def squares(g):
    lanes = [0.0] * 16
    for k, a in enumerate(g):
        lanes[k % 16] = fma64(real(a), real(a), lanes[k % 16])
    return fold(lanes)


def fold(lanes):
    for h in (8, 4, 2, 1):
        for j in range(h):
            lanes[j] += lanes[j + h]
    return lanes[0] + 0.0


def clip(gradients):
    lanes = [0.0] * 16
    for p, g in enumerate(gradients):
        lanes[p % 16] += squares(g)
    norm = single(math.sqrt(fold(lanes)))
    quotient = div(ONE, add(norm, single(1e-6)))
    return norm, quotient if exact.less(quotient, ONE) else ONE


def normal(words, i):
    u, v = words[2 * i], words[2 * i + 1]
    a = values.scaled(2 * (u >> 9) + 1, -24)
    w = values.scaled(v >> 8, -24)
    r = root(mul(0xC0000000, log(a)))
    n = mul(r, cos_sin(mul(0x40C90FDB, w))[0])
    return mul(single(0.006), n)


def lines():
    def line(name, bits):
        return name + " " + " ".join(f"{b:08x}" for b in bits)

    for moments in ("f32", "bf16-before", "bf16-kept"):
        for decay in (False, True):
            theta, m, v = bell("theta", 0), [0] * COUNT, [0] * COUNT
            for t in (1, 2, 3):
                g = bell(f"g{t}", 0)
                _, s = clip([g])
                adamw_step(theta, g, m, v, t, decay, s, moments != "f32", moments == "bf16-kept")
                for name, x in (("theta", theta), ("m", m), ("v", v)):
                    yield line(f"adamw.{moments}.{'decay' if decay else 'plain'}.{t}.{name}", x)
    for t in (1, 2, 3, 1000, 235000):
        yield line(f"corrections.{t}", [single(1 / (1 - power(0.9, t))), single(1 / (1 - power(0.95, t)))])
    for count, exponent in ((1, 0), (3, 0), (3, -20), (17, 3), (0, 0)):
        yield line(f"clip.{count}.{exponent}", clip([bell(f"p{i}", exponent) for i in range(count)]))
    average, theta = bell("average", 0), bell("theta", 0)
    for decay in (0.0, 0.9, 0.9999):
        yield line(f"average.{decay}", [fma(single(1 - decay), sub(t, e), e) for e, t in zip(average, theta)])
    for name in ("model.embed_tokens.weight", "model.layers.0.mlp.gate.weight", "lm_head.weight"):
        words = values.Words(SEED, name)
        yield line(f"normal.{name}", [normal(words, i) for i in range(64)])


def main():
    text = "# Written by tools/witness/training.py: name, then bits of binary32.\n" + "\n".join(lines()) + "\n"
    if sys.argv[1:] == ["--write"]:
        FILE.write_text(text, encoding="utf-8", newline="\n")
        return 0
    kept = FILE.read_text(encoding="utf-8")
    print(f"{len(kept.splitlines()) - 1} rows of {FILE.name}: {'the same' if kept == text else 'DIFFERENT'}")
    return 0 if kept == text else 1


if __name__ == "__main__":
    sys.exit(main())
