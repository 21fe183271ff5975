#!/usr/bin/env python3
"""A block-scaled FP8 product in numpy float32, judged by `dsref check`: what stands here in numpy stands in your kernel.

    python3 tools/python/examples/check_gemm.py FOLDER
    dsref check gemm_fp8 --inputs FOLDER/in.safetensors --actual FOLDER/out.safetensors --contract HopperFp8

    --bug scale     takes the neighbouring block's scale of the weight, a defect to be found
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import dsref_io as io  # noqa: E402

BLOCK = 128


def product(x, x_scale, weight, weight_scale, shift=0):
    """acc += (x_b · weight_bᵀ) · x_scale · weight_scale, a block of 128 along K after the other, in float32; y is rounded once to BF16."""
    (t, k), n = x.shape, weight.shape[0]
    acc = np.zeros((t, n), np.float32)
    for b in range(k // BLOCK):
        part = slice(b * BLOCK, (b + 1) * BLOCK)
        partial = x.decode()[:, part] @ weight.decode()[:, part].T
        columns = weight_scale[np.arange(n) // BLOCK, (b + shift) % weight_scale.shape[1]]
        acc += partial * (x_scale[:, b, None] * columns[None, :])
    return io.to_bf16(acc)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--case", default="gemm_fp8[m=32,n=192,k=1024,contract=hopperfp8]")
    parser.add_argument("--bug", choices=["scale"])
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    tensors = io.inputs_of(options.case)
    y = product(**tensors, shift=1 if options.bug == "scale" else 0)
    io.save_safetensors(options.folder / "in.safetensors", tensors)
    io.save_safetensors(options.folder / "out.safetensors", {"y": y})
    print(f"{options.case}: inputs and results in {options.folder}")


if __name__ == "__main__":
    main()
