"""Attention under a contract (rule N23), on bits of binary32: schedules of FlashMLA, its combination, and every field of the record."""

import exact
import fp8
import mufu
import units as units_of_n20
from exact import INF, NAN, NEG_INF, ONE, add, div, exp, exp2, fma, is_nan, log, log2, mul, neg, order, sub, to_bf16

LOG2E = 0x3FB8AA3B  # binary32 nearest to log2 e
LN2 = 0x3F317218  # and to ln 2
UNIT = "hopper-wgmma-bf16-f32"

CANONICAL = {
    "passes": "twopass", "block": "0", "base": "e", "scaling": "beforemaximum", "scores": "none", "maximum": "propagatesnan", "start": "none",
    "masked": "none", "weights": "f32", "denominator": "unrounded", "order": "lanes16", "division": "beforevalues", "empty": "negativeinfinity",
    "qk": "lanes16", "pv": "lanes16", "keysplit": "none", "parts": "1", "partials": "f32", "combine": "ascending",
    "functions": "correct",
}
DENSE = CANONICAL | {
    "passes": "online", "block": "64", "base": "two", "scaling": "aftermaximum", "maximum": "dropsnan", "start": "-1e30", "masked": "-1e33",
    "weights": "bf16", "order": "quad", "division": "quotient", "empty": "positiveinfinity", "qk": UNIT, "pv": UNIT, "keysplit": "flashmla", "combine": "butterfly",
}
PRESETS = {
    "canonical": CANONICAL, "deepseekinference": CANONICAL | {"scores": "everystep", "weights": "bf16"},
    "flashmladense": DENSE, "flashmlasm90": DENSE | {"passes": "warpgrouppairs"},
    "flashmlahopper": DENSE | {"passes": "warpgrouppairs", "functions": "hopper-fast-math"},
}


def attention(c, dot):
    """y and the log-sum-exp; dot is the named sum of operations.py."""
    f = PRESETS[c.arguments["schedule"]] | c.arguments
    s, t, h, hk, d, dv = (c.size(k) for k in ("s", "t", "h", "hk", "d", "dv"))
    values, stride = (c["keys"], d) if c.get("latent", "no") == "yes" else (c["values"], dv)
    first = int(c.get("first", max(0, t - s)))
    scale = exact.number(c.arguments["scale"]) if "scale" in c.arguments else div(ONE, exact.sqrt_of(d))
    y, lse = [], []
    for i in range(s):
        for head in range(h):
            kv = head if hk == h else 0
            row = Row(f, dot, multiplier(f, scale), min(max(first + i + 1, 0), t), t, int(c.get("split", 0)), c.formats["y"])
            row.q = c["q"][(i * h + head) * d:(i * h + head + 1) * d]
            row.keys = [c["keys"][(j * hk + kv) * d:(j * hk + kv + 1) * d] for j in range(t)]
            row.values = [values[(j * hk + kv) * stride:(j * hk + kv) * stride + dv] for j in range(t)]
            row.dv = dv
            out, total = row.run()
            y += out
            lse.append(total)
    return {"y": y, "log_sum_exp": lse} if "log_sum_exp" in c.formats else {"y": y}


def multiplier(f, scale):
    if f["base"] == "e":
        return scale
    wide = exact.units(scale) * 2.0**-149 * 1.4426950408889634  # one product of binary64
    return exact.round_ratio(*wide.as_integer_ratio())


def splits(t, parts, block):
    """FlashMLA's scheduler for one request: ranges of blocks."""
    blocks = max(1, -(-t // block))
    payload = -(-(blocks + 5) // parts) + 5
    ranges, at = [], 0
    while blocks - at + 5 > payload:
        ranges.append((at, at + payload - 5))
        at += payload - 5
    return [*ranges, (at, blocks if t else 0)]


def finite(text):
    return None if text == "none" else exact.number(text)


class Row:
    def __init__(self, f, dot, a, seen, t, channels, out):
        self.f, self.dot, self.a, self.seen, self.t, self.channels, self.out = f, dot, a, seen, t, channels, out
        self.two, self.after, self.drops = f["base"] == "two", f["scaling"] == "aftermaximum", f["maximum"] == "dropsnan"
        self.masked, self.flash = finite(f["masked"]), f["empty"] == "positiveinfinity"

        self.fast = f["functions"] == "hopper-fast-math"

    def power(self, x):
        return (mufu.ex2_ftz(x) if self.fast else exp2(x)) if self.two else exp(x)

    def log2(self, x):
        return mufu.lg2_ftz(x) if self.fast else log2(x)

    def quotient(self, x, y):
        return mul(x, mufu.rcp_ftz(y)) if self.fast else div(x, y)

    def natural(self, g):
        return mul(g, LN2) if self.fast else div(g, LOG2E)

    def log_sum_exp(self, m, total):
        return fma(mufu.lg2_ftz(total), LN2, mul(m, LN2)) if self.fast else add(log(total), div(m, LOG2E))

    def maximum(self, values):
        if any(map(is_nan, values)):
            if not self.drops:
                return NAN
            values = [v for v in values if not is_nan(v)]
        return max(values, key=order) if values else NEG_INF

    def rounded(self, w, fmt):
        if fmt == "f8":
            code = fp8.encode(w)
            return NAN if code & 0x7F == 0x7F else exact.round_to(fp8.value(code), -9) if code & 0x7F else code >> 7 << 31
        return to_bf16(w) if fmt == "bf16" else w

    def run(self):
        block, parts = int(self.f["block"]), int(self.f["parts"])
        blocks = -(-self.t // block) if block else 1
        if self.f["keysplit"] == "flashmla":
            ranges = splits(self.t, parts, block)
        elif self.f["keysplit"] == "even":
            each = max(1, -(-blocks // parts))
            ranges = [(b, min(b + each, blocks)) for b in range(0, max(blocks, 1), each)]
        else:
            ranges = [(0, blocks)]
        ranges = [(a * block, b * block) if block else (0, self.t) for a, b in ranges]
        if len(ranges) == 1:
            return self.part(*ranges[0], False)
        done = [self.part(a, b, True) for a, b in ranges]
        return self.combine([[self.rounded(v, self.f["partials"]) for v in o] for o, _ in done], [lse for _, lse in done])

    def part(self, start, end, partial):
        f = self.f
        if f["passes"] == "warpgrouppairs":
            m, total, o = self.pairs(start, end)
        else:
            m, total, o = self.blocks(start, end, "F32" if partial else self.out)
        bad = total in (0, 0x80000000) or self.flash and is_nan(total)
        if f["division"] != "beforevalues" and not (bad and self.flash):
            inverse = self.quotient(ONE, total)
            o = [0 if bad else mul(v, inverse) if f["division"] == "reciprocal" else self.quotient(v, total) for v in o]
        if bad:
            return o, INF if self.flash and not partial else NEG_INF
        if not self.two:
            return o, add(m, log(total))
        return o, add(self.log2(total), m) if partial else self.log_sum_exp(m, total)

    def score(self, j, odd=False):
        terms = list(zip(self.q, self.keys[j]))
        if odd and len(terms) > 256:
            terms = terms[256:] + terms[:256]
        if self.f["scores"] == "everystep":
            x = to_bf16(self.dot(terms[self.channels:], self.f["qk"], "BF16"))
            if self.channels:
                x = to_bf16(add(to_bf16(self.dot(terms[:self.channels], self.f["qk"], "BF16")), x))
            return to_bf16(mul(x, self.a))
        x = self.dot(terms, self.f["qk"])
        return x if self.after else mul(x, self.a)

    def weigh(self, m, start, end, odd=False):
        """The new maximum, the correction, and (position, weight) of the keys start..end; None where there is nothing yet."""
        last = end if self.masked is not None else min(end, self.seen)
        scores = [(j, self.score(j, odd) if j < self.seen else self.masked) for j in range(start, last)]
        if not scores:
            return None
        largest = self.maximum([x for _, x in scores])
        new = self.maximum([m, mul(largest, self.a) if self.after else largest])
        if new == NEG_INF:
            return None
        w = [(j, self.power(fma(x, self.a, neg(new)) if self.after else sub(x, new))) for j, x in scores]
        return new, self.power(sub(m, new)), w

    def accumulate(self, start, pairs):
        kind = self.f["pv"]
        if kind == "sequential":
            for p, v in pairs:
                start = fma(p, v, start)
            return start
        if kind in units_of_n20.UNITS:
            d = units_of_n20.chain([p >> 16 for p, _ in pairs], [v >> 16 for _, v in pairs], start, units_of_n20.UNITS[kind])
            return NAN if is_nan(d) else d
        return add(start, self.dot(pairs, kind))

    def taken(self, w):
        """Keys that P·V sees: all visible ones, and masked ones whose weight is not 0."""
        return [(j, x) for j, x in w if j < self.seen or x & 0x7FFFFFFF]

    def value(self, j, channel):
        return self.values[j][channel] if j < self.t else 0

    def sums(self, lanes, w, corr):
        if self.f["order"] == "quad":
            base = w[0][0] if w else 0
            for t in range(4):
                total = 0
                for i in range(2 * t, len(w), 8):
                    assert w[i][0] == base + i
                    total = add(total, add(w[i][1], w[i + 1][1] if i + 1 < len(w) else 0))
                lanes[t] = total if corr is None else fma(lanes[t], corr, total)
        else:
            total = self.dot([(x, ONE) for _, x in w], self.f["order"])
            lanes[0] = total if corr is None else fma(lanes[0], corr, total)

    def fold(self, lanes):
        return add(add(lanes[0], lanes[1]), add(lanes[2], lanes[3])) if self.f["order"] == "quad" else lanes[0]

    def blocks(self, start, end, out):
        f, once = self.f, self.f["passes"] == "twopass"
        step = int(f["block"]) if not once and int(f["block"]) else max(1, end - start)
        m, lanes, o = finite(f["start"]) or NEG_INF, [0] * 4, [0] * self.dv
        for at in range(start, end, step):
            found = self.weigh(m, at, at + step)
            if found is None:
                continue
            m, corr, w = found
            low = [(j, self.rounded(x, f["weights"])) for j, x in w]
            self.sums(lanes, low if f["denominator"] == "rounded" else w, None if once else corr)
            if f["division"] == "beforevalues":
                total = self.fold(lanes)
                low = [(j, self.rounded(div(x, total), f["weights"])) for j, x in w]
            seen = {j for j, _ in self.taken(w)}
            for ch in range(self.dv):
                pairs = [(p, self.value(j, ch)) for j, p in low if j in seen]
                if once:
                    o[ch] = self.dot(pairs, f["pv"], out if f["division"] == "beforevalues" else "F32")
                else:
                    o[ch] = self.accumulate(mul(o[ch], corr), pairs)
        return m, self.fold(lanes), o

    def pairs(self, start, end):
        m, even, odd, o = finite(self.f["start"]), [0] * 4, [0] * 4, [0] * self.dv
        for at in range(start, end, 128):
            m, corr_a, a = self.weigh(m, at, at + 64)
            corr_b, b = ONE, []
            if at + 64 < end:
                m, corr_b, b = self.weigh(m, at + 64, at + 128, True)
            both = mul(corr_b, corr_a)
            self.sums(even, a, corr_a)
            even = [mul(x, corr_b) for x in even]
            self.sums(odd, b, both)
            for ch in range(self.dv):
                def products(w, rescale=ONE):
                    return [(to_bf16(mul(x, rescale)), self.value(j, ch)) for j, x in w if j < self.seen]
                if ch < self.dv // 2:
                    o[ch] = self.accumulate(mul(self.accumulate(mul(o[ch], corr_a), products(a)), corr_b), products(b))
                else:
                    o[ch] = self.accumulate(self.accumulate(mul(o[ch], both), products(b)), products(a, corr_b))
        return m, add(self.fold(even), self.fold(odd)), o

    def combine(self, partials, lse):
        m = self.maximum(lse)
        m = 0 if m == NEG_INF else m
        turn = reversed if self.f["combine"] == "descending" else list
        terms = [self.power(sub(x, m)) for x in turn(lse)]
        if self.f["combine"] == "butterfly":
            lanes = [0] * 32
            for i, x in enumerate(terms):
                lanes[i % 32] = add(lanes[i % 32], x)
            while len(lanes) > 1:
                half = len(lanes) // 2
                lanes = [add(x, z) for x, z in zip(lanes[:half], lanes[half:])]
            total = lanes[0]
        else:
            total = 0
            for x in terms:
                total = add(total, x)
        g = INF if total == 0 else add(self.log2(total) if self.two else log(total), m)
        o = [0] * self.dv
        for x, part in turn(list(zip(lse, partials))):
            w = self.power(sub(x, g))
            o = [fma(w, v, old) for v, old in zip(part, o)]
        if total == 0:
            return o, INF if self.flash else NEG_INF
        return o, self.natural(g) if self.two else g
