#!/usr/bin/env python3
"""Packs dsref.py, dsref_io.py, dsref_worker.py and libdsref.so into a wheel: python3 tools/python/build_wheel.py LIBRARY FOLDER. The standard library alone; equal inputs give an equal file."""

import base64
import hashlib
import re
import sys
import zipfile
from pathlib import Path

TAG = "py3-none-linux_x86_64"
MODULES = ("dsref.py", "dsref_io.py", "dsref_worker.py")


def main(library, folder):
    here = Path(__file__).resolve().parent
    version = re.search(r'^__version__ = "(.+)"$', (here / "dsref.py").read_text(), re.M).group(1)
    files = {name: (here / name).read_bytes() for name in MODULES}
    files["libdsref.so"] = library.read_bytes()
    info = f"dsref-{version}.dist-info"
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: dsref\nVersion: {version}\nSummary: Judge GPU kernels against DeepSeek.Reference, from a test\nLicense: MIT\nRequires-Python: >=3.9\n"
        "Provides-Extra: io\nRequires-Dist: numpy; extra == 'io'\n").encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: build_wheel.py\nRoot-Is-Purelib: false\nTag: {TAG}\n".encode()
    files[f"{info}/top_level.txt"] = b"dsref\ndsref_io\ndsref_worker\n"
    record = [f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}" for name, data in files.items()]
    files[f"{info}/RECORD"] = ("\n".join(record) + f"\n{info}/RECORD,,\n").encode()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"dsref-{version}-{TAG}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    print(wheel)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
