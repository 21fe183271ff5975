#!/usr/bin/env python3
"""Makes a model oracle by DeepSeek's own inference/model.py, or makes one of golden/oracles again to see how near it comes. README.md has the rest.

    make.py --model-py PATH --config FILE --seed N --out DIR [--tokens T] [--batch B] [--decode-from P] [--dtype bf16|f32]
    make.py --model-py PATH --check CASE...

Exit 0 done, 1 a check found a tensor too far off or another choice of experts, 2 refused.
"""
import argparse
import json
import platform
import shutil
import sys
import tempfile
from pathlib import Path

try:
    import torch
except ImportError:
    print(f"make.py: {sys.executable} has no torch; Debian has it as python3-torch", file=sys.stderr)
    sys.exit(2)

from configuration import Configuration, Refused
from official import COMMIT, SHA256, read_source
from oracle import FORMATS, distance, figures, official_runs
from safetensors_io import FormatError, load, save
from weights import random_tokens, random_weights

# What another order of binary32 sums moves, many times over; one ulp of bfloat16 in ten thousand elements is beyond it.
FAR = 1e-5
CASES = Path(__file__).resolve().parents[2] / "golden" / "oracles"
EXPLAINED = """Made by tools/oracles/make.py: deepseek-ai/DeepSeek-V3 inference/model.py (commit {commit}, SHA-256 {digest}) unmodified, on a CPU, torch {torch}, python {python};
the shims are those of tools/oracles/shims.py. Command: make.py --config config.json {command}
Weights {dtype}{bias}, random; max_seq_len {length}{yarn}.
Tensor key: logits = attn_impl=absorb, head() applied at every position; logits_naive = attn_impl=naive; logits_f64 = model.py with the words float32 and bfloat16 replaced by
float64, .float() by .double(): its choices of experts may differ from those of the format's run where a lead is small.
layers.i.c_kv = kv_cache (AFTER kv_a_layernorm), layers.i.k_pe = pe_cache (AFTER rope, interleaved pairs), [B,T,*]; attn_out = output of o_proj; hidden_after_attn = residual +
attn_out; hidden_after_mlp = block output; router_scores = {scores}, BEFORE bias, rows = flattened B*T; topk_indices (I32, best first); topk_weights = what the gate
returns, routed_scaling_factor included; final_norm_out = after model.norm.{decode}
"""
DECODED = """
prefill_logits [B,P,V], step_logits [B,S,V] = logits after feeding token P+s at start_pos=P+s; logits_full_prefill = the whole sequence in one go."""


def readme(configuration, options, lines):
    """The text beside a case. It has no date: the same command on the same versions gives the same files."""
    scoring = configuration.fields.get("scoring_func")
    command = f"--seed {options.seed} --tokens {options.tokens} --batch {options.batch} --dtype {options.dtype}"
    head = EXPLAINED.format(
        commit="unknown" if options.any_version else COMMIT, digest=options.digest, torch=torch.__version__, python=platform.python_version(), dtype=options.dtype.upper(),
        command=command + (f" --decode-from {options.decode_from}" if options.decode_from else ""), length=configuration.max_seq_len(options.tokens),
        bias=" (gate bias F32)" if configuration.biased else "", yarn=" (above the original length: YaRN is on)" if configuration.rope else "", decode=DECODED if options.decode_from else "",
        scores="softmax(gate logits), binary32 whatever the model's format" if scoring == "softmax" else "sigmoid(gate logits)")
    return head + "\n" + "\n".join(lines) + "\n"


def write(folder, files):
    """All of a case or nothing: into a folder beside the one asked for, which then takes its name."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, content in files.items():
            if isinstance(content, str):
                (partial / name).write_text(content, encoding="utf-8")
            else:
                save(partial / name, content)
        partial.chmod(0o755)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def make(source, options):
    """Writes one case."""
    fields = json.loads(options.config.read_text(encoding="utf-8"))
    fields["torch_dtype"] = {"bf16": "bfloat16", "f32": "float32"}[options.dtype]
    configuration, dtype = Configuration(fields), FORMATS[options.dtype]
    configuration.require()
    if options.out.exists():
        raise Refused(f"{options.out} exists")
    if options.decode_from is not None and not 0 < options.decode_from < options.tokens:
        raise Refused(f"--decode-from {options.decode_from}: between 1 and --tokens less 1")
    weights = random_weights(configuration, options.seed, dtype)
    ids = random_tokens(configuration, options.seed, options.batch, options.tokens)
    made = official_runs(source, configuration, weights, dtype, ids, options.decode_from)
    lines = figures(source, configuration, weights, dtype, made)
    config = json.dumps(fields, indent=2, sort_keys=True) + "\n"
    write(options.out, {"config.json": config, "model.safetensors": weights, "oracle.safetensors": made, "README.txt": readme(configuration, options, lines)})
    print("\n".join(lines))


def check(source, case):
    """Makes a case's tensors from its own weights; the number of those that are too far off."""
    folder = Path(case) if Path(case).is_dir() else CASES / case
    configuration = Configuration.read(folder / "config.json")
    kept = load(folder / "oracle.safetensors")
    dtype = torch.bfloat16 if configuration.fields.get("torch_dtype") == "bfloat16" else torch.float32
    start = int(kept["prefill_len"]) if "prefill_len" in kept else None
    made = official_runs(source, configuration, load(folder / "model.safetensors"), dtype, kept["input_ids"], start)
    other = [name for name in kept if name in made and not torch.equal(kept[name], made[name])]
    absent, far = [name for name in kept if name not in made], 0
    for name in other:
        largest, relative = distance(made[name], kept[name])
        wrong = relative > FAR or not kept[name].is_floating_point()
        far += wrong
        print(f"  {name}: {(kept[name] != made[name]).sum().item()} of {kept[name].numel()} differ, max abs {largest:.3g}, rel L2 {relative:.3g}{' FAR' if wrong else ''}")
    print(f"{folder.name}: of {len(kept) - len(absent)} tensors {len(kept) - len(absent) - len(other)} have the kept bits, {far} are far; not made: {', '.join(absent) or 'none'}")
    return far


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model-py", type=Path, required=True, help="inference/model.py of deepseek-ai/DeepSeek-V3")
    parser.add_argument("--any-version", action="store_true", help="take another model.py than the known one")
    parser.add_argument("--check", nargs="+", metavar="CASE", help="cases of golden/oracles, or folders")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--decode-from", type=int, help="tokens of the prefill; the rest one by one")
    parser.add_argument("--dtype", choices=FORMATS, default="bf16")
    options = parser.parse_args()
    # One thread: sums are then added up in one order.
    torch.set_num_threads(1)
    try:
        source, options.digest = read_source(options.model_py, options.any_version)
        options.any_version = options.digest != SHA256
        if options.check:
            return 1 if sum(check(source, case) for case in options.check) else 0
        if options.config is None or options.seed is None or options.out is None:
            raise Refused("name --config, --seed and --out, or --check")
        if options.tokens < 1 or options.batch < 1:
            raise Refused("--tokens and --batch are at least 1")
        make(source, options)
        return 0
    except (Refused, FormatError, OSError, json.JSONDecodeError) as error:
        print(f"make.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
