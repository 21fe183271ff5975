"""Gives what eager_worker.py kept the names of its cases: pair.py REPORT.json FOLDER, of one `dsref verify --repeat 1 --modes eager --json` under KEEP=FOLDER.

Such a run makes one call for each case that is not SKIP, in the report's order. The full id goes into the metadata, as "case", with its verdict. Nothing is renamed where anything does not fit.
"""
import glob
import json
import os
import re
import sys


def safe(case):
    """softmax[t=3,n=17] as softmax.t3.n17; values of words keep their key."""
    return re.sub(r"=(?=\d)", "", case).replace("[", ".").replace(",", ".").replace("]", "").replace("=", "-")


def describe(path, facts):
    with open(path, "rb") as file:
        data = file.read()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    header["__metadata__"] |= facts
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + size:]


def judged(report):
    try:
        with open(report, encoding="utf-8") as file:
            return [case for case in json.load(file)["cases"] if case["verdict"] != "SKIP"]
    except (OSError, ValueError) as error:
        sys.exit(f"pair.py: {report} is no report: {error}")


def pairs(report, folder):
    """Path, kind, case and new path of each call."""
    cases, kept, found = judged(report), sorted(glob.glob(os.path.join(glob.escape(folder), "[0-9][0-9][0-9][0-9].*"))), []
    if len(kept) != len(cases):
        sys.exit(f"pair.py: {len(kept)} calls in {folder} and {len(cases)} cases in {report} that are not SKIP")
    for path, case in zip(kept, cases):
        _, op, kind = os.path.basename(path).split(".")
        if op != case["id"].partition("[")[0]:
            sys.exit(f"pair.py: {path} is not of {case['id']}")
        found.append((path, kind, case, os.path.join(folder, safe(case["id"]) + "." + kind)))
    places = [place for *_, place in found]
    for place in places:
        if places.count(place) > 1 or os.path.exists(place):
            sys.exit(f"pair.py: {place} would hold two calls")
    return found


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: pair.py REPORT.json FOLDER")
    for old, kind, case, new in pairs(*sys.argv[1:]):
        if kind == "safetensors":
            data = describe(old, {"case": case["id"], "verdict": case["verdict"]})
            with open(new, "wb") as file:
                file.write(data)
            os.remove(old)
        else:
            os.rename(old, new)
