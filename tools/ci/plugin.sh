#!/usr/bin/env bash
# Compiles the host of plug-ins, the sample plug-in and its hostile variants into artifacts/plugin.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
out="$root/artifacts/plugin"
rm -rf "$out" && mkdir -p "$out"
cd "$root"
strict=(-O2 -Wall -Wextra -Werror)
plugin=("${strict[@]}" -std=gnu11 -shared -fPIC -ffp-contract=off -I src/DeepSeek.Reference/Backends/Native)
samples=(tools/backends/c/plugin.c tools/backends/c/operations.c)

cc "${strict[@]}" -std=gnu11 -ffp-contract=off -o "$out/dsref-host" tools/backends/host/{host,memory,call,json,generate,sha256}.c -ldl -lm
cc "${plugin[@]}" -std=c11 -o "$out/sample.so" "${samples[@]}" -lm
for how in CRASH HANG OVERRUN LIE VERSION HOLES WANT PAD LEAK TWICE INPUT NOTHING FULL; do
  cc "${plugin[@]}" -DHOW=$how -Ddsref_backend_get=sample_backend_get -c -o "$out/plugin.o" tools/backends/c/plugin.c
  cc "${plugin[@]}" -DHOW=$how -o "$out/${how,,}.so" tests/External/workers/hostile.c "$out/plugin.o" tools/backends/c/operations.c -lm
done
# The header stands alone, in C and in C++.
echo '#include "deepseek_backend.h"' >"$out/alone.c"
cc -std=c11 -pedantic "${strict[@]}" -I src/DeepSeek.Reference/Backends/Native -c -o "$out/alone.o" "$out/alone.c"
cp "$out/alone.c" "$out/alone.cpp"
g++ -std=c++17 -pedantic "${strict[@]}" -I src/DeepSeek.Reference/Backends/Native -c -o "$out/alone.o" "$out/alone.cpp"
cc "${strict[@]}" -shared -fPIC -o "$out/empty.so" -x c - <<<'int nothing_of_interest;'
