"""A table for a README from reports of `dsref verify --json`: for each operation the share of cases with every bit, the other verdicts, and what the kernel's own test would have accepted.

    python3 tools/backends/gpu/table.py DeepGEMM=deep_gemm.json FlashMLA=flash_mla.json
"""
import json
import os
import sys

# What the libraries' own tests let pass: DeepGEMM tests/generators.py max_diff, FlashMLA tests/test_flash_mla_dense_decoding.py, both measured as calc_diff; torch.testing has none of it.
OWN = {"DeepGEMM": ("calc_diff", 1e-3), "FlashMLA": ("calc_diff", 5e-6), "Triton": ("calc_diff", 1e-3)}
VERDICTS = ("BITS", "NOISE", "BOUND", "SUSPECT", "FAIL")


def accepted(case, limit):
    """Whether the library's own measure would let a case pass; None where nothing was measured."""
    if case["verdict"] == "BITS":
        return True
    outputs = (case.get("judged") or {}).get("outputs", [])
    found = [o.get("errors", {}).get("calc_diff") for o in outputs]
    found = [d for d in found if isinstance(d, (int, float))]
    return max(found) < limit if found else None


def rows_of(name, report_name, report):
    by_operation = {}
    for case in report["cases"]:
        if case["verdict"] in VERDICTS:
            by_operation.setdefault(case["id"].split("[")[0], []).append(case)
    own = OWN.get(name)
    for operation, cases in sorted(by_operation.items()):
        counts = {verdict: sum(c["verdict"] == verdict for c in cases) for verdict in VERDICTS}
        passes = [accepted(c, own[1]) for c in cases] if own else []
        judged = [p for p in passes if p is not None]
        theirs = f"{sum(judged)} of {len(judged)} by {own[0]} < {own[1]:g}" if judged else "-"
        yield (f"| {name} | {report_name} | {operation} | {len(cases)} | {100 * counts['BITS'] / len(cases):.1f} % | {counts['NOISE']} | {counts['BOUND'] + counts['SUSPECT']} | {counts['FAIL']} | {theirs} |")


def main():
    if len(sys.argv) < 2 or any("=" not in a for a in sys.argv[1:]):
        sys.exit(__doc__)
    print("| kernels | report | operation | cases | BITS | NOISE | BOUND, SUSPECT | FAIL | its own test would accept |")
    print("|---|---|---|---|---|---|---|---|---|")
    for argument in sys.argv[1:]:
        name, path = argument.split("=", 1)
        with open(path, encoding="utf-8") as file:
            for row in rows_of(name, os.path.basename(path).split(".")[0], json.load(file)):
                print(row)


if __name__ == "__main__":
    main()
