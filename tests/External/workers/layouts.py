"""A worker whose kernel wants its operands in pages and with gaps; its first argument makes it write padding, or want what there is not."""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "tools", "python"))
from dsref_worker import kernel, serve  # noqa: E402

how = sys.argv[1] if len(sys.argv) > 2 else ""


@kernel("add", layouts={"a": "paged[block=4]", "y": "swizzled" if how == "nonsense" else "strided[strides=2,offset=1]"})
def add(a, b, out, layouts):
    y, table, block = out["y"], layouts["a"]["table"], a.shape[1]
    y[...] = np.array([a[table[i // block], i % block] for i in range(len(b))], np.float32) + b
    if how == "spoil":
        y.base[0] = 0
    return y


serve()
