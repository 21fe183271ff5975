#!/usr/bin/env bash
# Builds the library again from nothing and compares it, byte by byte, with what was built before.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
built="$root/src/DeepSeek.Reference/bin/Release/net10.0/DeepSeek.Reference.dll"
kept="$root/artifacts/first-build.dll"
[ -e "$built" ] || { echo "$built is not there; build first" >&2; exit 1; }
mkdir -p "$root/artifacts"
cp "$built" "$kept"
dotnet build "$root/src/DeepSeek.Reference" -c Release --no-incremental -v q
cmp "$kept" "$built"
sha256sum "$built" | cut -d' ' -f1
