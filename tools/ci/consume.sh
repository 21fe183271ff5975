#!/usr/bin/env bash
# Packs the library and the tool, installs both from that folder into an empty project, and runs the README's quickstart and the tool there.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
packages="$root/artifacts/packages"
empty=$(mktemp -d)
trap 'rm -rf "$empty"' EXIT
rm -rf "$packages"

dotnet pack "$root/src/DeepSeek.Reference" -c Release -o "$packages" -v q
dotnet pack "$root/tools/dsref" -c Release -o "$packages" -v q
version=$(basename "$packages"/DeepSeek.Reference.*.nupkg .nupkg | sed 's/^DeepSeek\.Reference\.//')

# What is packed is what was tested, with its documentation and this repository's README.
unpacked="$root/artifacts/unpacked"
rm -rf "$unpacked"
python3 -m zipfile -e "$packages/DeepSeek.Reference.$version.nupkg" "$unpacked"
cmp "$unpacked/lib/net10.0/DeepSeek.Reference.dll" "$root/src/DeepSeek.Reference/bin/Release/net10.0/DeepSeek.Reference.dll"
cmp "$unpacked/README.md" "$root/README.md"
[ -s "$unpacked/lib/net10.0/DeepSeek.Reference.xml" ]
# Plug-ins are compiled against the header of the same package.
cmp "$unpacked/include/deepseek_backend.h" "$root/src/DeepSeek.Reference/Backends/Native/deepseek_backend.h"
echo '#include "deepseek_backend.h"' | cc -std=c11 -pedantic -Wall -Werror -I "$unpacked/include" -fsyntax-only -x c -

# A package cache of its own: an older build of the same version must not be what is tested.
export NUGET_PACKAGES="$empty/cache"
mkdir "$empty/consumer"
cd "$empty/consumer"
cat >nuget.config <<CONFIG
<configuration><packageSources><add key="packed" value="$packages" /></packageSources></configuration>
CONFIG
dotnet new console -o . -v q >/dev/null
dotnet add package DeepSeek.Reference --version "$version" >/dev/null
"$root/tools/ci/quickstart.sh" >Program.cs
dotnet run -c Release -- "$root/golden/oracles/fp32_short" | tee quickstart.txt
grep -Eqx '[0-9a-f]{64}' quickstart.txt || { echo "the quickstart printed no SHA-256 of its logits" >&2; exit 1; }
want=$(sed -n 's/^.*fp32_short.* prints `\([0-9a-f]\{64\}\)`.*$/\1/p' "$root/README.md")
grep -qx "$want" quickstart.txt || { echo "README.md promises $want" >&2; exit 1; }

dotnet tool install dsref --version "$version" --tool-path "$empty/tools" >/dev/null
"$empty/tools/dsref" --help >/dev/null
"$empty/tools/dsref" verify --filter 'fp32_short|linear'
