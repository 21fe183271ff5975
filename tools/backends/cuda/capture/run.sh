#!/usr/bin/env bash
# Builds the capture program on a machine with a Hopper GPU, runs every instruction, and packs what came out:
#   tools/backends/cuda/capture/run.sh OUT [SEED [TILES]]
# OUT gets five archives of a few MB. With 512 tiles, each instruction gives 262,144 dot products of one step and as many of four.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:?usage: run.sh OUT [SEED [TILES]]}
seed=${2:-1}
tiles=${3:-512}
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

command -v nvcc >/dev/null || PATH="$PATH:/usr/local/cuda/bin"
make -s -C "$here" OUT="$work" all
driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -1)
mkdir "$work/files"
for steps in 1 4; do
  "$work/capture" --out "$work/files" --seed "$seed" --tiles "$tiles" --steps "$steps" --driver "$driver" --no-scalars
done
"$work/capture" --out "$work/files" --count $((1 << 18)) --driver "$driver" --no-dots
# Zeros, infinities and every power of two, of both signs; then a digest of every argument.
mkdir "$work/files/special"
"$work/capture" --out "$work/files/special" --first 0 --step 0x00800000 --count 512 --driver "$driver" --no-dots
"$work/capture" --out "$work/files" --sweep --driver "$driver"

pack() {
  local name=$1
  shift
  tar -C "$work/files" -czf "$work/$name.tar.gz" "$@"
  mv "$work/$name.tar.gz" "$out/$name.tar.gz"
}
cd "$work/files"
pack wgmma-fp8 wgmma.k32.*
pack wgmma-wide wgmma.k16.* wgmma.k8.*
pack mma-fp8 mma.k32.*
pack mma-wide mma.k16.* mma.k8.* mma.k4.*
pack scalar cvt.* rcp* rsqrt* ex2* lg2* tanh* special every-argument.sweep
ls -l "$out"
