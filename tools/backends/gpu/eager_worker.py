"""PyTorch's own operators as a worker, called as DeepSeek-V3 is written in PyTorch: cuBLAS, cuBLASLt, native kernels, autograd.

    dsref verify --backend "python3 tools/backends/gpu/eager_worker.py" --level quick linear rms_norm softmax

What a call asks for and torch does not do is declined. The declared order of a sum is the judge's business, and not looked at.
DEVICE=cpu tries it without a GPU; KEEP names a folder for what each call gave, NNNN.OP.safetensors (pair.py gives them the names of their cases).
"""
import os
import sys

import torch
from common import serve
from eager_operation import DEVICE

import eager_attention  # noqa: F401
import eager_elements  # noqa: F401
import eager_products  # noqa: F401

serve(f"torch {torch.__version__}", device=torch.cuda.get_device_name(0) if DEVICE == "cuda" else DEVICE)
# The interpreter takes torch down for longer than dsref waits for a worker's end, where other steps of eager.sh keep the machine busy.
sys.stdout.flush()
sys.stderr.flush()
os._exit(0)
