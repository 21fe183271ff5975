"""What the workers of this folder share: the modules of tools/python, torch's device, and small checks."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for place in (os.path.join(HERE, "..", "..", "python"), HERE):
    if os.path.exists(os.path.join(place, "dsref_worker.py")):
        sys.path.insert(0, place)
        break

import torch  # noqa: E402
from dsref_worker import Unsupported, kernel, serve  # noqa: E402,F401

BLOCK = 128
KEEPS = os.environ.get("KEEP")


def keep(name, facts, **tensors):
    """Leaves in the folder that KEEP names what a kernel gave, as NAME.safetensors: what golden/hardware is made from."""
    kinds = {torch.bfloat16: "BF16", torch.float32: "F32", torch.int32: "I32"}
    header, data = {"__metadata__": {key: str(value) for key, value in facts.items()}}, []
    for key, tensor in tensors.items():
        codes = tensor.contiguous().cpu().reshape(-1).view(torch.uint8).numpy().tobytes()
        begin = sum(map(len, data))
        header[key] = {"dtype": kinds[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, begin + len(codes)]}
        data.append(codes)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(KEEPS, name + ".safetensors"), "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(data))


def require(condition, reason):
    """Declines a case that the library under test does not take."""
    if not condition:
        raise Unsupported(reason)


def serve_on_gpu(name):
    """Serves kernels under the GPU's name."""
    serve(name, device=torch.cuda.get_device_name(0))


def require_blocks(x_scale, weight_scale, rows, columns, k):
    """Scales of 1 x 128 on the left and 128 x 128 on the right. One row of the weight has one block either way."""
    require(tuple(x_scale.shape) == (rows, -(-k // BLOCK)), "takes a scale for each row and 128 of K")
    require(tuple(weight_scale.shape) == (-(-columns // BLOCK), -(-k // BLOCK)), "takes a scale for each block of 128 x 128 of the weight")
