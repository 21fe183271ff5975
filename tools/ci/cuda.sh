#!/usr/bin/env bash
# The CUDA plug-in without a GPU: its host side and kernels on fibers of the host, into artifacts/cuda; and clang's reading of the device code, into PTX that must hold the matrix instructions.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
out="$root/artifacts/cuda"
rm -rf "$out" && mkdir -p "$out"
cd "$root"
cuda=tools/backends/cuda
for tool in g++ clang++-19; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed; run tools/ci/install.sh" >&2; exit 5; }
done

g++ -std=c++20 -O2 -Wall -Wextra -Werror -ffp-contract=off -shared -fPIC -I src/DeepSeek.Reference/Backends/Native -o "$out/libcuda_fake.so" \
  $cuda/plugin.cpp $cuda/operations.cpp $cuda/fake/driver_fake.cpp
for source in driver_cuda.cu capture/capture.cu; do
  ptx="$out/$(basename "$source" .cu).ptx"
  clang++-19 -x cuda --cuda-device-only -nocudainc -nocudalib --cuda-gpu-arch=sm_90a --cuda-feature=+ptx80 -std=c++17 -O2 -Wall -Wextra -Wno-unused-const-variable -Wno-unused-function \
    -I tests/External/cuda -include tests/External/cuda/cuda_runtime.h -S -o "$ptx" "$cuda/$source"
  echo "$source: $(grep -c '^\.visible \.entry\|^\.entry' "$ptx") kernels, $(grep -o 'wgmma\.mma_async\.[a-z0-9.]*' "$ptx" | sort -u | wc -l) kinds of wgmma"
done
for instruction in wgmma.mma_async.sync.aligned.m64n8k32.f32.e4m3.e4m3 wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 cvt.rn.satfinite.e4m3x2.f32 fence.proxy.async.shared::cta; do
  grep -q "$instruction" "$out/driver_cuda.ptx" || { echo "driver_cuda.ptx holds no $instruction" >&2; exit 1; }
done
