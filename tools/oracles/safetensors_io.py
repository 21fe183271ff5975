"""Safetensors files to and from torch tensors, without the safetensors package: Debian has torch and not that."""
import json

import torch

TO_TORCH = {"BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64, "I32": torch.int32, "I64": torch.int64}
TO_NAME = {dtype: name for name, dtype in TO_TORCH.items()}


class FormatError(Exception):
    """A tensor of a format that these oracles do not hold."""


def load(path):
    """The tensors of a file by name, in the file's order."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), bytearray(data[8 + length :])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in TO_TORCH:
            raise FormatError(f"{path}: {name} is {entry['dtype']}; taken are {', '.join(TO_TORCH)}, and no FP8")
        begin, end = entry["data_offsets"]
        dtype = TO_TORCH[entry["dtype"]]
        # frombuffer takes no empty buffer.
        flat = torch.frombuffer(body[begin:end], dtype=dtype) if end > begin else torch.empty(0, dtype=dtype)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


def codes(tensor):
    """A tensor's bytes. numpy has no bfloat16, so that goes as the integers of its bits."""
    tensor = tensor.detach().contiguous()
    return (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy().tobytes()


def save(path, tensors):
    """Writes tensors as Hugging Face's writer does: widest elements first, then by name, so that each is aligned."""
    ordered = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header, data = {"__metadata__": {"format": "pt"}}, bytearray()
    for name in ordered:
        begin = len(data)
        data += codes(tensors[name])
        header[name] = {"dtype": TO_NAME[tensors[name].dtype], "shape": list(tensors[name].shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
