"""The tensors of an oracle by their keys in golden/oracles, and the figures that say how far its choices can be relied on."""
import torch
from official import Official

ROUTED = ("router_scores", "topk_indices", "topk_weights")
FORMATS = {"bf16": torch.bfloat16, "f32": torch.float32}


def in_file(tensors):
    """As golden/oracles holds them: what is routed has a row for each token of the batch, and choices are I32."""
    made = {}
    for name, value in tensors.items():
        part = name.rpartition(".")[2]
        if part in ROUTED:
            value = value.reshape(-1, value.shape[-1])
        made[name] = (value.int() if part == "topk_indices" else value).contiguous()
    return made


def official_runs(source, configuration, weights, dtype, ids, decode_from=None):
    """The oracle's tensors."""
    batch, tokens = ids.shape

    def run(form, attention="absorb", pieces=None):
        model = Official(source, configuration, weights, form, attention, tokens, batch)
        return in_file(model.run(ids, pieces))

    whole = run(dtype)
    made = {"input_ids": ids, "logits_f64": run(torch.float64)["logits"]}
    if decode_from is None:
        return made | whole | {"logits_naive": run(dtype, "naive")["logits"]}
    pieces = [decode_from] + [1] * (tokens - decode_from)
    absorbed, naive = run(dtype, pieces=pieces), run(dtype, "naive", pieces)["logits"]
    logits = absorbed.pop("logits")
    return made | absorbed | {
        "prefill_len": torch.tensor([decode_from]), "logits_full_prefill": whole["logits"],
        "prefill_logits": logits[:, :decode_from].contiguous(), "step_logits": logits[:, decode_from:].contiguous(),
        "prefill_logits_naive": naive[:, :decode_from].contiguous(), "step_logits_naive": naive[:, decode_from:].contiguous(),
    }


def distance(actual, expected):
    """Largest difference, and relative L2."""
    a, b = actual.double(), expected.double()
    norm = b.norm().item()
    return (a - b).abs().max().item() if a.numel() else 0.0, (a - b).norm().item() / (norm or 1.0)


def choices(scores, bias, configuration):
    """The experts a gate takes, best first, and the smallest lead of one taken over the next, of a group's or an expert's score, as a share of the larger.
    Scores are those of the file, so the choice can be repeated for scores in another format."""
    fields, scores = configuration.fields, scores.double() + (0 if bias is None else bias.double())
    taken, lead = fields["num_experts_per_tok"], float("inf")

    def leads(ordered, count):
        first, second = ordered[:, :count], ordered[:, 1 : count + 1]
        first = first[:, : second.shape[1]]
        gap = ((first - second) / first.abs())[torch.isfinite(second)]
        return gap.min().item() if gap.numel() else float("inf")

    groups = fields.get("n_group") or 1
    if configuration.grouped and groups > 1:
        parts, kept = scores.view(len(scores), groups, -1), fields["topk_group"]
        of_group = parts.amax(-1) if bias is None else torch.sort(parts, dim=-1, descending=True)[0][..., :2].sum(-1)
        ordered, order = torch.sort(of_group, dim=-1, descending=True, stable=True)
        lead = leads(ordered[:, kept - 1 :], 1)
        masked = torch.ones_like(of_group, dtype=torch.bool).scatter(1, order[:, :kept], False)
        scores = parts.masked_fill(masked.unsqueeze(-1), float("-inf")).flatten(1)
    ordered, order = torch.sort(scores, dim=-1, descending=True, stable=True)
    return order[:, :taken], min(lead, leads(ordered, taken))


def figures(source, configuration, weights, dtype, made):
    """The lines of README.txt that judge the case: margins, what another order of sums moves, and distances between forms."""
    ids = made["input_ids"]
    batch, tokens = ids.shape
    lines, logits = [], made["logits_full_prefill"] if "prefill_len" in made else made["logits"]
    for layer in range(configuration.dense, configuration.layers):
        bias = weights.get(f"model.layers.{layer}.mlp.gate.e_score_correction_bias")
        scores = made[f"layers.{layer}.router_scores"]
        chosen, lead = choices(scores, bias, configuration)
        narrow, _ = choices(scores.bfloat16(), bias, configuration)
        agreed = torch.equal(chosen.int(), made[f"layers.{layer}.topk_indices"])
        lines.append(f"layers.{layer}: smallest relative lead of a choice {lead:.3g}; the choice follows from the kept scores: {'yes' if agreed else 'NO'}; "
                     f"tokens whose choice is another with scores rounded to bfloat16: {(chosen != narrow).any(-1).sum().item()}, "
                     f"whose set of experts is another: {(chosen.sort(-1)[0] != narrow.sort(-1)[0]).any(-1).sum().item()}")
    for attention, expected in (("absorb", logits), ("naive", made.get("logits_naive"))):
        if expected is None or dtype != torch.bfloat16:
            continue
        wide = in_file(Official(source, configuration, weights, dtype, attention, tokens, batch, torch.float64).run(ids))
        lines.append("%s with sums of products in binary64: max abs %.3g, rel L2 %.3g" % (attention, *distance(wide["logits"], expected)))
        if attention == "absorb" and "prefill_len" not in made:
            moved = [name for name in wide if not torch.equal(wide[name], made[name])]
            lines.append(f"absorb, tensors with another bit then: {', '.join(sorted(moved)) or 'none'}")
    if "logits_naive" in made:
        lines.append("naive against absorb: max abs %.3g, rel L2 %.3g" % distance(made["logits_naive"], logits))
    lines.append("absorb against binary64: max abs %.3g, rel L2 %.3g" % distance(logits, made["logits_f64"]))
    return lines
