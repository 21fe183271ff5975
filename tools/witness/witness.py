#!/usr/bin/env python3
"""Recomputes the goldens that carry the witness "python", sharing no code with the library: inputs from the seed, outputs from the written
rules (docs/spec, the operations' equations) in exact integer arithmetic. Python's standard library alone.

    python3 tools/witness/witness.py [golden/manifest.jsonl] [--filter REGEX]

Prints how many digests are equal; exit 1 if one is not, 2 if a line cannot be recomputed.
"""

import argparse
import hashlib
import json
import re
import struct
import sys
import time
from pathlib import Path

import exact
import operations
import values


def digest(array, dtype):
    if dtype == "F32":
        data = struct.pack(f"<{len(array)}I", *array)
    elif dtype == "BF16":
        data = struct.pack(f"<{len(array)}H", *(a >> 16 for a in array))
    elif dtype == "F8_E4M3":
        data = bytes(array)
    elif dtype == "U16":
        data = struct.pack(f"<{len(array)}H", *array)
    else:
        data = struct.pack(f"<{len(array)}{'i' if dtype == 'I32' else 'q'}", *array)
    return hashlib.sha256(data).hexdigest()


def check(line):
    """The names of the tensors of a case that come out with another digest."""
    name, arguments = values.parse_id(line["id"])
    seed = int(line["seed"], 16)
    tensors, wrong = {}, []
    for key, t in line["inputs"].items():
        if t["map"] == "forward":
            continue
        tensors[key] = values.make(t["map"], seed, key, t["dtype"], t["shape"])
        if digest(tensors[key], t["dtype"]) != t["sha256"]:
            wrong.append(key)
    shapes = {key: t["shape"] for key, t in (line["inputs"] | line["outputs"]).items()}
    formats = {key: t["dtype"] for key, t in line["outputs"].items()}
    case = operations.Case(name, arguments, line["contract"], tensors, shapes, formats)
    for key, array in operations.forward(case).items():
        tensors[key] = array
        if digest(array, line["inputs"][key]["dtype"]) != line["inputs"][key]["sha256"]:
            wrong.append(key)
    for key, array in operations.run(case).items():
        t = line["outputs"][key]
        if t["dtype"] == "BF16":
            array = [exact.to_bf16(a) for a in array]
        if digest(array, t["dtype"]) != t["sha256"]:
            wrong.append(key)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", nargs="?", default=Path(__file__).parents[2] / "golden" / "manifest.jsonl", type=Path)
    parser.add_argument("--filter", default="")
    options = parser.parse_args()
    equal, failed, families, start = 0, 0, {}, time.monotonic()
    for text in options.manifest.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if "python" not in line["witness"] or not re.search(options.filter, line["id"]):
            continue
        try:
            wrong = check(line)
        except KeyError as e:
            print(f"{line['id']}: cannot be recomputed, {e} is unknown", file=sys.stderr)
            return 2
        family = families.setdefault(line["id"].split("[")[0], [0, 0])
        family[1] += 1
        if wrong:
            failed += 1
            print(f"DIFFERENT {line['id']}: {', '.join(wrong)}")
        else:
            equal += 1
            family[0] += 1
    for name, (good, total) in sorted(families.items()):
        print(f"{name:16} {good}/{total}")
    print(f"{equal}/{equal + failed} cases equal, {time.monotonic() - start:.0f} s")
    return 1 if failed or not equal else 0


if __name__ == "__main__":
    sys.exit(main())
