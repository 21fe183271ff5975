#!/usr/bin/env bash
# Compiles the reference into artifacts/libdsref: libdsref.so, ahead of time, and its headers. tools/ci/libdsref.sh [INSTRUCTION_SET]
# INSTRUCTION_SET is the compiler's, x86-64-v3 by default: AVX2 and fma, without which the library refuses to start.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
set_name=${1:-x86-64-v3}
work="$root/artifacts/libdsref"
mkdir -p "$work"

command -v gcc >/dev/null || { echo "gcc is not installed; run tools/ci/install.sh" >&2; exit 5; }

options=(-p:PublishAot=true -p:UseSharedCompilation=false -p:RunAnalyzers=false -p:NativeLib=Shared -p:CppCompilerAndLinker=gcc -p:TrimmerSingleWarn=false -p:TreatWarningsAsErrors=false -p:StripSymbols=true "-p:IlcInstructionSet=$set_name")
dotnet publish "$root/tools/libdsref" -c Release -r linux-x64 --artifacts-path "$work/build" -o "$work/publish" "${options[@]}" >"$work/publish.log" 2>&1 || { cat "$work/publish.log" >&2; exit 5; }
if grep -E 'warning IL[0-9]+' "$work/publish.log" | grep -E 'src/DeepSeek\.Reference/|tools/libdsref/' >&2; then
  echo "the library is not trim- and AOT-clean" >&2
  exit 5
fi

cp "$work/publish/libdsref.so" "$work/libdsref.so"
cp "$root/tools/libdsref/libdsref.h" "$root/src/DeepSeek.Reference/Backends/Native/deepseek_backend.h" "$work/"
# The header stands alone, in C and in C++.
for language in c c++; do
  gcc -x "$language" $([ "$language" = c ] && echo -std=c11 || echo -std=c++17) -pedantic -Wall -Wextra -Werror -I "$work" -fsyntax-only - <<<'#include "libdsref.h"'
done
# The oldest glibc that the library loads with: the newest version that a symbol asks for.
objdump -T "$work/libdsref.so" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1 | sed 's/GLIBC_//' >"$work/glibc"
nm -D --defined-only "$work/libdsref.so" | awk '$3 ~ /^dsref_/ { sub(/@.*/, "", $3); print $3 }' | sort >"$work/exports"
echo "libdsref.so for $set_name: $(stat -c %s "$work/libdsref.so") bytes, glibc $(cat "$work/glibc"), exports $(tr '\n' ' ' <"$work/exports")"
