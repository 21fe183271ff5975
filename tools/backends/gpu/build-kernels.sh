#!/usr/bin/env bash
# Builds what the workers of this folder call out of the sources of DeepGEMM and FlashMLA, in place, where pip and git reach nothing:
#   tools/backends/gpu/build-kernels.sh DEEPGEMM FLASHMLA        # then: PYTHONPATH=DEEPGEMM:FLASHMLA
# DEEPGEMM has third-party/cutlass and third-party/fmt, FLASHMLA csrc/cutlass. Of FlashMLA the dense decoding for SM90 in BF16 is built, behind a module with that one function:
# its own setup.py takes minutes for kernels that no worker calls. No file of either is changed.
set -euo pipefail
deepgemm=$(cd "${1:?usage: build-kernels.sh DEEPGEMM FLASHMLA}" && pwd) flashmla=$(cd "${2:?usage: build-kernels.sh DEEPGEMM FLASHMLA}" && pwd)
python=${PYTHON:-python3}
command -v nvcc >/dev/null || PATH="$PATH:/usr/local/cuda/bin"
for tool in nvcc g++ "$python"; do
  command -v "$tool" >/dev/null || { echo "build-kernels.sh: $tool is not on the path" >&2; exit 2; }
done
cuda=$(dirname "$(dirname "$(readlink -f "$(command -v nvcc)")")")
torch=$("$python" -c 'import torch, os; print(os.path.dirname(torch.__file__))')
headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
# cuBLAS's header lies with CUDA, or in the package that PyTorch installed.
first() {
  local found
  found=$(find -L "$cuda/include" "$cuda/lib64" "$cuda/lib" "$torch/../nvidia" -name "$1" 2>/dev/null || true)
  found=${found%%$'\n'*}
  [ -n "$found" ] || { echo "build-kernels.sh: no $1 beside CUDA or PyTorch" >&2; return 1; }
  echo "$found"
}
cublas=$(first cublasLt.h)
cublas=$(dirname "$cublas")
nvrtc=$(first 'libnvrtc.so*')
cudart=$(first 'libcudart.so*')
common=(-std=c++20 -O1 -fPIC -w -I "$headers" -isystem "$torch/include" -isystem "$torch/include/torch/csrc/api/include" -isystem "$cuda/include" -isystem "$cuda/include/cccl" -isystem "$cublas")
libraries=(-L "$torch/lib" -Wl,-rpath,"$torch/lib" -ltorch_python -ltorch -ltorch_cuda -ltorch_cpu -lc10 -lc10_cuda "$cudart" -Wl,-rpath,"$(dirname "$cudart")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

deep_gemm() {
  local here=$deepgemm
  ln -sfn "$here/third-party/cutlass/include/cutlass" "$here/deep_gemm/include/cutlass"
  ln -sfn "$here/third-party/cutlass/include/cute" "$here/deep_gemm/include/cute"
  g++ "${common[@]}" -shared -DTORCH_EXTENSION_NAME=_C -I "$here/deep_gemm/include" -I "$here/third-party/cutlass/include" -I "$here/third-party/fmt/include" \
    "$here/csrc/python_api.cpp" -o "$work/_C.so" "${libraries[@]}" "$nvrtc" -Wl,-rpath,"$(dirname "$nvrtc")"
  mv "$work/_C.so" "$here/deep_gemm/_C.so"
}

flash_mla() {
  local here=$flashmla/csrc waits=() objects=() unit
  local include=(-I "$here" -I "$here/kerutils/include" -I "$here/sm90" -I "$here/cutlass/include" -I "$here/cutlass/tools/util/include")
  cat >"$work/api.cpp" <<'CPP'
#include <pybind11/pybind11.h>
#include "api/dense_decode.h"
PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def("dense_decode_fwd", &dense_attn_decode_interface); }
CPP
  g++ "${common[@]}" -c -DTORCH_EXTENSION_NAME=cuda -DFLASH_MLA_DISABLE_FP16 "${include[@]}" "$work/api.cpp" -o "$work/api.o" & waits+=($!)
  # The options for device code are those of FlashMLA's setup.py.
  for unit in smxx/decode/get_decoding_sched_meta/get_decoding_sched_meta smxx/decode/combine/combine sm90/decode/dense/instantiations/bf16; do
    objects+=("$work/$(basename "$unit").o")
    nvcc -w -O3 -std=c++20 -DNDEBUG -D_USE_MATH_DEFINES -DFLASH_MLA_DISABLE_FP16 -Xcompiler -fPIC -U__CUDA_NO_HALF_OPERATORS__ -U__CUDA_NO_HALF_CONVERSIONS__ -U__CUDA_NO_BFLOAT16_CONVERSIONS__ \
      --expt-relaxed-constexpr --expt-extended-lambda --use_fast_math --ptxas-options=--register-usage-level=10 -gencode arch=compute_90a,code=sm_90a \
      -isystem "$torch/include" -isystem "$torch/include/torch/csrc/api/include" -I "$headers" "${include[@]}" -c "$here/$unit.cu" -o "${objects[-1]}" & waits+=($!)
  done
  local failed=
  for unit in "${waits[@]}"; do wait "$unit" || failed=1; done
  [ -z "$failed" ]
  g++ -shared "$work/api.o" "${objects[@]}" -o "$work/cuda.so" "${libraries[@]}"
  mv "$work/cuda.so" "$flashmla/flash_mla/cuda.so"
}

deep_gemm & one=$!
flash_mla & other=$!
failed=
wait "$one" || { echo "build-kernels.sh: DeepGEMM was not built" >&2; failed=1; }
wait "$other" || { echo "build-kernels.sh: FlashMLA was not built" >&2; failed=1; }
[ -z "$failed" ]
