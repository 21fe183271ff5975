"""Judge a kernel's results from a test: bits, else whether the error looks like the declared arithmetic's, else a hard bound.

    import dsref
    dsref.check(y, op="gemm_fp8", inputs=dict(x=x, x_scale=x_scale, weight=w, weight_scale=w_scale), contract="hopperfp8", budget_s=2)

Raises AssertionError with the verdict, what was found and where, why it seems to differ, and a command that repeats the check on files. Tensors: numpy arrays,
dsref_io.Codes, ml_dtypes arrays, torch tensors (a device's are copied to the host), or dsref.Tensor(pointer, dtype, shape, strides). Names of operations, tensors
and contracts: docs/how-to/check-a-pytorch-kernel.md.

One file and libdsref.so beside it; ctypes alone. `python3 -m dsref check OP --inputs FILE --actual FILE` judges files.
"""

import argparse
import ctypes
import json
import re
import shlex
import sys
from collections import namedtuple
from pathlib import Path

__version__ = "0.1.0"
VERDICTS = ("BITS", "NOISE", "BOUND", "SUSPECT", "FAIL", "SKIP", "UNJUDGED")

# DLPack's code and width by safetensors' name, and what numpy, ml_dtypes and torch call the same.
_CODES = {"F64": (2, 64), "F32": (2, 32), "F16": (2, 16), "BF16": (4, 16), "F8_E4M3": (10, 8), "F8_E5M2": (12, 8), "F8_E8M0": (14, 8),
          "I64": (0, 64), "I32": (0, 32), "I16": (0, 16), "I8": (0, 8), "U64": (1, 64), "U32": (1, 32), "U16": (1, 16), "U8": (1, 8), "BOOL": (6, 8)}
_NAMES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0",
          "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL"}

Tensor = namedtuple("Tensor", "pointer dtype shape strides", defaults=(None,))
Tensor.__doc__ = "Memory of the host: its address, safetensors' name of the dtype, shape, and strides in elements (None: contiguous). It must live to the end of the call."


class DsrefError(ValueError):
    """What was asked makes no sense: a name, a shape, a dtype, a file. One line."""


class Report(namedtuple("Report", "verdict check line case json")):
    """verdict: one of VERDICTS; check: what decided; line: both, with what was found; case: what was judged; json: the whole report as a dict."""

    @property
    def passes(self):
        return self.verdict in ("BITS", "NOISE")


# The structures of libdsref.h


class _DLTensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32), ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8),
                ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64)),
                ("byte_offset", ctypes.c_uint64)]


class _Argument(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("name", ctypes.c_char_p), ("role", ctypes.c_int), ("tensor", _DLTensor), ("layout", ctypes.c_char_p)]


class _Options(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("budget_s", ctypes.c_double), ("full", ctypes.c_int32), ("seed", ctypes.c_uint64)]


class _Report(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("verdict", ctypes.c_int), ("check", ctypes.c_char_p), ("line", ctypes.c_char_p), ("case_id", ctypes.c_char_p),
                ("json", ctypes.c_char_p)]


_NUMBERS = ("count", "mismatches", "first_mismatch", "nan_mismatches", "infinity_mismatches")
_ERRORS = ("max_abs", "max_rel", "relative_l2", "max_ulp", "calc_diff")
Comparison = namedtuple("Comparison", _NUMBERS + _ERRORS)


class _Comparison(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t)] + [(n, ctypes.c_int64) for n in _NUMBERS] + [(n, ctypes.c_double) for n in _ERRORS]


_library = None


def load(path=None):
    """Loads libdsref.so: the one beside this file, unless another is named. Called by itself at first use."""
    global _library
    if path is None and _library is not None:
        return _library
    file = Path(path) if path is not None else Path(__file__).resolve().parent / "libdsref.so"
    if not file.exists():
        raise DsrefError(f"{file} is not there; install the wheel, or build it with tools/ci/libdsref.sh and call dsref.load(path)")
    library = ctypes.CDLL(str(file))
    library.dsref_last_error.restype = ctypes.c_char_p
    text, arguments, pointer = ctypes.c_char_p, ctypes.POINTER(_Argument), ctypes.POINTER
    library.dsref_run.argtypes = [text, text, arguments, ctypes.c_int32, ctypes.c_int32]
    library.dsref_check.argtypes = [text, text, arguments, ctypes.c_int32, pointer(_Options), pointer(_Report)]
    library.dsref_check_files.argtypes = [text, text, text, text, pointer(_Options), pointer(_Report)]
    library.dsref_report_free.argtypes, library.dsref_report_free.restype = [pointer(_Report)], None
    library.dsref_explain.argtypes = [text, text, arguments, ctypes.c_int32, ctypes.c_double, pointer(ctypes.c_void_p)]
    library.dsref_text_free.argtypes, library.dsref_text_free.restype = [ctypes.c_void_p], None
    library.dsref_bound.argtypes = [text, text, arguments, ctypes.c_int32, text, pointer(ctypes.c_int64), ctypes.c_int64, pointer(ctypes.c_double), pointer(ctypes.c_double)]
    library.dsref_compare.argtypes = [pointer(_DLTensor), pointer(_DLTensor), pointer(_Comparison)]
    library.dsref_save.argtypes = [text, arguments, ctypes.c_int32]
    if library.dsref_version() != 1:
        raise DsrefError(f"{file} is version {library.dsref_version()} of the library, this module knows version 1; take both of one release")
    _library = library
    return library


# Functions


def check(actual, op, inputs, contract=None, budget_s=None, full=False, seed=0, accept="noise", explain_s=5, folder="dsref-failures"):
    """Judges results; returns the Report of those that pass.

    actual: a tensor, or a dict of the operation's outputs by name. inputs: a dict by name. op: "gemm_fp8", "rms_norm[eps=1e-5]", ... accept: "bits", "noise" or
    "bound", the weakest verdict that passes. explain_s: seconds to look for what a failing kernel does instead; 0 does not look. folder: where the tensors of a
    failing check are written; None writes none.
    """
    __tracebackhide__ = True
    if accept not in ("bits", "noise", "bound"):
        raise DsrefError(f"accept={accept!r}: there are 'bits', 'noise' and 'bound'")
    results = actual if isinstance(actual, dict) else {"result": actual}
    arguments, keep = _arguments(inputs, results)
    report = _judge("dsref_check", [_bytes(op), _bytes(contract), arguments, len(arguments)], budget_s, full, seed)
    if VERDICTS.index(report.verdict) <= ("bits", "noise", "bound").index(accept):
        return report
    lines = [report.line, f"  judged as {report.case}"]
    if explain_s > 0 and report.verdict in ("FAIL", "BOUND"):
        lines.append("  " + _explained(op, contract, arguments, explain_s))
    if folder is not None:
        lines.append("  repeat with: " + _saved(Path(folder), op, contract, inputs, results, budget_s, full))
    del keep
    raise AssertionError("\n".join(lines))


def run(op, inputs, outputs, contract=None, threads=0):
    """Computes an operation to the bit: writes into the tensors of outputs (a dict by name), which give its shapes and dtypes."""
    arguments, keep = _arguments(inputs, outputs, writes=True)
    _require(load().dsref_run(_bytes(op), _bytes(contract), arguments, len(arguments), threads))
    del keep


def bound(op, inputs, outputs, output, elements, contract=None):
    """Exact results and hard bounds of elements (row-major indices) of an output: two lists of floats."""
    arguments, keep = _arguments(inputs, outputs)
    count = len(elements)
    exact, limit = (ctypes.c_double * count)(), (ctypes.c_double * count)()
    places = (ctypes.c_int64 * count)(*[int(e) for e in elements])
    _require(load().dsref_bound(_bytes(op), _bytes(contract), arguments, len(arguments), _bytes(output), places, count, exact, limit))
    del keep
    return list(exact), list(limit)


def compare(expected, actual):
    """How two tensors of one shape differ: a Comparison."""
    (e, keep_e), (a, keep_a) = _tensor("expected", expected, False), _tensor("actual", actual, False)
    made = _Comparison(struct_size=ctypes.sizeof(_Comparison))
    _require(load().dsref_compare(ctypes.byref(e), ctypes.byref(a), ctypes.byref(made)))
    del keep_e, keep_a
    return Comparison(*[getattr(made, name) for name in _NUMBERS + _ERRORS])


def save(path, tensors):
    """Writes tensors by name to a .safetensors file, bit by bit."""
    arguments, keep = _arguments(tensors, {})
    _require(load().dsref_save(_bytes(str(path)), arguments, len(arguments)))
    del keep


def check_files(op, inputs, actual, contract=None, budget_s=None, full=False, seed=0):
    """Judges a file of results: a Report, whatever it says. Files: .safetensors, .npz, .npy."""
    return _judge("dsref_check_files", [_bytes(op), _bytes(contract), _bytes(str(inputs)), _bytes(str(actual))], budget_s, full, seed)


# The border


def _bytes(text):
    return None if text is None else text.encode("utf-8")


def _require(status):
    if status != 0:
        raise DsrefError(load().dsref_last_error().decode("utf-8", "replace"))


def _judge(function, arguments, budget_s, full, seed):
    options = _Options(ctypes.sizeof(_Options), 0.0 if budget_s is None else float(budget_s), int(full), seed)
    made = _Report(struct_size=ctypes.sizeof(_Report))
    _require(getattr(load(), function)(*arguments, ctypes.byref(options), ctypes.byref(made)))
    try:
        return Report(VERDICTS[made.verdict], made.check.decode(), made.line.decode(), made.case_id.decode(), json.loads(made.json.decode()))
    finally:
        load().dsref_report_free(ctypes.byref(made))


def _explained(op, contract, arguments, seconds):
    text = ctypes.c_void_p()
    if load().dsref_explain(_bytes(op), _bytes(contract), arguments, len(arguments), seconds, ctypes.byref(text)) != 0:
        return "not explained: " + load().dsref_last_error().decode("utf-8", "replace")
    try:
        return "explained: " + ctypes.string_at(text).decode()
    finally:
        load().dsref_text_free(text)


def _saved(folder, op, contract, inputs, results, budget_s, full):
    name = re.sub("[^a-z0-9_]", "", op.split("[")[0].lower()) or "check"
    n = 1
    while (folder / f"{name}-{n}").exists():
        n += 1
    target = folder / f"{name}-{n}"
    target.mkdir(parents=True)
    save(target / "in.safetensors", inputs)
    save(target / "out.safetensors", results)
    words = ["check", op, "--inputs", str(target / "in.safetensors"), "--actual", str(target / "out.safetensors")]
    words += ["--contract", contract] if contract is not None else []
    words += ["--budget", f"{budget_s:g}"] if budget_s is not None else []
    return "python3 -m dsref " + " ".join(shlex.quote(w) for w in words + (["--full"] if full else []))


def _arguments(inputs, outputs, writes=False):
    made, keep = [], []
    for role, tensors in ((0, inputs), (1, outputs)):
        for name, value in tensors.items():
            tensor, kept = _tensor(name, value, writes and role == 1)
            made.append(_Argument(ctypes.sizeof(_Argument), name.encode("utf-8"), role, tensor, None))
            keep.append(kept)
    return (_Argument * len(made))(*made), (made, keep)


def _tensor(name, value, written):
    """A DLTensor, and what must live as long as it is used."""
    kept = value
    if isinstance(value, Tensor):
        pointer, dtype, shape, strides = value
    elif hasattr(value, "data_ptr"):  # torch: memory as it lies; FP8 and BF16 have no DLPack or numpy export
        if value.device.type != "cpu":
            if written:
                raise DsrefError(f"{name} lies on {value.device}; give a tensor of the host")
            value = kept = value.detach().cpu()
        pointer, dtype, shape, strides = value.data_ptr(), str(value.dtype).removeprefix("torch."), tuple(value.shape), tuple(value.stride())
    elif hasattr(value, "__array_interface__"):
        dtype = getattr(value, "format", None) or value.dtype.name
        if not value.dtype.isnative:
            raise DsrefError(f"{name} has the byte order of another machine; convert it with astype")
        if any(s % value.itemsize for s in value.strides):
            if written:
                raise DsrefError(f"{name} has strides that are no whole elements; give a contiguous array")
            value = kept = value.copy()
        pointer, shape, strides = value.__array_interface__["data"][0], value.shape, tuple(s // value.itemsize for s in value.strides)
    else:
        raise DsrefError(f"{name} is a {type(value).__name__}; take a numpy array, a torch tensor or dsref.Tensor(pointer, dtype, shape, strides)")
    dtype = _NAMES.get(dtype, dtype)
    if dtype not in _CODES:
        raise DsrefError(f"{name} has dtype {dtype}, which no operation takes; there are {', '.join(_CODES)}")
    rank = len(shape)
    dims = (ctypes.c_int64 * rank)(*shape)
    steps = None if strides is None else (ctypes.c_int64 * rank)(*strides)
    code, bits = _CODES[dtype]
    tensor = _DLTensor(pointer, 1, 0, rank, code, bits, 1, ctypes.cast(dims, ctypes.POINTER(ctypes.c_int64)), ctypes.cast(steps, ctypes.POINTER(ctypes.c_int64)), 0)
    return tensor, (kept, dims, steps)


def main(words=None):
    parser = argparse.ArgumentParser(prog="python3 -m dsref", description="Judges a file of results (docs/how-to/use-libdsref.md).")
    verb = parser.add_subparsers(required=True, metavar="VERB").add_parser("check", help="judge results in a file")
    verb.add_argument("op")
    verb.add_argument("--inputs", required=True, metavar="FILE")
    verb.add_argument("--actual", required=True, metavar="FILE")
    verb.add_argument("--contract")
    verb.add_argument("--budget", type=float, metavar="SECONDS")
    verb.add_argument("--full", action="store_true")
    verb.add_argument("--json", action="store_true")
    options = parser.parse_args(words)
    try:
        report = check_files(options.op, options.inputs, options.actual, options.contract, options.budget, options.full)
    except DsrefError as wrong:
        print(f"dsref: {wrong}", file=sys.stderr)
        return 2
    print(json.dumps(report.json, indent=2) if options.json else f"{report.case}\n{report.line}\n  {report.json['proves']}")
    return 0 if report.passes else 1


if __name__ == "__main__":
    sys.exit(main())
