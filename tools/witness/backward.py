"""Backward operations (rules N16, N24), on bits of binary32. What a gradient is added to is the input c."""

import rotations
from exact import NAN, NEG_INF, ONE, add, div, exp, fma, is_inf, is_nan, log, mul, neg, number, order, rsqrt, sigmoid, silu, sqrt_of, sub
from sums import dot, lanes16


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


def lane_sum(terms):
    """Σ of (place, value), the lane being the place mod 16."""
    terms = dict(terms)
    return lanes16((terms.get(i, 0), ONE) for i in range(max(terms, default=-1) + 1))


def embedding_backward(c):
    d, out = c.size("d"), list(c["c"])
    for v in set(c["ids"]):
        places = [t for t, i in enumerate(c["ids"]) if i == v]
        for k in range(d):
            out[v * d + k] = add(out[v * d + k], lane_sum((t, c["dy"][t * d + k]) for t in places))
    return {"d_weight": out}


def rms_norm_backward(c):
    t_count, n, eps = c.size("t"), c.size("n"), number(c.get("eps", "1e-6"))
    dx, d_weight, rows = [], list(c["c"]), []
    for t in range(t_count if n else 0):
        x, dy = c["x"][t * n:(t + 1) * n], c["dy"][t * n:(t + 1) * n]
        r = rsqrt(add(div(lanes16(zip(x, x)), number(n)), eps))
        x_hat, g = [mul(v, r) for v in x], [mul(v, w) for v, w in zip(dy, c["weight"])]
        mean = div(lanes16(zip(g, x_hat)), number(n))
        dx += [mul(r, fma(h, neg(mean), v)) for h, v in zip(x_hat, g)]
        rows.append((dy, x_hat))
    if rows:
        d_weight = [add(start, lanes16((dy[k], h[k]) for dy, h in rows)) for k, start in enumerate(d_weight)]
    return {"dx": dx, "d_weight": d_weight}


def rope_backward(c):
    t_count, heads, d, dr = c.size("t"), c.size("h"), c.size("d"), c.size("dr")
    layout, rotation = c.get("layout", "interleaved"), c.get("rotation", "fused")
    dx = []
    for t in range(t_count):
        angles = rotations.angles(c, t)
        for h in range(heads):
            dy = c["dy"][(t * heads + h) * d:(t * heads + h + 1) * d]
            z, out = dy[d - dr:], [0] * dr
            for i, (cos, sin) in enumerate(angles):
                p, q = rotations.places(layout, i, dr)
                out[p[0]], out[p[1]] = rotations.rotate(rotation, z[q[0]], z[q[1]], cos, neg(sin))
            dx += dy[:d - dr] + out
    return {"dx": dx}


def expand_keys_backward(c):
    t_count, h, dn, dr, dv = (c.size(k) for k in ("t", "h", "dn", "dr", "dv"))
    d_kv, d_k_pe = [], []
    for t in range(t_count):
        keys = [c["d_keys"][(t * h + i) * (dn + dr):(t * h + i + 1) * (dn + dr)] for i in range(h)]
        for i in range(h):
            d_kv += keys[i][:dn] + c["d_values"][(t * h + i) * dv:(t * h + i + 1) * dv]
        d_k_pe += [lanes16((key[dn + j], ONE) for key in keys) for j in range(dr)]
    return {"d_kv": d_kv, "d_k_pe": d_k_pe}


def swiglu_backward(c):
    d_gate, d_up = [], []
    for dy, a, b in zip(c["dy"], c["gate"], c["up"]):
        slope = mul(sigmoid(a), fma(a, sigmoid(neg(a)), ONE))
        d_gate.append(mul(mul(dy, b), slope))
        d_up.append(mul(dy, silu(a)))
    return {"d_gate": d_gate, "d_up": d_up}


def mtp_input_backward(c):
    d, dy = c.size("d"), c["dy"]
    first = [v for t in range(c.size("t")) for v in dy[2 * t * d:(2 * t + 1) * d]]
    second = [v for t in range(c.size("t")) for v in dy[(2 * t + 1) * d:(2 * t + 2) * d]]
    turned_round = c.get("order", "") == "hiddenfirst"
    return {"d_embedding": second if turned_round else first, "d_hidden": first if turned_round else second}


def assignments(c):
    """(expert, token, slot) in the order of the dispatched rows."""
    k = c.size("k")
    return sorted((e, i // k, i % k) for i, e in enumerate(c["indices"]) if e >= 0)


def dispatch_backward(c):
    d = c.size("d")
    dx = [0] * (c.size("t") * d)
    for row, (_, t, _) in enumerate(assignments(c)):
        for k in range(d):
            dx[t * d + k] = add(dx[t * d + k], c["dy"][row * d + k])
    return {"dx": dx}


def combine_backward(c):
    d, k = c.size("d"), c.size("k")
    d_outputs, d_weights = [], [0] * (c.size("t") * k)
    for row, (_, t, slot) in enumerate(assignments(c)):
        dy, out = c["dy"][t * d:(t + 1) * d], c["outputs"][row * d:(row + 1) * d]
        d_outputs += [mul(c["weights"][t * k + slot], g) for g in dy]
        d_weights[t * k + slot] = lanes16(zip(dy, out))
    return {"d_outputs": d_outputs, "d_weights": d_weights}


def maximum(x):
    if any(is_nan(v) for v in x):
        return NAN
    return max(x, key=order) if x else NEG_INF


def cross_entropy(c):
    v, losses, statistics = c.size("v"), [], []
    for t, target in enumerate(c["targets"]):
        x = c["logits"][t * v:(t + 1) * v]
        m = maximum(x)
        s = lanes16((exp(sub(a, m)), ONE) for a in x)
        statistics += [m, s]
        losses.append(0 if target < 0 else NAN if is_nan(m) or is_inf(m) else sub(log(s), sub(x[target], m)))
    return {"losses": losses, "statistics": statistics}


def cross_entropy_backward(c):
    n, first, scale, out = c.size("n"), int(c.get("first", 0)), number(c.get("scale", "1")), []
    for t, target in enumerate(c["targets"]):
        m, s = c["statistics"][2 * t:2 * t + 2]
        for k, x in enumerate(c["logits"][t * n:(t + 1) * n]):
            p = div(exp(sub(x, m)), s)
            p = sub(p, ONE) if first + k == target else p
            out.append(0 if target < 0 else mul(p, scale))
    return {"d_logits": out}


def attention_backward(c):
    s, t, h, d, dv = (c.size(k) for k in ("s", "t", "h", "d", "dv"))
    kind, first = c.get("sum", "lanes16"), int(c.get("first", max(0, t - s)))
    scale = number(c.arguments["scale"]) if "scale" in c.arguments else div(ONE, sqrt_of(d)) if d else ONE
    dq, dk, dv_out = [0] * (s * h * d), [0] * (t * h * d), [0] * (t * h * dv)

    def row(name, i, head, width):
        return c[name][(i * h + head) * width:(i * h + head + 1) * width]

    for head in range(h):
        p, ds = [], []
        for i in range(s):
            q, dy, lse = row("q", i, head, d), row("dy", i, head, dv), c["log_sum_exp"][i * h + head]
            delta = dot(zip(dy, row("y", i, head, dv)), kind)
            p.append([])
            ds.append([])
            for j in range(max(0, min(t, first + i + 1))):
                x = mul(dot(zip(q, row("keys", j, head, d)), kind), scale)
                dp = dot(zip(dy, row("values", j, head, dv)), kind)
                weight = exp(sub(x, lse)) if lse != NEG_INF else 0
                p[i].append(weight)
                ds[i].append(mul(mul(weight, sub(dp, delta)), scale) if lse != NEG_INF else 0)
            for k in range(d):
                dq[(i * h + head) * d + k] = dot([(w, c["keys"][(j * h + head) * d + k]) for j, w in enumerate(ds[i])], kind)
        for j in range(t):
            seen = [i for i in range(s) if len(p[i]) > j]
            for k in range(d):
                dk[(j * h + head) * d + k] = dot([(ds[i][j], c["q"][(i * h + head) * d + k]) for i in seen], kind)
            for k in range(dv):
                dv_out[(j * h + head) * dv + k] = dot([(p[i][j], c["dy"][(i * h + head) * dv + k]) for i in seen], kind)
    return {"dq": dq, "d_keys": dk, "d_values": dv_out}


def gate_backward(c):
    e, k = c.size("e"), c.size("k")
    scale, eps, normalize = number(c.get("scale", "2.5")), number(c.get("epsilon", "0")), c.get("normalize", "yes") == "yes"
    out = []
    for t in range(c.size("t")):
        s, chosen, dw = c["scores"][t * e:(t + 1) * e], c["indices"][t * k:(t + 1) * k], c["d_weights"][t * k:(t + 1) * k]
        total, a, ds = 0, 0, [0] * e
        for i in chosen:
            total = add(total, s[i])
        total = add(total, eps)
        for i, g in zip(chosen, dw):
            a = fma(g, div(s[i], total), a)
        for i, g in zip(chosen, dw):
            ds[i] = div(mul(sub(g, a), scale), total) if normalize else mul(g, scale)
        if "d_scores" in c.tensors:
            ds = [add(v, o) for v, o in zip(ds, c["d_scores"][t * e:(t + 1) * e])]
        if c.get("scoring", "sigmoid") == "softmax":
            away = lanes16(zip(s, ds))
            out += [mul(v, sub(g, away)) for v, g in zip(s, ds)]
        else:
            out += [mul(g, mul(v, sigmoid(neg(x)))) for g, v, x in zip(ds, s, c["logits"][t * e:(t + 1) * e])]
    return {"d_logits": out}


def balance_loss(c):
    t_count, e, k, alpha = c.size("t"), c.size("e"), c.size("k"), number(c.get("alpha", "1e-4"))
    if t_count == 0:
        return {"loss": [mul(alpha, 0)], "d_scores": []}
    f = [div(number(e * c["indices"].count(i)), number(k * t_count)) for i in range(e)]
    shares, totals, d_scores = [], [], []
    for t in range(t_count):
        s = c["scores"][t * e:(t + 1) * e]
        totals.append(lanes16((v, ONE) for v in s))
        shares.append([div(v, totals[t]) for v in s])
    p = [div(lanes16((row[i], ONE) for row in shares), number(t_count)) for i in range(e)]
    g = [div(mul(alpha, v), number(t_count)) for v in f]
    for total, row in zip(totals, shares):
        away = lanes16(zip(g, row))
        d_scores += [div(sub(v, away), total) for v in g]
    return {"loss": [mul(alpha, lanes16(zip(f, p)))], "d_scores": d_scores}


OPERATIONS = {
    "attention_backward": attention_backward, "balance_loss": balance_loss, "gate_backward": gate_backward,
    "combine_backward": combine_backward, "cross_entropy": cross_entropy, "cross_entropy_backward": cross_entropy_backward,
    "dispatch_backward": dispatch_backward, "embedding_backward": embedding_backward, "expand_keys_backward": expand_keys_backward,
    "grouped_linear_dgrad": grouped_linear_dgrad, "grouped_linear_wgrad": grouped_linear_wgrad, "linear_dgrad": linear_dgrad,
    "linear_wgrad": linear_wgrad, "mtp_input_backward": mtp_input_backward, "rms_norm_backward": rms_norm_backward,
    "rope_backward": rope_backward, "swiglu_backward": swiglu_backward,
}
