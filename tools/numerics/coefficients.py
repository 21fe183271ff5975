"""Makes every constant of the element functions in src/DeepSeek.Reference/Numerics/Correct.*.cs.

Run:  python3 tools/numerics/coefficients.py            (standard library only, seconds)

Polynomials are minimax (Remez exchange on a fine Chebyshev grid) in 60-digit decimal arithmetic. They are rounded to
binary64; on one-sided intervals from the lowest power up: after each rounding the remaining coefficients are fitted
again, so that they absorb the error of the ones already fixed. What is printed is the shortest decimal that reads back as the same binary64 value.
"""
from decimal import Decimal as D, getcontext
from fractions import Fraction

getcontext().prec = 70


def arctan_inverse(n):
    """atan(1/n) by its series."""
    total, power, k = D(0), D(1) / n, 0
    while abs(power) > D(10) ** -120:
        total += (power if k % 2 == 0 else -power) / (2 * k + 1)
        power /= n * n
        k += 1
    return total


def machin():
    return 4 * (4 * arctan_inverse(5) - arctan_inverse(239))


PI = machin()
LN2 = D(2).ln()


def sin(x):
    total, term, k = D(0), x, 1
    while abs(term) > D(10) ** -68 * (abs(x) + D(10) ** -60):
        total += term
        term = -term * x * x / ((k + 1) * (k + 2))
        k += 2
    return total


def solve(rows, right):
    """Gaussian elimination with partial pivoting."""
    n = len(rows)
    a = [row[:] + [b] for row, b in zip(rows, right)]
    for i in range(n):
        p = max(range(i, n), key=lambda r: abs(a[r][i]))
        a[i], a[p] = a[p], a[i]
        for r in range(i + 1, n):
            q = a[r][i] / a[i][i]
            if q:
                for c in range(i, n + 1):
                    a[r][c] -= q * a[i][c]
    x = [D(0)] * n
    for i in reversed(range(n)):
        x[i] = (a[i][n] - sum(a[i][c] * x[c] for c in range(i + 1, n))) / a[i][i]
    return x


def chebyshev(lo, hi, count):
    """Chebyshev extrema of [lo, hi], ascending."""
    half, mid = (hi - lo) / 2, (hi + lo) / 2
    return [mid - half * sin(PI / 2 - PI * i / (count - 1)) for i in range(count)]


def remez(points, target, weight, powers):
    """Coefficients of sum c_p t^p minimising max |weight (poly - target)| over the grid; and that maximum."""
    n = len(powers)
    count = len(points)
    chosen = [round(i * (count - 1) / n) for i in range(n + 1)]
    for _ in range(30):
        rows = [[points[i] ** p for p in powers] + [(-1) ** j / weight[i]] for j, i in enumerate(chosen)]
        solution = solve(rows, [target[i] for i in chosen])
        c = solution[:n]
        error = []
        for t, y, w in zip(points, target, weight):
            v = D(0)
            for p, q in zip(reversed(powers), reversed(c)):
                v = v + q * t ** p
            error.append(w * (v - y))
        runs, start = [], 0
        for i in range(1, count + 1):
            if i == count or (error[i] > 0) != (error[start] > 0):
                runs.append(max(range(start, i), key=lambda k: abs(error[k])))
                start = i
        while len(runs) > n + 1:
            runs.pop(0 if abs(error[runs[0]]) < abs(error[runs[-1]]) else -1)
        if len(runs) < n + 1 or runs == chosen:
            break
        chosen = runs
    return c, max(abs(e) for e in error)


def fit(name, lo, hi, degree, function, weight, refit=True):
    points = chebyshev(D(lo), D(hi), 600)
    points = [t for t in points if t != 0]
    original = target = [function(t) for t in points]
    weights = [abs(weight(t)) for t in points]
    floor = max(weights) / 1000  # a weight that vanishes at 0 says nothing there, and spoils the exchange
    weights = [max(w, floor) for w in weights]
    if refit:
        fixed = []
        for p in range(degree + 1):
            c, worst = remez(points, target, weights, list(range(p, degree + 1)))
            rounded = float(c[0])
            fixed.append(rounded)
            target = [y - D(rounded) * t ** p for t, y in zip(points, target)]
    else:  # the interval has 0 inside: t, t^2, ... without the constant is no Haar system
        c, worst = remez(points, target, weights, list(range(degree + 1)))
        fixed = [float(q) for q in c]
    target = [y - sum(D(q) * t ** p for p, q in enumerate(fixed)) for t, y in zip(points, original)]
    worst = max(abs(w * y) for w, y in zip(weights, target))
    print(f"{name}: error {worst:.3e} = 2^{(worst.ln() / LN2):.2f}")
    for p, c in enumerate(fixed):
        print(f"    C{p} = {c!r}")


def split(name, value, bits):
    """value = head (the leading bits, truncated) + tail (binary64)."""
    f = Fraction(value)
    scale = 0
    while f * 2 ** scale < 2 ** (bits - 1):
        scale += 1
    while f * Fraction(2) ** scale >= 2 ** bits:
        scale -= 1
    head = Fraction(int(f * Fraction(2) ** scale)) / Fraction(2) ** scale
    print(f"{name}: head {float(head)!r}  tail {float(f - head)!r}")


def constants():
    split("ln 2, 38 bits", LN2, 38)
    split("ln 2, multiple of 2^-44", LN2, 44)
    split("pi, nearest", Fraction(float(PI)), 53)
    print(f"pi tail {float(Fraction(PI) - Fraction(float(PI)))!r}")
    print(f"1/pi {float(1 / PI)!r}   1/ln 2 {float(1 / LN2)!r}")
    lg = 1 / LN2
    print(f"1/ln 2 tail {float(Fraction(lg) - Fraction(float(lg)))!r}")


GRID = 44


def log_table(name, unit):
    """For each of 16 intervals, 1/c near the reciprocal of its middle with log(c)/unit within 2^-62 of a multiple of 2^-44."""
    inverse, logarithm = [], []
    for i in range(16):
        low = Fraction(45 + 2 * i, 64) if i < 10 else Fraction(33 + 2 * (i - 10), 32)
        high = low + (Fraction(2, 64) if i < 9 else Fraction(2, 32))
        if i == 9:  # [63/64, 33/32) holds 1: c = 1 exactly
            inverse.append(1.0)
            logarithm.append(0.0)
            continue
        start = Fraction(round(2 / (low + high) * 2 ** 40), 2 ** 40)
        base = -(D(start.numerator) / D(start.denominator)).ln() / unit
        scale = 2 ** 110
        first = int(-D(2) ** -40 / (D(start.numerator) / D(start.denominator)) / unit * scale)
        second = int((D(2) ** -40 / (D(start.numerator) / D(start.denominator))) ** 2 / 2 / unit * scale)
        value0, step = int(base * scale), 2 ** (110 - GRID)
        k = 0
        while True:  # the third power of k 2^-40 is below 2^-66
            value = value0 + k * first + k * k * second
            off = (value + step // 2) % step - step // 2
            if abs(off) < 2 ** (110 - 62):
                break
            k = -k if k > 0 else 1 - k
        c = start + Fraction(k, 2 ** 40)
        exact = -(D(c.numerator) / D(c.denominator)).ln() / unit
        near = Fraction(round(exact * 2 ** GRID), 2 ** GRID)
        assert abs(exact - D(near.numerator) / D(near.denominator)) < D(2) ** -61
        assert Fraction(float(c)) == c and Fraction(float(near)) == near
        inverse.append(float(c))
        logarithm.append(float(near))
        assert max(abs(low * c - 1), abs(high * c - 1)) < Fraction(1, 32) + Fraction(1, 2 ** 20), i
    print(f"{name} 1/c: " + ", ".join(map(repr, inverse)))
    print(f"{name} log c: " + ", ".join(map(repr, logarithm)))


def two_over_pi():
    """The bits of 2/pi behind the binary point, in 64-bit words."""
    getcontext().prec = 130
    value = Fraction(2) / Fraction(machin())
    words = []
    for _ in range(5):
        value *= 2 ** 64
        words.append(int(value))
        value -= int(value)
    print("2/pi: " + ", ".join(f"0x{w:016X}" for w in words))
    getcontext().prec = 70


if __name__ == "__main__":
    constants()
    two_over_pi()
    half = D("0.34661")  # ln 2 / 2 and a little: k is rounded from an inexact quotient
    fit("exp: (e^r - 1 - r) / r^2", -half, half, 9, lambda r: (r.exp() - 1 - r) / r ** 2, lambda r: r ** 2 / r.exp(), refit=False)
    fit("exp2: (2^r - 1) / r", D("-0.5"), D("0.5"), 10, lambda r: ((r * LN2).exp() - 1) / r, lambda r: r / (r * LN2).exp(), refit=False)

    a = D(1) / 32 + D(2) ** -20
    fit("log: (log(1 + r) - r) / r^2", -a, a, 7, lambda r: ((1 + r).ln() - r) / r ** 2, lambda r: r, refit=False)
    fit("log2: (log2(1 + r) - r / ln 2) / r^2", -a, a, 7, lambda r: ((1 + r).ln() - r) / r ** 2 / LN2, lambda r: r, refit=False)
    log_table("log", D(1))
    log_table("log2", LN2)

    def sine_rest(t):  # t = r^2; (sin(r) / r - 1) / t
        total, term, k = D(0), D(-1) / 6, 1
        while abs(term) > D(10) ** -69:
            total += term
            term = -term * t / ((2 * k + 2) * (2 * k + 3))
            k += 1
        return total

    fit("sin: (sin(r)/r - 1) / r^2 in r^2", D("0"), D("1.57080") ** 2, 7, sine_rest, lambda t: t / (1 + t * sine_rest(t)))
