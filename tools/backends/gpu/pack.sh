#!/usr/bin/env bash
# Packs what a machine with a GPU needs into one folder, without .NET: the tool, self-contained, and everything that run-on-gpu.sh builds and runs.
#   tools/backends/gpu/pack.sh OUT
# OUT/dsref-gpu is then copied there (rsync, docker cp) and holds its own run-on-gpu.sh.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
out=${1:?usage: pack.sh OUT}
mkdir -p "$out"
folder=$(cd "$out" && pwd)/dsref-gpu
rm -rf "$folder" && mkdir -p "$folder/tools" "$folder/bin" "$folder/src/DeepSeek.Reference/Backends/Native"

dotnet publish "$root/tools/dsref" -c Release -r linux-x64 --self-contained --artifacts-path "$folder/build" -o "$folder/bin" -v q \
  -p:PublishTrimmed=true -p:PublishSingleFile=true -p:PackAsTool=false -p:DebugType=none -p:TrimmerSingleWarn=false -p:TreatWarningsAsErrors=false >"$folder/publish.log" 2>&1 || { cat "$folder/publish.log" >&2; exit 1; }
rm -rf "$folder/build" "$folder/publish.log" "$folder"/bin/*.pdb "$folder"/bin/*.xml
cp -r "$root/tools/backends" "$root/tools/python" "$folder/tools/"
rm -rf "$folder/tools/backends/faulty" "$folder"/tools/python/__pycache__
cp "$root/src/DeepSeek.Reference/Backends/Native/deepseek_backend.h" "$folder/src/DeepSeek.Reference/Backends/Native/"
cp "$root/LICENSE" "$folder/"
git -C "$root" rev-parse HEAD >"$folder/COMMIT" 2>/dev/null || echo unknown >"$folder/COMMIT"
ln -s tools/backends/gpu/run-on-gpu.sh "$folder/run-on-gpu.sh"
du -sm "$folder" | awk '{ print $1 " MB in " $2; exit $1 >= 60 }' || { echo "the folder is to stay under 60 MB" >&2; exit 1; }
