"""What the workers of this folder share: the modules of tools/python, torch's device, and small checks."""
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
