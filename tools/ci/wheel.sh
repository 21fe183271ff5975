#!/usr/bin/env bash
# Builds the wheel from artifacts/libdsref (tools/ci/libdsref.sh), installs it into an environment of its own and runs the example tests there: no .NET, no network.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
work="$root/artifacts/wheel"
library="$root/artifacts/libdsref/libdsref.so"
python=/usr/bin/python3
[ -e "$library" ] || "$root/tools/ci/libdsref.sh"
rm -rf "$work" && mkdir -p "$work"

wheel=$("$python" "$root/tools/python/build_wheel.py" "$library" "$work")
# Debian's numpy and pytest are seen from inside; the modules come from the wheel alone, since the tests run elsewhere.
"$python" -m venv --system-site-packages "$work/venv"
"$work/venv/bin/python" -m pip install -q --no-index --no-deps --disable-pip-version-check "$wheel"
mkdir "$work/tests"
cp "$root"/tests/External/python/test_*.py "$work/tests/"
cd "$work/tests"
env -i PATH=/usr/bin:/bin HOME="$work" "$work/venv/bin/python" -m pytest -q -p no:cacheprovider .
echo "$(basename "$wheel"): $(stat -c %s "$wheel") bytes"
