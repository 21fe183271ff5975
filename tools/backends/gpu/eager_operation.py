"""What the files of eager_worker.py share: its options, how an operation is registered, what of a call is kept."""
import argparse
import contextlib
import functools
import glob
import json
import os
import sys

import torch
from common import KEEPS, Unsupported, keep, kernel, require

_parser = argparse.ArgumentParser(prog="eager_worker.py", description="PyTorch's own operators as a worker of dsref.")
_parser.add_argument("--tf32", action="store_true", help="products in binary32 may cut operands to TF32")
_parser.add_argument("--reduced", action="store_true", help="products in bfloat16 may combine parts of K in bfloat16, torch's default")
_parser.add_argument("--fp8", choices=["block", "block-fast", "fast", "slow", "rowwise"], default="block", help="scales by blocks; by tensor, with fast accumulation or slow; by row, fast")
_parser.add_argument("--sdpa", choices=["math", "flash", "efficient", "cudnn", "eager"], help="kernel of attention; by default flash where probabilities are rounded, else math; eager is the formula")
_parser.add_argument("--pad", type=int, default=1, metavar="N", help="rows of zeros up to a multiple of N for both operands of linear and scaled_linear, so that a probe's one dot product meets a kernel for matrices")
_parser.add_argument("socket")
options = _parser.parse_args()

DEVICE = os.environ.get("DEVICE", "cuda")
if DEVICE not in ("cuda", "cpu"):
    sys.exit(f"eager_worker.py: DEVICE is cuda or cpu, not {DEVICE}")
if KEEPS and not os.path.isdir(KEEPS):
    sys.exit(f"eager_worker.py: KEEP names {KEEPS}, which is no folder")
if DEVICE == "cuda":
    if not torch.cuda.is_available():
        sys.exit("eager_worker.py: torch sees no GPU; DEVICE=cpu tries it without one")
    torch.backends.cuda.matmul.allow_tf32 = options.tf32
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = options.reduced

F32, BF16 = torch.float32, torch.bfloat16

# What libraries say of a call that they have no kernel for: a refusal, not a failure.
_REFUSALS = ("CUBLAS_STATUS_NOT_SUPPORTED", "CUBLAS_STATUS_INVALID_VALUE", "No available kernel", "not implemented for", "Invalid scaling configuration", "is not supported", "are not supported")


def named(dtype):
    return {F32: "F32", BF16: "BF16"}.get(dtype, str(dtype).removeprefix("torch."))


def operation(name):
    """Registers an operation. Each call is refused, fails or leaves its outputs where KEEP says."""
    def register(function):
        @functools.wraps(function)
        def call(**arguments):
            with _numbered(name) as number:
                try:
                    result = function(**arguments)
                except (RuntimeError, ValueError) as error:  # C++'s TORCH_CHECK_VALUE comes as the latter
                    text = str(error)
                    if isinstance(error, NotImplementedError) or any(refusal in text for refusal in _REFUSALS):
                        raise Unsupported("torch: " + (text.splitlines() or [type(error).__name__])[0]) from error
                    raise
                out = arguments["out"]
                if not isinstance(result, dict):
                    result = {next(iter(out)): result}
                for key, value in result.items():
                    # A store that torch was not asked for would be a rounding of this file's own.
                    require(value.dtype == out[key].dtype or not value.is_floating_point(), f"torch gives {named(value.dtype)} where {key} is {named(out[key].dtype)}")
                result = {key: value.detach().to(out[key].dtype) for key, value in result.items()}
                if number is not None:
                    _leave(number, name, arguments, result)
                return result
        kernel(name, torch=True, device=DEVICE)(call)
        return function
    return register


@contextlib.contextmanager
def _numbered(op):
    """The call's number. NNNN.OP.failed stands for a call that failed, or took the process with it."""
    if not KEEPS:
        yield None
        return
    number = len(glob.glob(os.path.join(glob.escape(KEEPS), "[0-9]*.*")))
    mark = os.path.join(KEEPS, f"{number:04}.{op}.failed")
    open(mark, "w").close()
    try:
        yield number
    except Unsupported:
        os.remove(mark)
        raise
    else:
        os.remove(mark)


def _leave(number, op, arguments, result):
    inputs = {key: [named(value.dtype), list(value.shape)] for key, value in arguments.items() if isinstance(value, torch.Tensor)}
    attributes = {key: value for key, value in arguments.items() if key not in inputs and key != "out"}
    facts = {"op": op, "attributes": json.dumps(attributes), "inputs": json.dumps(inputs), "torch": torch.__version__, "options": " ".join(sys.argv[1:-1])}
    keep(f"{number:04}.{op}", facts, **result)


def same(*tensors):
    """torch's products and fused kernels take one dtype."""
    require(len({tensor.dtype for tensor in tensors}) == 1, "torch takes operands of one dtype here, not " + ", ".join(named(tensor.dtype) for tensor in tensors))


def has(place, name):
    require(hasattr(place, name), f"torch {torch.__version__} has no {name}")
    return getattr(place, name)
