#!/usr/bin/env python3
"""Holds dsref_io.py against the specification and the library; tests/External runs it.

    python3 tools/python/check_dsref_io.py known                        the known answers of docs/spec/random.md
    python3 tools/python/check_dsref_io.py manifest golden/manifest.jsonl   inputs made here against the manifest's digests
    python3 tools/python/check_dsref_io.py rewrite IN OUT               a file read and written again; .safetensors or .npy
    python3 tools/python/check_dsref_io.py convert IN OUT               codes decoded, values encoded

Exit 1 at the first difference.
"""

import sys

import numpy as np

import dsref_io as io

LONGEST = 300_000
BLOCK = "6627e8d5 e169c58d bc57ac4c 9b00dbd8"
FIRST = {
    "uniform": "BF464E12 3F5A976C BEE07A3C BEFEDDA4",
    "int": "C0E00000 40E00000 C0800000 C0800000",
    "bell": "3F387200 BEDDEA00 BE284C00 BEA74C00",
    "logspread": "3F010000 BE4C0000 38CA0000 3F160000",
    "outlier": "3F387200 BE284C00 BF6FEF00 BECFE000",
    "boundary": "00800000 CB800000 3F800001 3F800001",
    "tie": "BF000000 3F800000 00000000 00000000",
}


def require(good, what):
    if not good:
        sys.exit(f"DIFFERENT: {what}")


def known():
    block = io.philox(0, 0, np.array([0], np.uint64))[0]
    require(" ".join(f"{w:08x}" for w in block) == BLOCK, "Philox of zeros")
    name, seed = "model.embed_tokens.weight", 0x0123456789ABCDEF
    require(io.hash32(name) == 0x403ADE76, "hash32")
    for value_map, bits in FIRST.items():
        got = " ".join(f"{u:08X}" for u in io.values(value_map, seed, name, 4).view(np.uint32))
        require(got == bits, f"{value_map}: {got} where {bits} is expected")
    print(f"{len(FIRST)} maps and a block equal")


def manifest(path):
    inputs, maps, declared = 0, set(), {}
    for line in io.manifest(path):
        if sum(int(np.prod(t["shape"])) for t in line["inputs"].values()) > LONGEST:
            continue
        for name, array in io.inputs_of_line(line).items():
            require(io.sha256(array) == line["inputs"][name]["sha256"], f"{line['id']}, {name} ({line['inputs'][name]['map']})")
            inputs += 1
            maps.add(line["inputs"][name]["map"].split(":")[0])
        try:
            here = io.declare(line["id"])
        except ValueError:
            continue
        there = {name: (t["map"], t["dtype"], t["shape"]) for name, t in line["inputs"].items()}
        require(here == there, f"{line['id']}: {here} where the manifest has {there}")
        operation = line["id"].split("[")[0]
        declared[operation] = declared.get(operation, 0) + 1
    wanted = set(FIRST) | {"special", "scale", "power", "reciprocal", "index", "arange", "index_holes", "experts", "experts_holes"}
    require(wanted <= maps, f"no input of {wanted - maps} was seen")
    require(len(declared) >= 12, f"cases of {sorted(declared)} alone were declared")
    print(f"{inputs} digests of {len(maps)} maps equal; {sum(declared.values())} cases of {len(declared)} operations declared as the manifest has them")


def rewrite(source, target):
    if source.endswith(".npy"):
        np.save(target, np.load(source))
        return
    tensors = io.load_safetensors(source)
    for name in sorted(tensors):
        print(f"{name} {io.sha256(tensors[name])}")
    io.save_safetensors(target, tensors, {"written by": "dsref_io"})


def convert(source, target):
    """Codes become `NAME.decoded`, float32 `NAME.bf16`, `NAME.e4m3` and `NAME.e5m2`."""
    made = {}
    for name, array in io.load_safetensors(source).items():
        if io.dtype_of(array) in io.CODED:
            made[f"{name}.decoded"] = array.decode()
        elif io.dtype_of(array) == "F32":
            made |= {f"{name}.bf16": io.to_bf16(array), f"{name}.e4m3": io.to_e4m3(array), f"{name}.e5m2": io.to_e5m2(array)}
    io.save_safetensors(target, made)


if __name__ == "__main__":
    verbs = {"known": known, "manifest": manifest, "rewrite": rewrite, "convert": convert}
    if len(sys.argv) < 2 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    verbs[sys.argv[1]](*sys.argv[2:])
