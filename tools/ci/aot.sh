#!/usr/bin/env bash
# Runs dsref compiled ahead of time: tools/ci/aot.sh INSTRUCTION_SET verify --level quick
# INSTRUCTION_SET is the compiler's: native, x86-64-v4, x86-64-v3, or default (no vectors wider than 128 bits, no fma).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
set_name=$1
shift
work="$root/artifacts/aot-$set_name"
mkdir -p "$work"

command -v gcc >/dev/null || { echo "gcc is not installed; run tools/ci/install.sh" >&2; exit 5; }

options=(-p:PublishAot=true -p:CppCompilerAndLinker=gcc -p:TrimmerSingleWarn=false -p:TreatWarningsAsErrors=false -p:StripSymbols=false -p:PackAsTool=false)
[ "$set_name" = default ] || options+=("-p:IlcInstructionSet=$set_name")
dotnet publish "$root/tools/dsref" -c Release -r linux-x64 --artifacts-path "$work/build" -o "$work/dsref" "${options[@]}" >"$work/publish.log" 2>&1 || { cat "$work/publish.log" >&2; exit 5; }

# What a consumer's trimmer would say of the library itself; the tool's own dependencies may grumble.
if grep -E 'warning IL[0-9]+' "$work/publish.log" | grep -E 'src/DeepSeek\.Reference/|: DeepSeek\.Reference\.[^T]' >&2; then
  echo "the library is not trim- and AOT-clean" >&2
  exit 5
fi

started=$SECONDS
status=0
timeout 480 "$work/dsref/dsref" "$@" || status=$?
echo "dsref $* ahead of time for $set_name: exit $status after $((SECONDS - started)) s" >&2
exit "$status"
