"""A worker that misbehaves as its first argument says, at its third run; before that it is right. For tests of the tool."""
import os
import signal
import sys
import time

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "tools", "python"))
import dsref_worker  # noqa: E402
from dsref_worker import kernel, serve  # noqa: E402

how, runs, workers, spoilt = sys.argv[1], 0, [], []


@kernel("add")
def add(a, b):
    global runs
    runs += 1
    if runs == 2 and how == "late":
        # The line is read before the next case begins.
        print("an old line", file=sys.stderr, flush=True)
        time.sleep(1)
    if runs == 3:
        if how in ("crash", "late"):
            os.kill(os.getpid(), signal.SIGSEGV)
        elif how == "exit":
            print("out of luck", file=sys.stderr, flush=True)
            os._exit(7)
        elif how == "hang":
            time.sleep(600)
        elif how == "raise":
            raise ValueError("no such tile")
        elif how == "shape":
            return (a + b)[:-1]
    return a + b


class Liar(dsref_worker._Worker):
    def __init__(self, name):
        super().__init__(name)
        workers.append(self)

    def on_run(self, request):
        super().on_run(request)
        if runs == 3 and how == "input":
            self.tensors[request["args"]["a"]].bytes[:] = 0
        if runs == 3 and how == "lost":
            raise RuntimeError("context")
        if how == "drifts" and runs % 2 == 0:
            self.tensors[request["args"]["y"]].bytes[0] ^= 1
        if how == "unsteady" and request["mode"] == "repeat":
            self.tensors[request["args"]["y"]].bytes[0] ^= 1

    def on_put(self, request):
        if how == "makes" and request["name"] != "y":
            raise RuntimeError("an input crossed")
        return super().on_put(request)

    def on_generate(self, request):
        if how == "declines" and request["name"] == "a":
            raise dsref_worker.Unsupported("not this one")
        made = super().on_generate(request)
        if how == "misgenerates" and runs == 2 and request["name"] == "b" and not spoilt:
            spoilt.append(request["seed"])
            self.tensors[made["handle"]].bytes[7] ^= 1
            made["sha256"] = self.tensors[made["handle"]].digest()
        return made

    def answer(self, request):
        answer = super().answer(request)
        if how == "nohandle" and request["call"] == "put" and runs == 2:
            answer.pop("handle", None)
        if request["call"] == "run" and runs == 3:
            if how == "nonsense":
                return {"status": "MAYBE"}
            if how == "lost":
                return {"status": "CONTEXT_LOST", "message": "device fell off the bus"}
        return answer


dsref_worker._Worker = Liar
serve("hostile", generates=True)
if workers[0].tensors or workers[0].plans:
    print(f"{len(workers[0].tensors)} tensors and {len(workers[0].plans)} plans were not given back", file=sys.stderr, flush=True)
    sys.exit(8)
if how == "leaves":
    sys.exit(9)
