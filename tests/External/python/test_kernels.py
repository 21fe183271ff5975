"""Kernels in numpy, judged from a test: the pattern for a test suite of your own (docs/how-to/use-libdsref.md). Needs the wheel, numpy and pytest."""

import subprocess
import sys
import threading

import dsref
import dsref_io as io
import numpy as np
import pytest


def rms_norm(x, weight, epsilon=1e-6):
    mean = (x * x).mean(axis=-1, keepdims=True, dtype=np.float32)
    return x / np.sqrt(mean + np.float32(epsilon)) * weight


def quantise(x, tile=128):
    """A scale amax / 448 for each 128 neighbours of a row, codes E4M3(x / scale)."""
    parts = x.reshape(x.shape[0], -1, tile)
    scales = np.maximum(np.abs(parts).max(axis=-1), np.float32(1e-4)) / np.float32(448)
    return {"codes": io.to_e4m3((parts / scales[:, :, None]).reshape(x.shape)), "scales": scales}


@pytest.fixture
def norm():
    random = np.random.default_rng(7)
    return {"x": random.standard_normal((33, 640), dtype=np.float32), "weight": random.standard_normal(640, dtype=np.float32)}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_rms_norm_is_noise(norm):
    assert dsref.check(rms_norm(**norm), op="rms_norm", inputs=norm, budget_s=2).verdict == "NOISE"


def test_quantiser_has_every_bit():
    x = np.random.default_rng(8).standard_normal((17, 512), dtype=np.float32)
    assert dsref.check(quantise(x), op="quantize", inputs={"x": x}, contract="DeepSeekInference").verdict == "BITS"


@pytest.mark.parametrize("map", ["bell", "outlier", "special", "subnormal"])
def test_quantiser_on_inputs_of_the_manifest(map):
    x = io.make(map, 0x2A, "x", "F32", (5, 256))
    if map == "special":
        x = np.where(np.isfinite(x), x, np.float32(0))
    dsref.check(quantise(x), op="quantize", inputs={"x": x})


def test_an_epsilon_beside_the_root_fails_with_place_reason_and_command(norm):
    wrong = norm["x"] / (np.sqrt((norm["x"] ** 2).mean(axis=-1, keepdims=True)) + np.float32(1e-2)) * norm["weight"]
    with pytest.raises(AssertionError) as failed:
        dsref.check(wrong, op="rms_norm", inputs=norm, budget_s=2, explain_s=1)
    lines = str(failed.value).splitlines()
    assert lines[0].startswith("FAIL y: ") and "[" in lines[0]
    assert lines[1] == "  judged as rms_norm[t=33,n=640]"
    command = next(line for line in lines if "repeat with: " in line).split("repeat with: ")[1]
    assert command.startswith("python3 -m dsref check rms_norm --inputs dsref-failures/rms_norm-1/in.safetensors")
    again = subprocess.run([sys.executable] + command.split()[1:], capture_output=True, text=True)
    assert again.returncode == 1 and lines[0] in again.stdout


def test_codes_come_as_codes_as_integers_and_from_torch():
    x = np.random.default_rng(9).standard_normal((4, 128), dtype=np.float32)
    made = quantise(x)
    plain = {"codes": np.asarray(made["codes"]).view(np.uint8), "scales": made["scales"]}
    assert dsref.check(plain, op="quantize", inputs={"x": x}).verdict == "BITS"

    class Device:
        type = "cpu"

    class LikeTorch:
        """What is used of a torch tensor."""

        def __init__(self, array, dtype):
            self.array, self.dtype, self.device, self.shape = array, "torch." + dtype, Device(), array.shape

        def data_ptr(self):
            return self.array.ctypes.data

        def stride(self):
            return [s // self.array.itemsize for s in self.array.strides]

    torch = {"codes": LikeTorch(plain["codes"], "float8_e4m3fn"), "scales": LikeTorch(made["scales"], "float32")}
    assert dsref.check(torch, op="quantize", inputs={"x": LikeTorch(x, "float32")}).verdict == "BITS"


def test_strides_and_pointers(norm):
    y = np.empty_like(norm["x"])
    dsref.run("rms_norm", norm, {"y": y})
    assert dsref.check(y, op="rms_norm", inputs=norm, accept="bits").verdict == "BITS"
    turned = dict(norm, x=np.asfortranarray(norm["x"]))
    wide = np.zeros((33, 1280), np.float32)[:, ::2]
    dsref.run("rms_norm", turned, {"y": wide})
    assert dsref.compare(y, wide).mismatches == 0
    pointer = dsref.Tensor(norm["x"].ctypes.data, "F32", norm["x"].shape)
    assert dsref.check(wide, op="rms_norm", inputs=dict(norm, x=pointer)).verdict == "BITS"


def test_bounds_hold(norm):
    y = rms_norm(**norm)
    exact, bound = dsref.bound("rms_norm", norm, {"y": y}, "y", range(0, y.size, 97))
    error = np.abs(y.reshape(-1)[::97].astype(np.float64) - exact)
    # n roundings of the sum of squares, halved by the root, and a few of the result's own.
    assert (error <= bound).all() and (bound <= 640 * 2.0**-24 * np.abs(exact)).all()


def test_threads_give_the_same_bits(norm):
    results = [np.empty_like(norm["x"]) for _ in range(6)]
    threads = [threading.Thread(target=dsref.run, args=("rms_norm", norm, {"y": y})) for y in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((y == results[0]).all() for y in results)


@pytest.mark.parametrize("change, says", [
    (dict(op="rms_nom"), "no operation is named 'rms_nom'"),
    (dict(contract="nobody"), "nobody"),
    (dict(op="rms_norm[eps=few]"), "'few' is not a finite number"),
    (dict(inputs={}), "needs a tensor 'x'"),
    (dict(budget_s=-1), "budget_s is -1"),
    (dict(actual=[1.0]), "result is a list"),
])
def test_what_cannot_be_judged_is_told_in_a_line(norm, change, says):
    given = dict(dict(actual=norm["x"], op="rms_norm", inputs=norm), **change)
    with pytest.raises(dsref.DsrefError) as wrong:
        dsref.check(**given)
    assert says in str(wrong.value) and "\n" not in str(wrong.value)
