"""Fits the tables of src/DeepSeek.Reference/TensorCores/HopperMufu.*Table.cs from captures of a GPU, and nothing else.

Run:  python3 tools/numerics/fit_mufu.py CAPTURE...            (numpy; about 20 seconds a function)
      python3 tools/numerics/fit_mufu.py --write CAPTURE...    writes the table files too, and of all four the witness's, tools/witness/mufu_tables.py

CAPTURE: `capture --no-dots --only ex2 --first 0x3F800000 --step 1 --count 16777216` of tools/backends/cuda/capture, its .ftz file; for rsqrt
the same arguments, for rcp and lg2 from 0x3F000000 on (docs/spec/approximate-functions.md). Two binades with every fraction: lg2 and rcp are
fitted on [1, 2), so is ex2, rsqrt on [1, 4), one binade for each parity. That the tables give the rest, `dsref capture` tells.

Within a part of the argument, results are floor((C0 2^p + C1 d + C2 s(d) 2^q + bias) / 2^r). A least-squares fit gives C1 and C2 to a
fraction of a unit; each pair near it is tried exactly: it fits if one number C0 2^p + bias gives every result of the part, and the numbers that do
are an interval. The bias must suit all parts' intervals; it is determined modulo 2^p, the rest of it is C0's. Printed: how many pairs fit in each part and
which biases do: what the captured bits do not force is a choice.
"""
import argparse
import hashlib
import json
import pathlib
import struct
import sys

import numpy as np

TABLES = pathlib.Path(__file__).resolve().parents[2] / "src" / "DeepSeek.Reference" / "TensorCores"
WITNESS = TABLES.parents[2] / "tools" / "witness" / "mufu_tables.py"
HEADER = """namespace DeepSeek.Reference.TensorCores;

public static partial class HopperMufu
{
    /// <summary>Constant, linear and quadratic coefficient of %s over %d parts; made by tools/numerics/fit_mufu.py from a capture.</summary>
    private static ReadOnlySpan<int> %s =>
    [
%s
    ];
}
"""


def read(path):
    """Header and results of a capture (docs/spec/capture.md 1)."""
    data = pathlib.Path(path).read_bytes()
    if data[:8] != b"DSREFCAP" or hashlib.sha256(data[:-32]).digest() != data[-32:]:
        sys.exit(f"{path}: no capture, or damaged")
    length, = struct.unpack("<I", data[12:16])
    header = json.loads(data[16:16 + length])
    return header, np.frombuffer(data[24 + length:-32], dtype="<u4").astype(np.int64)


def square(d):
    """The unit's truncated square: of each set bit b a copy shifted by 18 - b, then one bit more."""
    total = np.zeros_like(d)
    for bit in range(17):
        total += np.where(d >> bit & 1, d >> (18 - bit), 0)
    return total >> 1


class Function:
    """Name in C#, first argument of the capture, shifts p and q, bias, bits of the offset d; and each result's interval [low, high) before the last shift."""

    def __init__(self, name, first, p, q, bias, offset, intervals):
        self.name, self.first, self.p, self.q, self.bias, self.offset, self.intervals = name, first, p, q, bias, offset, intervals


def significands(codes, shift):
    """Whole results, each an interval of one unit before the shift."""
    return codes << shift, (codes + 1) << shift


def ex2(y):
    return significands(y[:1 << 23] - 0x40000000 + (1 << 23), 15)


def rcp(y):
    return significands(y[1 << 23:] - 0x3F000000 + (1 << 23), 15)


def rsqrt(y):
    low, high = significands(y - 0x3F000000 + (1 << 23), 16)
    low[0] = 0  # the unit answers v = 0 by itself
    high[0] = 1 << 50
    return low, high


def lg2(y):
    """Results in units of 2^-38; the unit keeps 36 fraction bits of the sum, and cuts them to 24."""
    y = y[1 << 23:]
    shift = (y >> 23) - 127 + 15
    code = y & 0x7FFFFF | 1 << 23
    low = np.where(shift >= 0, code << np.maximum(shift, 0), code >> np.maximum(-shift, 0))
    high = np.where(shift >= 0, (code + 1) << np.maximum(shift, 0), low + 1)
    high = np.maximum(high, low + 4)
    low[0], high[0] = 0, 1 << 50  # the unit answers 1 by itself
    return low, high


FUNCTIONS = {
    "ex2": Function("Exp2", 0x3F800000, 13, 0, 0x77E2, 17, ex2),
    "lg2": Function("Log2", 0x3F000000, 12, 1, 0x3345, 17, lg2),
    "rcp": Function("Reciprocal", 0x3F000000, 13, 0, 0x47E7, 16, rcp),
    "rsqrt": Function("ReciprocalSqrt", 0x3F800000, 14, 2, 0x7FFF, 17, rsqrt),
}


def fit_part(low, high, d, s, q):
    """Every (C1, C2) near the least squares that fits, with the interval of C0 2^p + bias it leaves."""
    weight = 1 / (high - low).astype(float)
    rows = np.stack([np.ones(len(d)), d / 1024., s / 1024.], 1) * weight[:, None]
    solution = np.linalg.solve(rows.T @ rows, rows.T @ ((low + high) / 2. * weight))
    c1, c2 = round(solution[1] / 1024), round(solution[2] / 1024 / 2 ** q)
    found = []
    for k1 in range(c1 - 2, c1 + 3):
        for k2 in range(c2 - 2, c2 + 3):
            rest = k1 * d + (k2 * s << q)
            least, most = int((low - rest).max()), int((high - rest).min()) - 1
            if least <= most:
                found.append((k1, k2, least, most))
    return sorted(found, key=lambda each: each[2] - each[3])  # the widest interval first


def fit(instruction, y):
    f = FUNCTIONS[instruction]
    low, high = f.intervals(y)
    d = np.arange(1 << f.offset, dtype=np.int64)
    s = square(d << (17 - f.offset))
    parts = []
    for each in range(len(low) >> f.offset):
        at = slice(each << f.offset, each + 1 << f.offset)
        found = fit_part(low[at], high[at], d, s, f.q)
        if not found:
            sys.exit(f"{instruction}: no coefficients give part {each}")
        parts.append(found)

    def constants(pair, bias):
        """The C0 that fit with a pair and a bias, ascending."""
        return range(-(bias - pair[2] >> f.p), (pair[3] - bias >> f.p) + 1)

    biases = [bias for bias in range(1 << f.p) if all(any(constants(pair, bias) for pair in found) for found in parts)]
    alone = sum(len(found) == 1 for found in parts)
    print(f"{instruction}: {len(parts)} parts; one pair (C1, C2) fits in {alone}, at most {max(map(len, parts))}; biases modulo {1 << f.p:#x} that fit: "
          + (f"{len(biases)}, {min(biases):#x} to {max(biases):#x}" if biases else "none"))
    table = []
    for found in parts:
        pair = next(pair for pair in found if constants(pair, f.bias))
        table.append((constants(pair, f.bias)[-1], pair[0], pair[1]))
    several = sum(sum(len(constants(pair, f.bias)) for pair in found) > 1 for found in parts)
    print(f"  with bias {f.bias:#x}: {several} parts have more than one triple that fits")
    return f, table


def text(row):
    return ", ".join(("-" if c < 0 else "") + f"0x{abs(c):0{width}X}" for c, width in zip(row, (7, 4, 3)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("capture", nargs="+")
    options = parser.parse_args()
    tables = {}
    for path in options.capture:
        header, y = read(path)
        instruction = header["instruction"].split(".")[0]
        if instruction not in FUNCTIONS or ".ftz." not in header["instruction"]:
            sys.exit(f"{path}: {header['instruction']} is none of ex2, lg2, rcp, rsqrt .approx.ftz.f32")
        if (int(header["first"], 16), int(header["step"], 16), len(y)) != (FUNCTIONS[instruction].first, 1, 1 << 24):
            sys.exit(f"{path}: wants --first {FUNCTIONS[instruction].first:#x} --step 1 --count {1 << 24}")
        f, table = fit(instruction, y)
        lines = "\n".join("        " + ", ".join(text(row) for row in table[at:at + 4]) + "," for at in range(0, len(table), 4))
        file = TABLES / f"HopperMufu.{f.name}Table.cs"
        made = HEADER % (instruction, len(table), f.name + "Table", lines)
        print(f"  {file.name}: " + ("the same" if file.read_text() == made else "differs"))
        tables[instruction] = table
        if options.write:
            file.write_text(made)
    made = '"""Tables of mufu.py; made by tools/numerics/fit_mufu.py from captures."""\n'
    for instruction, table in sorted(tables.items()):
        rows = [f"({text(row)})" for row in table]
        made += f"\n{instruction.upper()} = [\n" + "".join("    " + ", ".join(rows[at:at + 4]) + ",\n" for at in range(0, len(rows), 4)) + "]\n"
    if tables.keys() == FUNCTIONS.keys():
        print(f"  {WITNESS.name}: " + ("the same" if WITNESS.exists() and WITNESS.read_text() == made else "differs"))
        if options.write:
            WITNESS.write_text(made)


if __name__ == "__main__":
    main()
