"""The operations by their equations, on bits of binary32; each step rounds where the rule says, by exact.py."""

from dataclasses import dataclass

import attention_contract
import backward
import fp8
import quantisers
import rotations
from exact import (
    BF16, NAN, NEG_INF, ONE, add, div, exp, fma, is_inf, is_nan, log, mul, number, order, rsqrt, sigmoid, silu, sqrt_of, sub,
    to_bf16,
)
from sums import dot, lanes16

DEEPSEEK = {
    "rms_norm": "beforeweight", "swiglu": "aftersilu", "attention": "everystep", "rotation": "separate", "gate": "everystep",
    "combine": "everystep",
}
DEFAULTS = {
    "Canonical": {},
    "Ideal": {"sum": "float64"},
    "DeepSeekInference": DEEPSEEK | {"product": "torch-reexpression-bf16"},
    "HopperFp8": DEEPSEEK | {"product": "deepgemm-sm90"},
    "HuggingFace": {
        "rms_norm": "beforeweight", "swiglu": "aftersilu", "attention": "everystep", "layout": "interleavedtohalf", "rotation": "everystep",
        "epsilon": "1e-20", "combine": "separatethenround",
    },
}


@dataclass
class Case:
    name: str
    arguments: dict
    contract: str
    tensors: dict
    shapes: dict
    formats: dict

    def size(self, key):
        return int(self.arguments[key])

    def get(self, key, default, decision=None):
        """An argument, or what the contract decides, or the default."""
        return self.arguments.get(key, DEFAULTS[self.contract].get(decision or key, default))

    def __getitem__(self, name):
        return self.tensors[name]


def run(case):
    return (OPERATIONS | fp8.OPERATIONS | quantisers.OPERATIONS | backward.OPERATIONS)[case.name](case)


def forward(case):
    """The inputs of the map forward: what the operation's forward gives from the others."""
    if case.name == "attention_backward":
        names = ("y", "log_sum_exp")
        arguments = case.arguments | {"hk": case.arguments["h"]}
        made = attention(Case("attention", arguments, case.contract, case.tensors, case.shapes, dict.fromkeys(names, "F32")))
    elif case.name == "gate_backward":
        names = ("scores", "indices")
        made = gate(Case("gate", case.arguments, case.contract, case.tensors, case.shapes, case.formats))
    else:
        return {}
    return {name: made[name] for name in names}


# Rows

def embedding(c):
    d = c.size("d")
    return {"y": [v for i in c["ids"] for v in c["weight"][i * d:(i + 1) * d]]}


def cast(c):
    return {"y": c["x"]}


def add_all(c):
    return {"y": [add(a, b) for a, b in zip(c["a"], c["b"])]}


def rms_norm(c):
    n = c.size("n")
    eps = number(c.get("eps", "1e-6"))
    before = c.get("rounding", "none", "rms_norm") == "beforeweight"
    y = []
    for t in range(c.size("t")):
        x = c["x"][t * n:(t + 1) * n]
        r = rsqrt(add(div(lanes16(zip(x, x)), number(n)), eps))
        scaled = [mul(v, r) for v in x]
        y += [mul(to_bf16(v) if before else v, w) for v, w in zip(scaled, c["weight"])]
    return {"y": y}


def swiglu(c):
    after = c.get("rounding", "none", "swiglu") == "aftersilu"
    return {"y": [mul(to_bf16(silu(a)) if after else silu(a), b) for a, b in zip(c["gate"], c["up"])]}


def mtp_input(c):
    d = c.size("d")
    first, second = ("hidden", "embedding") if c.get("order", "") == "hiddenfirst" else ("embedding", "hidden")
    return {"y": [v for t in range(c.size("t")) for name in (first, second) for v in c[name][t * d:(t + 1) * d]]}


def maximum(x):
    if any(is_nan(v) for v in x):
        return NAN
    return max(x, key=order) if x else NEG_INF


def softmax_row(x):
    m = maximum(x)
    if is_nan(m) or is_inf(m):
        return [0 if m == NEG_INF else NAN] * len(x)
    e = [exp(sub(v, m)) for v in x]
    s = lanes16((v, ONE) for v in e)
    return [div(v, s) for v in e]


def softmax(c):
    n = c.size("n")
    return {"y": [v for t in range(c.size("t")) for v in softmax_row(c["x"][t * n:(t + 1) * n])]}


def log_softmax(c):
    n = c.size("n")
    y = []
    for t in range(c.size("t")):
        x = c["x"][t * n:(t + 1) * n]
        m = maximum(x)
        if is_nan(m) or is_inf(m):
            y += [m if m == NEG_INF else NAN] * n
            continue
        s = log(lanes16((exp(sub(v, m)), ONE) for v in x))
        y += [sub(sub(v, m), s) for v in x]
    return {"y": y}


# Position

def rope(c):
    t_count, heads, d, dr = c.size("t"), c.size("h"), c.size("d"), c.size("dr")
    layout, rotation = c.get("layout", "interleaved"), c.get("rotation", "fused")
    y = []
    for t in range(t_count):
        angles = rotations.angles(c, t)
        for h in range(heads):
            x = c["x"][(t * heads + h) * d:(t * heads + h + 1) * d]
            z, out = x[d - dr:], [0] * dr
            for i, (cos, sin) in enumerate(angles):
                p, q = rotations.places(layout, i, dr)
                out[q[0]], out[q[1]] = rotations.rotate(rotation, z[p[0]], z[p[1]], cos, sin)
            y += x[:d - dr] + out
    return {"y": y}


# Products

def product(x, w, rows, n, k, c):
    kind, dtype = c.get("sum", "lanes16"), c.formats["y"]
    return [dot(zip(x[t * k:(t + 1) * k], w[j * k:(j + 1) * k]), kind, dtype) for t in rows for j in range(n)]


def linear(c):
    return {"y": product(c["x"], c["weight"], range(c.size("t")), c.size("n"), c.size("k"), c)}


def grouped_linear(c):
    r, g, n, k = c.size("r"), c.size("g"), c.size("n"), c.size("k")
    y = []
    for i in range(g):
        rows = range(r * i * i // (g * g), r * (i + 1) * (i + 1) // (g * g))
        y += product(c["x"], c["weight"][i * n * k:(i + 1) * n * k], rows, n, k, c)
    return {"y": y}


def absorb_query(c):
    s, h, dn, dr, dv, lat = (c.size(k) for k in ("s", "h", "dn", "dr", "dv", "c"))
    kind, y = c.get("sum", "lanes16"), []
    for row in range(s * h):
        q = c["q"][row * (dn + dr):(row + 1) * (dn + dr)]
        w = c["kv_b"][(row % h) * (dn + dv) * lat:]
        y += [dot(((q[d], w[d * lat + i]) for d in range(dn)), kind, c.formats["y"]) for i in range(lat)] + q[dn:]
    return {"y": y}


def absorb_output(c):
    s, h, dn, dv, lat = (c.size(k) for k in ("s", "h", "dn", "dv", "c"))
    kind, y = c.get("sum", "lanes16"), []
    for row in range(s * h):
        z = c["z"][row * lat:(row + 1) * lat]
        w = c["kv_b"][((row % h) * (dn + dv) + dn) * lat:]
        y += [dot(zip(w[j * lat:(j + 1) * lat], z), kind, c.formats["y"]) for j in range(dv)]
    return {"y": y}


def expand_keys(c):
    t_count, h, dn, dr, dv = (c.size(k) for k in ("t", "h", "dn", "dr", "dv"))
    keys, values = [], []
    for row in range(t_count * h):
        kv = c["kv"][row * (dn + dv):(row + 1) * (dn + dv)]
        t = row // h
        keys += kv[:dn] + c["k_pe"][t * dr:(t + 1) * dr]
        values += kv[dn:]
    return {"keys": keys, "values": values}


# Attention

def attention(c):
    if "schedule" in c.arguments:
        return attention_contract.attention(c, dot)
    s, t, h, hk, d, dv = (c.size(k) for k in ("s", "t", "h", "hk", "d", "dv"))
    shared = c.get("latent", "no") == "yes"
    values, stride = (c["keys"], d) if shared else (c["values"], dv)
    first = int(c.get("first", max(0, t - s)))
    kind, rounding, split = c.get("sum", "lanes16"), c.get("rounding", "none", "attention"), int(c.get("split", 0))
    scale = number(c.arguments["scale"]) if "scale" in c.arguments else div(ONE, sqrt_of(d)) if d else ONE
    y, lse = [], []
    for i in range(s):
        n = min(t, first + i + 1)
        for head in range(h):
            q = c["q"][(i * h + head) * d:(i * h + head + 1) * d]
            kv = head if hk == h else 0
            x = []
            for j in range(n):
                key = c["keys"][(j * hk + kv) * d:(j * hk + kv + 1) * d]
                x.append(score(list(zip(q, key)), kind, rounding, split, scale))
            m = maximum(x)
            if m == NEG_INF:
                y += [0] * dv
                lse.append(NEG_INF)
                continue
            e = [exp(sub(v, m)) for v in x]
            total = dot(((v, ONE) for v in e), kind)
            p = [div(v, total) for v in e]
            if rounding != "none":
                p = [to_bf16(v) for v in p]
            for ch in range(dv):
                y.append(dot(((p[j], values[(j * hk + kv) * stride + ch]) for j in range(n)), kind, c.formats["y"]))
            lse.append(add(m, log(total)))
    return {"y": y, "log_sum_exp": lse} if "log_sum_exp" in c.formats else {"y": y}


def score(terms, kind, rounding, split, scale):
    if rounding != "everystep":
        return mul(dot(terms, kind), scale)
    x = to_bf16(dot(terms[split:], kind, "BF16"))
    if split:
        x = to_bf16(add(to_bf16(dot(terms[:split], kind, "BF16")), x))
    return to_bf16(mul(x, scale))


# Experts

def best(values, candidates, count):
    """The largest first, then the lower index (rule N9)."""
    return sorted(candidates, key=lambda i: (-order(values[i]), i))[:count]


def gate(c):
    t_count, e, k = c.size("t"), c.size("e"), c.size("k")
    groups = int(c.get("groups", 1))
    kept = int(c.get("kept", groups))
    every = c.get("rounding", "none", "gate") == "everystep"
    softmax = c.get("scoring", "sigmoid") == "softmax"
    # The demo takes softmax in binary32, and rounds where the weights leave the gate.
    rounded = to_bf16 if every and not softmax else lambda v: v
    last = to_bf16 if every else lambda v: v
    scale, eps = number(c.get("scale", "2.5")), number(c.get("epsilon", "0"))
    size = e // groups
    scores, indices, weights = [], [], []
    for t in range(t_count):
        x = c["logits"][t * e:(t + 1) * e]
        s = [rounded(v) for v in (softmax_row(x) if softmax else map(sigmoid, x))]
        biased = [add(v, b) for v, b in zip(s, c["bias"])] if "bias" in c.tensors else list(s)
        allowed = range(e)
        if kept < groups:
            group_scores = []
            for g in range(groups):
                two = best(biased, range(g * size, (g + 1) * size), 2)
                top_two = c.get("groupscore", "toptwosum") == "toptwosum" and size > 1
                group_scores.append(add(biased[two[0]], biased[two[1]]) if top_two else biased[two[0]])
            chosen = best(group_scores, range(groups), kept)
            if c.get("mask", "negativeinfinity") == "zero":
                biased = [v if i // size in chosen else 0 for i, v in enumerate(biased)]
            else:
                allowed = [i for i in range(e) if i // size in chosen]
        slots = best(biased, allowed, k)
        total = 0
        for i in slots:
            total = add(total, s[i])
        total = rounded(add(rounded(total), eps))
        normalize = c.get("normalize", "yes") == "yes"
        scores += s
        indices += slots
        weights += [last(mul(rounded(div(s[i], total)) if normalize else s[i], scale)) for i in slots]
    return {"scores": scores, "indices": indices, "weights": weights}


def assignments(c):
    """(expert, token, slot) in the order of the dispatched rows."""
    k = c.size("k")
    return sorted((e, i // k, i % k) for i, e in enumerate(c["indices"]) if e >= 0)


def dispatch(c):
    d = c.size("d")
    return {"y": [v for _, t, _ in assignments(c) for v in c["x"][t * d:(t + 1) * d]]}


def combine(c):
    t_count, d, k = c.size("t"), c.size("d"), c.size("k")
    rounding, rows = c.get("rounding", "fused", "combine"), assignments(c)
    y = []
    for t in range(t_count):
        mine = [(row, slot) for row, (_, token, slot) in enumerate(rows) if token == t]
        for ch in range(d):
            total = 0
            for row, slot in mine:
                w, o = c["weights"][t * k + slot], c["outputs"][row * d + ch]
                if rounding == "fused":
                    total = fma(w, o, total)
                elif rounding == "everystep":
                    total = to_bf16(add(total, to_bf16(mul(w, o))))
                else:
                    total = add(total, mul(w, o))
            if rounding == "separatethenround":
                total = to_bf16(total)
            y.append(add(total, c["shared"][t * d + ch]) if "shared" in c.tensors else total)
    return {"y": y}


OPERATIONS = {
    "absorb_output": absorb_output, "absorb_query": absorb_query, "add": add_all, "attention": attention, "cast": cast, "combine": combine,
    "dispatch": dispatch, "embedding": embedding, "expand_keys": expand_keys, "gate": gate, "grouped_linear": grouped_linear,
    "linear": linear, "log_softmax": log_softmax, "mtp_input": mtp_input, "rms_norm": rms_norm, "rope": rope, "softmax": softmax,
    "swiglu": swiglu,
}
