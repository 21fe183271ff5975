"""Serve Python kernels to `dsref verify --backend "python3 my_kernels.py"`.

    from dsref_worker import kernel, serve

    @kernel("linear")
    def linear(x, weight, **attributes):
        return x @ weight.T

    serve()

A kernel takes the operation's inputs by name (docs/spec/goldens.md) and its attributes as keywords, and returns its output, or a dict of outputs by name.
Lists of tensors (weight.0, weight.1, ...) come as one list, and go back as one or by their names. numpy arrays by default: BF16 comes widened to float32 and is rounded to nearest even on the way back;
FP8 codes come and go as uint8. With kernel(op, torch=True) tensors are torch's, in their own dtypes, on `device`. A parameter named `out` gets the
outputs as they stand before the run, for kernels that leave elements alone; what is not returned is taken from there. Raise Unsupported to decline a case.

kernel(op, layouts={"x_scale": "mn[align=16]"}) asks for operands as a kernel wants them in memory (docs/spec/layouts.md): arrays and tensors then have those
strides, padding holds NaN, and a parameter named `layouts` gets the numbers beside them ({"x": {"index": [...]}}). BF16 comes as codes (uint16) there in numpy.
Return `out`'s own array, or None, so that padding that the kernel wrote is seen.

serve(generates=True): large inputs are made here from their seed, by dsref_io.py beside this file, and do not cross (worker.md 6): slower
than sending them on one machine, for where the tool and the worker are far apart.

numpy alone is needed. The protocol: docs/spec/worker.md.
"""
import hashlib
import inspect
import json
import os
import socket
import struct
import sys
import traceback

import numpy as np

PROTOCOL = 1
_KINDS = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16,
    "F8_E4M3": np.uint8, "F8_E5M2": np.uint8, "F8_E8M0": np.uint8,
    "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8,
    "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8, "BOOL": np.uint8,
}
_kernels = {}


class Unsupported(Exception):
    """This worker does not offer the case; the message is the reason that the report gives."""


def kernel(op, *, torch=False, device="cpu", layouts=None):
    """Registers a function for an operation, with the layouts that it wants for operands."""
    def register(function):
        _kernels[op] = (function, torch, device, layouts or {})
        return function
    return register


def widen_bf16(codes):
    """float32 values of BF16 codes, exact."""
    return (codes.astype(np.uint32) << 16).view(np.float32)


def round_bf16(values):
    """BF16 codes of float32 values: to nearest, ties to even; a NaN stays a quiet one."""
    u = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    nearest = (u + np.uint32(0x7FFF) + ((u >> 16) & 1)) >> 16
    return np.where((u & 0x7FFFFFFF) > 0x7F800000, (u >> 16) | 0x40, nearest).astype(np.uint16)


class _Tensor:
    """Bytes of one tensor, `shift` bytes past the start of their allocation; `stored` says how a layout has them."""

    def __init__(self, name, dtype, shape, shift, stored=None):
        self.name, self.stored, self.given = name, stored, None
        self.dtype = stored["dtype"] if stored else dtype
        self.shape = tuple(stored["shape"] if stored else shape)
        if self.dtype not in _KINDS:
            raise Unsupported(f"dtype {self.dtype} has no numpy form here")
        self.width = np.dtype(_KINDS[self.dtype]).itemsize
        size = stored["bytes"] if stored else int(np.prod(self.shape, dtype=np.int64)) * self.width
        self.memory = np.full(shift + size, 0xA5, np.uint8)
        self.bytes = self.memory[shift:shift + size]
        self.codes = self.view(self.bytes)

    def view(self, flat):
        """The array that bytes are: with the layout's strides where it has one."""
        if self.stored is None:
            return flat.view(_KINDS[self.dtype]).reshape(self.shape)
        strides = [self.width * stride for stride in self.stored["strides"]]
        return np.ndarray(self.shape, _KINDS[self.dtype], flat.data, self.stored["byte_offset"], strides)

    def digest(self):
        return hashlib.sha256(self.bytes.tobytes()).hexdigest()

    def load(self, path):
        self.bytes[:] = np.fromfile(path, np.uint8, count=self.bytes.size)

    def numpy(self):
        if self.stored is not None:
            self.given = self.bytes.copy()
            return self.view(self.given)
        return widen_bf16(self.codes) if self.dtype == "BF16" else self.codes.copy()

    def store(self, value):
        value = np.asarray(value)
        if self.given is not None and np.shares_memory(value, self.given):
            self.bytes[:] = self.given
            return
        if value.shape != self.shape:
            raise ValueError(f"output '{self.name}' has shape {value.shape}, expected {self.shape}")
        if self.dtype == "BF16" and value.dtype != np.uint16:
            value = round_bf16(value)
        self.codes[...] = value


def _torch_dtype(torch, dtype):
    names = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
             "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "U16": "int16"}
    return getattr(torch, names[dtype])


def _to_torch(tensor, device):
    import torch
    if tensor.bytes.size == 0:
        # No view of no bytes has another width: torch gives them the stride 0.
        return torch.empty(tensor.shape, dtype=_torch_dtype(torch, tensor.dtype), device=device)
    flat = torch.from_numpy(tensor.bytes.copy())
    if tensor.stored is not None:
        tensor.given = flat.to(device)
        typed = tensor.given.view(_torch_dtype(torch, tensor.dtype))
        return torch.as_strided(typed, tensor.shape, tensor.stored["strides"], tensor.stored["byte_offset"] // tensor.width)
    return flat.view(_torch_dtype(torch, tensor.dtype)).reshape(tensor.shape).to(device)


def _from_torch(tensor, value):
    import torch
    if tensor.given is not None and value.untyped_storage().data_ptr() == tensor.given.untyped_storage().data_ptr():
        tensor.bytes[:] = tensor.given.cpu().numpy()
        return
    if tensor.stored is not None:
        raise ValueError(f"output '{tensor.name}' is in a layout; write into out['{tensor.name}'] and return it, or None")
    value = value.detach().to(_torch_dtype(torch, tensor.dtype)).contiguous().cpu()
    if tuple(value.shape) != tensor.shape:
        raise ValueError(f"output '{tensor.name}' has shape {tuple(value.shape)}, expected {tensor.shape}")
    if tensor.bytes.size == 0:
        return
    tensor.bytes[:] = value.reshape(-1).view(torch.uint8).numpy()


class _Worker:
    generates, device = False, "CPU"

    def __init__(self, name):
        self.name, self.folder = name, ""
        self.tensors, self.plans, self.next = {}, {}, 0

    def answer(self, request):
        handler = getattr(self, "on_" + str(request.get("call")), None)
        if handler is None:
            return {"status": "UNSUPPORTED", "message": f"no call '{request.get('call')}'"}
        try:
            return {"status": "OK", **(handler(request) or {})}
        except Unsupported as error:
            return {"status": "UNSUPPORTED", "message": str(error)}
        except MemoryError as error:
            return {"status": "OOM", "message": str(error) or "out of memory"}
        except RuntimeError as error:
            # torch's own: OutOfMemoryError is one of these, and after a CUDA error the context is of no use.
            traceback.print_exc()
            status = "OOM" if type(error).__name__ == "OutOfMemoryError" else "CONTEXT_LOST" if "CUDA error" in str(error) else "LAUNCH_ERROR"
            return {"status": status, "message": f"{type(error).__name__}: {error}".splitlines()[0]}
        except Exception as error:  # whatever a kernel raises is the case's failure, not the worker's end
            traceback.print_exc()
            return {"status": "LAUNCH_ERROR", "message": f"{type(error).__name__}: {error}"}

    def take(self, value):
        self.next += 1
        (self.plans if isinstance(value, dict) else self.tensors)[self.next] = value
        return self.next

    def path(self, name):
        if os.path.basename(name) != name:
            raise ValueError(f"file '{name}' is not in the folder")
        return os.path.join(self.folder, name)

    def on_hello(self, request):
        if request["protocol"] != PROTOCOL:
            raise Unsupported(f"protocol {request['protocol']}; this worker speaks {PROTOCOL}")
        self.folder = request["folder"]
        return {"protocol": PROTOCOL, "name": self.name, "device": self.device, "modes": ["eager", "repeat", "perturb"], "features": ["attention_contract"]}

    def on_supports(self, request):
        if request["op"] not in _kernels:
            raise Unsupported(f"{self.name} has no kernel for {request['op']}")
        # **attributes would swallow a contract unread, and the kernel would compute something else.
        contract = request["attributes"].get("contract")
        if contract is not None and "contract" not in inspect.signature(_kernels[request["op"]][0]).parameters:
            raise Unsupported(f"attention under the contract {contract['name']}: {self.name}'s kernel has no parameter named contract")
        wanted = _kernels[request["op"]][3]
        return {"generates": self.generates} | ({"layouts": wanted} if wanted else {})

    def on_prepare(self, request):
        self.on_supports(request)
        return {"plan": self.take(request)}

    def on_workspace_size(self, request):
        return {"bytes": 0}

    def on_put(self, request):
        tensor = _Tensor(request["name"], request["dtype"], request["shape"], request.get("shift", 0), request.get("stored"))
        tensor.load(self.path(request["file"]))
        return {"handle": self.take(tensor)}

    def on_generate(self, request):
        import dsref_io
        try:
            values = dsref_io.make(request["map"], int(request["seed"], 16), request["tensor"], request["dtype"], request["shape"])
        except (KeyError, ValueError) as error:
            raise Unsupported(f"map {request['map']} in {request['dtype']} is not made here ({error})") from error
        handle = request.get("handle")
        if handle is None:
            handle = self.take(_Tensor(request["name"], request["dtype"], request["shape"], request.get("shift", 0)))
        self.tensors[handle].codes[...] = np.asarray(values)
        return {"handle": handle, "sha256": self.tensors[handle].digest()}

    def on_digest(self, request):
        return {"sha256": self.tensors[request["handle"]].digest()}

    def on_workspace(self, request):
        return {"handle": self.take(_Tensor("workspace", "U8", [request["bytes"]], 0))}

    def on_write(self, request):
        self.tensors[request["handle"]].load(self.path(request["file"]))

    def on_read(self, request):
        self.tensors[request["handle"]].bytes.tofile(self.path(request["file"]))

    def on_free(self, request):
        for handle in request["handles"]:
            self.tensors.pop(handle, None)
        for plan in request["plans"]:
            self.plans.pop(plan, None)

    def on_run(self, request):
        plan = self.plans[request["plan"]]
        function, torch, device, _ = _kernels[plan["op"]]
        tensors = {name: self.tensors[handle] for name, handle in request["args"].items()}
        roles = {t["name"]: t["role"] for t in plan["tensors"]}
        give = (lambda t: _to_torch(t, device)) if torch else _Tensor.numpy
        arguments = dict(plan["attributes"])
        for name, tensor in tensors.items():
            if roles[name] != "in":
                continue
            stem, _, index = name.rpartition(".")
            if stem and index.isdigit():
                arguments.setdefault(stem, []).append(give(tensor))
            else:
                arguments[name] = give(tensor)
        outputs = {name: tensor for name, tensor in tensors.items() if roles[name] == "out"}
        if "out" in inspect.signature(function).parameters:
            arguments["out"] = {name: give(tensor) for name, tensor in outputs.items()}
        if "layouts" in inspect.signature(function).parameters:
            arguments["layouts"] = {t["name"]: t.get("parameters", {}) for t in plan["tensors"]}
        result = function(**arguments)
        if result is None:
            result = arguments.get("out")
        if not isinstance(result, dict):
            names = {name.rpartition(".")[0] or name for name in outputs}
            if len(names) != 1:
                raise ValueError(f"{plan['op']} has outputs {sorted(outputs)}; return a dict of them")
            result = {names.pop(): result}
        for name in [name for name in result if f"{name}.0" in outputs]:
            result |= {f"{name}.{i}": part for i, part in enumerate(result.pop(name))}
        for name, value in result.items():
            if name not in outputs:
                raise ValueError(f"{plan['op']} has no output '{name}'; it has {sorted(outputs)}")
            (_from_torch if torch else _Tensor.store)(outputs[name], value)


def _receive(connection, count):
    data = bytearray()
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            return None
        data += part
    return bytes(data)


def serve(name=None, generates=False, device="CPU"):
    """Connects to the socket that the command line's last argument names, and answers until it is told goodbye."""
    worker = _Worker(name or os.path.splitext(os.path.basename(sys.argv[0]))[0])
    worker.generates, worker.device = generates, device
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(sys.argv[-1])
    while True:
        head = _receive(connection, 4)
        if head is None:
            return
        body = _receive(connection, struct.unpack("<I", head)[0])
        if body is None:
            return
        request = json.loads(body)
        done = request["call"] == "bye"
        answer = {"id": request["id"], **({"status": "OK"} if done else worker.answer(request))}
        data = json.dumps(answer).encode()
        connection.sendall(struct.pack("<I", len(data)) + data)
        if done:
            return
