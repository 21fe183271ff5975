"""Wrong and failing operations, through what eager_worker.py is made of: wrong.py TOOLS_BACKENDS_GPU SOCKET."""
import os
import sys

sys.path.insert(0, sys.argv.pop(1))

import torch.nn.functional as F  # noqa: E402
from common import serve  # noqa: E402
from eager_operation import operation  # noqa: E402


@operation("swiglu")
def swiglu(gate, up, rounding, out):
    return F.silu(up) * gate


@operation("embedding")
def embedding(weight, ids, out):
    raise RuntimeError("a kernel that fails")


@operation("softmax")
def softmax(x, out):
    os._exit(7)


@operation("add")
def add(a, b, out):
    return a + b


serve("wrong", device="cpu")
