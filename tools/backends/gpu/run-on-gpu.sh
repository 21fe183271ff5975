#!/usr/bin/env bash
# Everything that a GPU is wanted for, on a machine with a Hopper GPU and CUDA, from the folder that pack.sh made (or from a tree where dsref is on the path):
#   ./run-on-gpu.sh OUT [--kernel-py FILE] [--only PARTS] [--level quick|full] [--small] [--dry-run]
# It builds the plug-in and the capture program with nvcc, captures the matrix unit, judges the plug-in and those of DeepGEMM, FlashMLA and Triton that Python finds, and leaves
# OUT/h100: captures, reports, provenance.json and a README with a table, as golden/hardware/h100 keeps them. --small takes a few small cases, to try the script; --dry-run prints the commands.
# From the environment: SEED and TILES of the captures (1 and 512); DEEP_GEMM and FLASH_MLA, their commits, where no git tells; PYTHON; KEEP, a folder for FlashMLA's results (README.md).
# Parts: capture, plugin, deep-gemm, flash-mla, triton; they run at the same time. Without --only all of them.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=${1:?usage: run-on-gpu.sh OUT [--kernel-py FILE] [--only PARTS] [--level quick|full] [--small] [--dry-run]}
shift
kernel_py= level=quick dry= small= only=
while [ $# -gt 0 ]; do
  case $1 in
    --kernel-py) kernel_py=${2:?--kernel-py needs a file}; shift ;;
    --only) only=${2:?--only needs parts}; shift ;;
    --level) level=${2:?--level needs quick or full}; shift ;;
    --dry-run) dry=1 ;;
    --small) small=1 ;;
    *) echo "run-on-gpu.sh: what is '$1'?" >&2; exit 2 ;;
  esac
  shift
done

run() {
  echo "+ $*" >&2
  [ -n "$dry" ] || "$@"
}
python=${PYTHON:-python3}
dsref=$root/bin/dsref
[ -x "$dsref" ] || dsref=dsref
result=$out/h100 work=$out/work
mkdir -p "$result/captures" "$result/verify" "$work"
command -v nvcc >/dev/null || PATH="$PATH:/usr/local/cuda/bin"
for tool in nvcc nvidia-smi cc "$python"; do
  command -v "$tool" >/dev/null || { echo "run-on-gpu.sh: $tool is not on the path" >&2; exit 2; }
done

# 1. Where this was.
query() { nvidia-smi --query-gpu="$1" --format=csv,noheader | head -1; }
# Of the clone that a module was installed from; another repository that it happens to lie in is none.
commit_of() { "$python" - "$1" "$2" <<'PY' 2>/dev/null || echo unknown
import importlib.util, os, subprocess, sys
place = os.path.dirname(importlib.util.find_spec(sys.argv[1]).origin)
ask = lambda *words: subprocess.check_output(["git", "-C", place, *words], text=True, stderr=subprocess.DEVNULL).strip()
if os.path.basename(ask("rev-parse", "--show-toplevel")) != sys.argv[2]:
    sys.exit(1)
print(ask("rev-parse", "HEAD"))
PY
}
has() { "$python" -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$1') is None)"; }
own=$(cat "$root/COMMIT" 2>/dev/null || git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)
export GPU_NAME DRIVER CUDA OWN DEEP_GEMM FLASH_MLA
GPU_NAME=$(query name) DRIVER=$(query driver_version) CUDA=$(nvcc --version | tail -1) OWN=$own DEEP_GEMM=${DEEP_GEMM:-$(commit_of deep_gemm DeepGEMM)} FLASH_MLA=${FLASH_MLA:-$(commit_of flash_mla FlashMLA)}
"$python" - "$result/provenance.json" "$kernel_py" <<'PY'
import datetime, hashlib, json, os, sys
names = {"gpu": "GPU_NAME", "driver": "DRIVER", "cuda": "CUDA", "commit": "OWN", "deep_gemm": "DEEP_GEMM", "flash_mla": "FLASH_MLA"}
facts = {key: os.environ[name] for key, name in names.items()}
facts["kernel_py"] = hashlib.sha256(open(sys.argv[2], "rb").read()).hexdigest() if sys.argv[2] else "none"
facts["date"] = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
for module in ("torch", "triton"):
    try:
        facts[module] = __import__(module).__version__
    except Exception as error:
        facts[module] = f"not there ({type(error).__name__})"
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(facts, file, indent=1)
    file.write("\n")
PY

# 2. What is run: what builds, then judges. A verdict below NOISE is a finding, not an error of this script: what a run exits with is kept beside its report.
backends=$root/tools/backends
wants() { [ -z "$only" ] || [[ ",$only," == *",$1,"* ]]; }
judge() {
  local name=$1 backend=$2
  shift 2
  echo "+ dsref verify --backend \"$backend\" --json $*" >&2
  [ -z "$dry" ] || return 0
  local status=0
  "$dsref" verify "$@" --backend "$backend" --json >"$result/verify/$name.json" 2>"$result/verify/$name.log" || status=$?
  echo "$name: exit $status" | tee -a "$result/verify/exits"
}
products() { # N K pairs of DeepSeek-V3: q_a, kv_a, q_b, o_proj, gate and up of an expert, its down
  local m nk
  for m in 1 128 4096; do for nk in 1536,7168 576,7168 24576,1536 4096,7168 7168,2048; do echo "gemm_fp8[m=$m,n=${nk%,*},k=${nk#*,},contract=hopperfp8${1:-}]"; done; done
}
mapfile -t shapes < <(products)
mapfile -t triton < <(products ,product=triton-fp8-gemm-mma)
mapfile -t triton_wide < <(products ,product=triton-fp8-gemm | tac)
special=() act_quant=()
for map in outlier logspread boundary special; do special+=("gemm_fp8[m=128,n=576,k=7168,map=$map,contract=hopperfp8]"); done
for map in bell outlier logspread boundary special; do act_quant+=("quantize[t=128,k=7168,arithmetic=tritonactquanthopper,x=bf16,map=$map,scales=ue8m0]"); done # F32 scales are in the catalogue
contiguous=("m_grouped_gemm_fp8_contiguous[r=4096,g=8,n=4096,k=7168,align=128,contract=hopperfp8]" "m_grouped_gemm_fp8_contiguous[r=4096,g=8,n=7168,k=2048,align=128,contract=hopperfp8]")
masked=("m_grouped_gemm_fp8_masked[m=256,g=8,n=4096,k=7168,contract=hopperfp8]" "m_grouped_gemm_fp8_masked[m=256,g=8,n=7168,k=2048,contract=hopperfp8]")
gradients=("scaled_linear[t=4096,n=7168,k=8192,product=deepgemm-sm90-wgrad,rows=yes,add=yes]")
wide=()
for nk in 1536,7168 2048,1024; do for m in 1 128 4096; do wide+=("linear[t=$m,n=${nk%,*},k=${nk#*,},x=bf16,weight=bf16,y=bf16,sum=hopper-wgmma-bf16-f32]"); done; done
decode=()
processors=$("$python" -c 'import torch; print(torch.cuda.get_device_properties(0).multi_processor_count)' 2>/dev/null || echo 132)
for t in 1 17 64 65 129 257 449 4096 16384; do
  for s in 1 2; do
    [ "$t" -lt "$s" ] || for h in 16 128; do
      cut=$((processors / ((s * h + 63) / 64)))
      decode+=("attention[s=$s,t=$t,h=$h,hk=1,d=576,dv=512,latent=yes,q=bf16,keys=bf16,y=bf16,lse=yes,scale=0.1352337,schedule=flashmlahopper,parts=$((cut > 1 ? cut : 1))]")
    done
  done
done
own_kernels=(scaled_linear linear quantize rms_norm gate --level "$level")
torch_kernels=(quantize dequantize rms_norm --level "$level")
if [ -n "$small" ]; then
  shapes=("gemm_fp8[m=3,n=24,k=160,contract=hopperfp8]") special=() act_quant=()
  triton=("gemm_fp8[m=3,n=24,k=160,contract=hopperfp8,product=triton-fp8-gemm]") triton_wide=()
  contiguous=("m_grouped_gemm_fp8_contiguous[r=256,g=2,n=16,k=160,align=128,contract=hopperfp8]") masked=("m_grouped_gemm_fp8_masked[m=6,g=2,n=16,k=160,contract=hopperfp8]")
  wide=("linear[t=3,n=24,k=64,x=bf16,weight=bf16,y=bf16,sum=hopper-wgmma-bf16-f32]")
  gradients=("scaled_linear[t=5,n=24,k=256,product=deepgemm-sm90-wgrad,rows=yes,add=yes]")
  decode=("attention[s=1,t=100,h=4,hk=1,d=576,dv=512,latent=yes,q=bf16,keys=bf16,y=bf16,lse=yes,scale=0.1352337,schedule=flashmlahopper,parts=132]")
  own_kernels=("rms_norm[t=3,n=67]" "quantize[t=3,k=131]") torch_kernels=("quantize[t=3,k=256,arithmetic=tritonactquanthopper]" "rms_norm[t=3,n=67]")
fi

capture() { run bash "$backends/cuda/capture/run.sh" "$result/captures" "${SEED:-1}" "${TILES:-512}"; }
plugin() {
  run cc -O2 -std=gnu11 -ffp-contract=off -o "$work/dsref-host" "$backends"/host/{host,memory,call,json,generate,sha256}.c -ldl -lm
  run nvcc -std=c++17 -O2 -fmad=false -gencode=arch=compute_90a,code=sm_90a -shared -Xcompiler -fPIC -I "$root/src/DeepSeek.Reference/Backends/Native" -o "$work/libdsref_cuda.so" \
    "$backends"/cuda/{plugin.cpp,operations.cpp,driver_cuda.cu}
  judge plugin "$work/dsref-host $work/libdsref_cuda.so" "${own_kernels[@]}" --modes eager,perturb
  judge plugin-shapes "$work/dsref-host $work/libdsref_cuda.so" "${shapes[@]}" "${wide[@]}" --repeat 1
}
deep_gemm() {
  has deep_gemm || return 0
  # Each shape is compiled when it first comes: side by side, they wait for no other.
  local worker="$python $here/deep_gemm_worker.py" waits=()
  judge deep-gemm "$worker" "${shapes[@]}" "${special[@]}" --repeat 2 & waits+=($!)
  judge deep-gemm-grouped "$worker" "${contiguous[@]}" "${masked[@]}" "${gradients[@]}" --repeat 2 & waits+=($!)
  judge deep-gemm-bf16 "$worker" "${wide[@]}" --repeat 2 & waits+=($!)
  judge deep-gemm-k-grouped "$worker --k-grouped" "${gradients[@]}" --repeat 2 & waits+=($!)
  wait "${waits[@]}"
}
flash_mla() { ! has flash_mla || judge flash-mla "$python $here/flash_mla_worker.py" "${decode[@]}" --repeat 2 --accept bound; }
triton() { [ -z "$kernel_py" ] || ! has torch || {
  # fp8_gemm tunes itself for each N and K when it first meets them, with one row or with many.
  local worker="$python $here/torch_worker.py $kernel_py" waits=()
  judge triton "$worker" "${torch_kernels[@]}" "${act_quant[@]}" "${triton[@]}" --repeat 2 & waits+=($!)
  [ ${#triton_wide[@]} -eq 0 ] || judge triton-wide "$worker" "${triton_wide[@]}" --repeat 2 & waits+=($!)
  wait "${waits[@]}"
}; }

# 3. All parts at once. One that fails leaves the others alone; the script ends with 1.
parts=() failed=
for part in capture plugin deep-gemm flash-mla triton; do
  wants "$part" || continue
  "${part//-/_}" & parts+=("$!:$part")
done
for part in "${parts[@]}"; do wait "${part%%:*}" || { echo "run-on-gpu.sh: ${part#*:} failed" >&2; failed=1; }; done

# 4. What is kept.
tables=()
for pair in CUDA=plugin CUDA=plugin-shapes DeepGEMM=deep-gemm DeepGEMM=deep-gemm-bf16 DeepGEMM=deep-gemm-grouped DeepGEMM=deep-gemm-k-grouped FlashMLA=flash-mla Triton=triton Triton=triton-wide; do
  report=$result/verify/${pair#*=}.json
  [ ! -s "$report" ] || tables+=("${pair%%=*}=$report")
done
{
  echo "# $GPU_NAME"
  echo
  echo "Made by tools/backends/gpu/run-on-gpu.sh; provenance.json says where and by what. captures: [docs/spec/capture.md](../../../docs/spec/capture.md). verify: reports of \`dsref verify --json\`."
  echo
  [ ${#tables[@]} -eq 0 ] || "$python" "$here/table.py" "${tables[@]}"
} >"$result/README.md"
for report in "$result"/verify/*.json; do [ ! -e "$report" ] || gzip -9f "$report"; done
echo "done: copy $result to golden/hardware/h100" >&2
[ -z "$failed" ]
