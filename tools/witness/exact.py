"""binary32 and bfloat16 arithmetic on bit patterns, by integers alone.

A binary32 value is its 32 bits as an int; a finite one is n * 2^-149 with an integer n. Every operation forms the exact result as an
integer or a ratio of integers and rounds it once, to nearest, ties to even. Any NaN is the canonical one.
"""

from decimal import Context, Decimal, MAX_EMAX, MIN_EMIN
from fractions import Fraction
from functools import lru_cache
from math import isqrt

NAN, INF, NEG_INF, NEG_ZERO, ONE = 0x7FC00000, 0x7F800000, 0xFF800000, 0x80000000, 0x3F800000

F32, BF16 = (24, -149), (8, -133)  # digits, exponent of the least unit; the greatest exponent is 127 in both
DIGITS = Context(prec=130, Emax=MAX_EMAX, Emin=MIN_EMIN)


def is_nan(a):
    return (a & 0x7FFFFFFF) > INF


def is_inf(a):
    return (a & 0x7FFFFFFF) == INF


@lru_cache(maxsize=1 << 18)
def units(a):
    """The integer n of a finite value n * 2^-149."""
    field, fraction = (a >> 23) & 0xFF, a & 0x7FFFFF
    n = fraction if field == 0 else (fraction | 1 << 23) << (field - 1)
    return -n if a >> 31 else n


def round_to(n, s, fmt=F32):
    """n * 2^s, n not 0, rounded to the format; as binary32 bits."""
    digits, least = fmt
    sign = 0x80000000 if n < 0 else 0
    n = abs(n)
    q = max(n.bit_length() + s - digits, least)
    shift = q - s
    if shift <= 0:
        m = n << -shift
    else:
        m, rest, half = n >> shift, n & ((1 << shift) - 1), 1 << (shift - 1)
        if rest > half or rest == half and m & 1:
            m += 1
    if m == 0:
        return sign
    if m.bit_length() + q > 128:
        return sign | INF
    m, q = m << (q + 149), -149
    while m.bit_length() > 24:
        m, q = m >> 1, q + 1
    return sign | (m if m < 1 << 23 else (q + 150) << 23 | m & 0x7FFFFF)


def round_ratio(num, den, fmt=F32, sign_of_zero=0):
    """num / den rounded once; den > 0."""
    if num == 0:
        return sign_of_zero
    k = max(0, 200 - num.bit_length() + den.bit_length())
    q, rest = divmod(abs(num) << k, den)
    q = q << 1 | (rest != 0)
    return round_to(-q if num < 0 else q, -k - 1, fmt)


def number(text, fmt=F32):
    """The value nearest to a decimal."""
    f = Fraction(text)
    return round_ratio(f.numerator, f.denominator, fmt)


def to_bf16(a):
    if is_nan(a):
        return NAN
    n = 0 if is_inf(a) else units(a)
    return round_to(n, -149, BF16) if n else a


def fma(a, b, c):
    if is_nan(a) or is_nan(b) or is_nan(c):
        return NAN
    sign = (a ^ b) & 0x80000000
    if is_inf(a) or is_inf(b):
        if a & 0x7FFFFFFF == 0 or b & 0x7FFFFFFF == 0 or is_inf(c) and c != sign | INF:
            return NAN
        return sign | INF
    if is_inf(c):
        return c
    product, addend = units(a) * units(b), units(c)
    exact = product + (addend << 149)
    if exact:
        return round_to(exact, -298)
    return sign if product == 0 and addend == 0 and sign == c & 0x80000000 else 0


def mul(a, b):
    if is_nan(a) or is_nan(b):
        return NAN
    sign = (a ^ b) & 0x80000000
    if is_inf(a) or is_inf(b):
        return NAN if a & 0x7FFFFFFF == 0 or b & 0x7FFFFFFF == 0 else sign | INF
    exact = units(a) * units(b)
    return round_to(exact, -298) if exact else sign


def add(a, b):
    return fma(a, ONE, b)


def neg(a):
    return NAN if is_nan(a) else a ^ 0x80000000


def sub(a, b):
    return add(a, neg(b))


def div(a, b):
    if is_nan(a) or is_nan(b) or is_inf(a) and is_inf(b):
        return NAN
    sign = (a ^ b) & 0x80000000
    if is_inf(a):
        return sign | INF
    if is_inf(b):
        return sign
    x, y = units(a), units(b)
    if y == 0:
        return NAN if x == 0 else sign | INF
    return round_ratio(x if y > 0 else -x, abs(y), F32, sign)


def less(a, b):
    """a < b; neither is NaN."""
    return order(a) < order(b)


def order(a):
    return (1 << 300) * (-1 if a >> 31 else 1) if is_inf(a) else units(a)


def root_ratio(num, den, fmt=F32):
    """The square root of num / den > 0, rounded once."""
    k = 400
    r = isqrt((num << 2 * k) // den)
    exact = r * r * den == num << 2 * k
    return round_to(r << 1 | (not exact), -k - 1, fmt)


def sqrt_of(n):
    """The square root of a whole number."""
    return root_ratio(n, 1)


def rsqrt(a):
    if is_nan(a) or (a >> 31 and a != NEG_ZERO):
        return NAN
    if is_inf(a):
        return 0
    n = units(a)
    return root_ratio(1 << 149, n) if n else (a & 0x80000000) | INF


def decimal(a):
    return DIGITS.divide(Decimal(units(a)), Decimal(1 << 149))


def from_decimal(d):
    num, den = d.as_integer_ratio()
    return round_ratio(num, den)


@lru_cache(maxsize=1 << 16)
def exp(a):
    if is_nan(a):
        return NAN
    if is_inf(a):
        return 0 if a >> 31 else INF
    n = units(a)
    if n >= 90 << 149:
        return INF
    if n <= -110 << 149:
        return 0
    return from_decimal(DIGITS.exp(decimal(a)))


@lru_cache(maxsize=1 << 16)
def log(a):
    if is_nan(a) or (a >> 31 and a != NEG_ZERO):
        return NAN
    if is_inf(a):
        return INF
    if a in (0, NEG_ZERO):
        return NEG_INF
    return 0 if a == ONE else from_decimal(DIGITS.ln(decimal(a)))


LN2 = DIGITS.ln(Decimal(2))


@lru_cache(maxsize=1 << 16)
def exp2(a):
    if is_nan(a):
        return NAN
    if is_inf(a):
        return 0 if a >> 31 else INF
    n = units(a)
    if n >= 128 << 149:
        return INF
    if n <= -160 << 149:
        return 0
    if n % (1 << 149) == 0:
        return round_to(1, n >> 149)
    return from_decimal(DIGITS.exp(DIGITS.multiply(decimal(a), LN2)))


@lru_cache(maxsize=1 << 16)
def log2(a):
    if is_nan(a) or (a >> 31 and a != NEG_ZERO):
        return NAN
    if is_inf(a):
        return INF
    n = units(a)
    if n == 0:
        return NEG_INF
    if n & (n - 1) == 0:
        k = n.bit_length() - 150
        return round_to(k, 0) if k else 0
    return from_decimal(DIGITS.divide(DIGITS.ln(decimal(a)), LN2))


@lru_cache(maxsize=1 << 16)
def sigmoid(a):
    if is_nan(a):
        return NAN
    if is_inf(a) or abs(units(a)) >= 250 << 149:
        return 0 if a >> 31 else ONE
    e = DIGITS.exp(-decimal(a))
    return from_decimal(DIGITS.divide(Decimal(1), DIGITS.add(Decimal(1), e)))


@lru_cache(maxsize=1 << 16)
def silu(a):
    if is_nan(a):
        return NAN
    if is_inf(a) or abs(units(a)) >= 250 << 149:
        return NEG_ZERO if a >> 31 else a  # the limit: x e^x from below
    if units(a) == 0:
        return a
    x = decimal(a)
    d = DIGITS.divide(x, DIGITS.add(Decimal(1), DIGITS.exp(-x)))
    return from_decimal(d)


BITS = 512


def _arctan_inverse(k):
    """arctan(1/k) * 2^BITS, Gregory's series."""
    term, total, n = (1 << BITS + 32) // k, 0, 1
    while term:
        total += term // n if n % 4 == 1 else -(term // n)
        term //= k * k
        n += 2
    return total >> 32


PI = 16 * _arctan_inverse(5) - 4 * _arctan_inverse(239)  # Machin


@lru_cache(maxsize=1 << 16)
def cos_sin(a):
    """(cos, sin) of a finite angle."""
    if is_nan(a) or is_inf(a):
        return NAN, NAN
    if units(a) == 0:
        return ONE, a
    x = units(a) << BITS - 149
    turns = (2 * x + PI // 2) // PI  # quarter turns, nearest
    r = x - turns * PI // 2
    c, s, term, k = 0, 0, 1 << BITS, 0  # the Taylor series, rounded down term by term: errors of some 2^-500
    while term not in (0, -1):
        if k % 2 == 0:
            c += term if k % 4 == 0 else -term
        else:
            s += term if k % 4 == 1 else -term
        k += 1
        term = (term * r >> BITS) // k
    c, s = [(c, s), (-s, c), (-c, -s), (s, -c)][turns % 4]
    return round_to(c, -BITS), round_to(s, -BITS)
