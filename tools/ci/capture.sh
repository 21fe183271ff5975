#!/usr/bin/env bash
# The capture program's generator and model in C++, and the library's reader and model, on the same dot products: every bit must agree.
#   tools/ci/capture.sh [TILES]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
tiles=${1:-28}
work="$root/artifacts/capture"
rm -rf "$work" && mkdir -p "$work/one" "$work/chain" "$work/explicit"

command -v g++ >/dev/null || { echo "g++ is not installed; run tools/ci/install.sh" >&2; exit 5; }
g++ -std=c++17 -O2 -pthread -Wall -Wextra -Werror "$root/tools/backends/cuda/capture/host.cpp" -o "$work/capture-host"
g++ -std=c++20 -O2 -Wall -Wextra -Werror "$root/tools/backends/cuda/capture/emulated.cpp" -o "$work/capture-emulated"
"$work/capture-host" layout
"$work/capture-emulated"
"$work/capture-host" digests 0x0123456789abcdef 126 2 >"$work/inputs.jsonl"
cmp "$work/inputs.jsonl" "$root/golden/hardware/inputs.jsonl"
"$work/capture-host" synthetic 1 "$tiles" 1 "$work/one"
"$work/capture-host" synthetic 0xfedcba9876543210 "$tiles" 4 "$work/chain"
"$work/capture-host" explicit 7 14 1 "$work/explicit"
"$work/capture-host" sweep 65536 "$work/some.sweep"
dotnet run -c Release --project "$root/tools/dsref" -- capture "$work/one" "$work/chain" "$work/explicit" "$work/some.sweep"
