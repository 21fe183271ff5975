#!/usr/bin/env bash
# Prints the C# of README.md's quickstart: its first csharp block.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
awk '/^```csharp$/ { inside = 1; next } /^```$/ && inside { exit } inside' "$root/README.md"
