#!/usr/bin/env bash
# PyTorch's own operators on a machine with a GPU, from the folder that pack.sh made (or from a tree where dsref is on the path):
#   tools/backends/gpu/eager.sh OUT [--small]
# OUT/eager, which must not be there yet: verify, reports of quick cases; outputs, what chosen cases gave, to be explained, with the report beside each folder; probes; exits, what each step ended with; provenance.json.
# From the environment: PYTHON (python3), DEVICE. Steps run side by side, eight at once; one that fails or lasts (100 s) stops no other. --small takes a few cases, to try the script: DEVICE=cpu tools/backends/gpu/eager.sh OUT --small.
set -uo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=${1:?usage: eager.sh OUT [--small]}
small=${2:-}
[ -z "$small" ] || [ "$small" = --small ] || { echo "eager.sh: what is '$small'?" >&2; exit 2; }
python=${PYTHON:-python3}
dsref=$root/bin/dsref
[ -x "$dsref" ] || dsref=dsref
for tool in "$dsref" "$python"; do
  command -v "$tool" >/dev/null || { echo "eager.sh: $tool is not on the path" >&2; exit 2; }
done
"$python" -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("torch") is None)' || { echo "eager.sh: $python has no torch" >&2; exit 2; }
worker="$python $here/eager_worker.py"
mkdir -p "$out" || exit 2
result=$(cd "$out" && pwd)/eager
[ ! -e "$result" ] || { echo "eager.sh: $result is there already, and calls that another run kept would be counted as this one's" >&2; exit 2; }
mkdir -p "$result"/{verify,outputs,probes} || exit 2
export PYTHONDONTWRITEBYTECODE=1 # steps side by side would write the same files

step() { # NAME COMMAND...: in the background, once fewer than eight run
  while [ "$(jobs -rp | wc -l)" -ge 8 ]; do wait -n; done
  { "${@:2}"; echo "$1: exit $?" >>"$result/exits"; } &
}
verify() { # NAME OPTIONS CASES...
  timeout -k 10 100 "$dsref" verify "${@:3}" --level quick --repeat 2 --backend "$worker $2" --json >"$result/verify/$1.json" 2>"$result/verify/$1.log"
}
outputs() { # NAME OPTIONS CASES...
  local status=0
  mkdir -p "$result/outputs/$1"
  KEEP=$result/outputs/$1 timeout -k 10 100 "$dsref" verify "${@:3}" --repeat 1 --modes eager --backend "$worker $2" --json >"$result/outputs/$1.json" 2>"$result/outputs/$1.log" || status=$?
  "$python" "$here/pair.py" "$result/outputs/$1.json" "$result/outputs/$1" 2>>"$result/outputs/$1.log" || echo "$1: not paired" >>"$result/exits"
  return $status
}
probe() { # NAME OPTIONS KERNEL
  timeout -k 10 100 "$dsref" probe --backend "$worker $2" --kernel "${@:3}" --json >"$result/probes/$1.json" 2>"$result/probes/$1.log"
}

# 1. What is kept first: it is what the machine is wanted for. At most some 64 KB an output.
wide=() fp8=() f32=()
for t in 16 128; do for n in 64 128; do for k in 1024 7168; do wide+=("linear[t=$t,n=$n,k=$k,x=bf16,weight=bf16,y=bf16,sum=hopper-wgmma-bf16-f32]"); done; done; done
wide+=("linear[t=128,n=64,k=1024,x=bf16,weight=bf16,sum=hopper-wgmma-bf16-f32]" "linear[t=1,n=1024,k=1024,x=bf16,weight=bf16,y=bf16,sum=hopper-wgmma-bf16-f32]")
for k in 1024 7168; do
  fp8+=("scaled_linear[t=128,n=128,k=$k,y=bf16]" "scaled_linear[t=128,n=128,k=$k]" "scaled_linear[t=128,n=128,k=$k,y=bf16,rows=yes]")
  f32+=("linear[t=16,n=64,k=$k]" "linear[t=128,n=128,k=$k]")
done
norms=("rms_norm[t=4,n=1024]" "rms_norm[t=16,n=1024]" "rms_norm[t=2,n=7168]" "rms_norm[t=4,n=1024,x=bf16,weight=bf16,y=bf16]" "rms_norm[t=4,n=7168,x=bf16,weight=bf16,y=bf16]"
  "rms_norm[t=4,n=7168,contract=huggingface]" "rms_norm[t=4,n=7168,x=bf16,y=bf16]")
elements=("swiglu[n=4096]" "swiglu[n=4096,gate=bf16,up=bf16,y=bf16]" "swiglu[n=4096,contract=huggingface]" "softmax[t=4,n=1024]" "softmax[t=16,n=256]" "softmax[t=2,n=7168]" "softmax[t=4,n=1024,x=bf16,y=bf16]"
  "log_softmax[t=4,n=1024]" "log_softmax[t=2,n=7168]" "cross_entropy[t=4,v=4096]" "gate[t=16,e=256,k=8,groups=8,kept=4]" "gate[t=16,e=256,k=8,groups=8,kept=4,contract=deepseekinference]")
f32_heads=("attention[s=128,t=128,h=2,hk=2,d=64,dv=64]" "attention[s=64,t=64,h=2,hk=2,d=192,dv=128,scale=0.1352337]")
bf16_heads=("attention[s=128,t=128,h=2,hk=2,d=64,dv=64,q=bf16,keys=bf16,values=bf16,y=bf16,rounding=probabilities]" "attention[s=256,t=256,h=2,hk=2,d=64,dv=64,q=bf16,keys=bf16,values=bf16,y=bf16,rounding=probabilities]"
  "attention[s=128,t=128,h=2,hk=2,d=192,dv=128,q=bf16,keys=bf16,values=bf16,y=bf16,scale=0.1352337,rounding=probabilities]")
heads_formula="attention[s=64,t=64,h=2,hk=2,d=192,dv=128,contract=huggingface]"
gradients=("linear_dgrad[t=16,n=1024,k=128]" "linear_dgrad[t=16,n=7168,k=64]" "linear_wgrad[t=1024,n=16,k=128]" "linear_wgrad[t=128,n=64,k=256]" "rms_norm_backward[t=4,n=1024]" "rms_norm_backward[t=2,n=7168]"
  "swiglu_backward[n=4096]" "cross_entropy_backward[t=4,n=4096]" "attention_backward[s=64,t=64,h=2,d=64,dv=64]" "attention_backward[s=32,t=32,h=2,d=192,dv=128,scale=0.1352337]" "embedding_backward[v=64,d=128,t=128]")
operations=(linear linear_dgrad linear_wgrad scaled_linear rms_norm rms_norm_backward swiglu swiglu_backward softmax log_softmax cross_entropy cross_entropy_backward attention attention_backward gate embedding embedding_backward add)
pads="1 128"
if [ -n "$small" ]; then
  wide=("linear[t=16,n=16,k=128,x=bf16,weight=bf16,y=bf16,sum=hopper-wgmma-bf16-f32]") fp8=("scaled_linear[t=16,n=16,k=128,y=bf16]" "scaled_linear[t=16,n=16,k=128,y=bf16,rows=yes]") f32=("linear[t=16,n=16,k=128]")
  norms=("${norms[0]}") elements=("softmax[t=3,n=17]" "gate[t=3,e=16,k=4,groups=4,kept=2]") gradients=("linear_dgrad[t=5,n=16,k=13]" "swiglu_backward[n=131]")
  f32_heads=("attention[s=5,t=5,h=2,hk=2,d=64,dv=64]") bf16_heads=("attention[s=5,t=5,h=2,hk=2,d=64,dv=64,q=bf16,keys=bf16,values=bf16,y=bf16,rounding=probabilities]") heads_formula="attention[s=5,t=5,h=2,hk=2,d=64,dv=64,contract=huggingface]"
  operations=(embedding add) pads=1
fi
step wide outputs wide "" "${wide[@]}"
step fp8 outputs fp8 "" "${fp8[@]}"
step fp8-fast outputs fp8-fast "--fp8 block-fast" "${fp8[@]}"
step f32 outputs f32 "" "${f32[@]}"
step tf32 outputs tf32 --tf32 "${f32[@]}"
step norms outputs norms "" "${norms[@]}"
step elements outputs elements "" "${elements[@]}"
step heads-math outputs heads-math "--sdpa math" "${f32_heads[@]}" "${bf16_heads[@]/,rounding=probabilities/}" "$heads_formula"
step heads-flash outputs heads-flash "--sdpa flash" "${bf16_heads[@]}"
step heads-efficient outputs heads-efficient "--sdpa efficient" "${f32_heads[@]}" "${bf16_heads[@]}"
step heads-cudnn outputs heads-cudnn "--sdpa cudnn" "${bf16_heads[@]}"
step gradients outputs gradients "" "${gradients[@]}"
step gradients-tf32 outputs gradients-tf32 --tf32 "${gradients[@]:0:4}"

# 2. How products add: one dot product as it is asked for, and in a tile of 128 x 128, for which libraries take other kernels.
for pad in $pads; do
  step linear-bf16-$pad probe linear-bf16-$pad "--pad $pad" linear-bf16
  step linear-f32-$pad probe linear-f32-$pad "--pad $pad" linear-f32
  step linear-tf32-$pad probe linear-tf32-$pad "--tf32 --pad $pad" linear-f32
  for kind in fast slow block rowwise; do step scaled-linear-$kind-$pad probe scaled-linear-$kind-$pad "--fp8 $kind --pad $pad" scaled-linear; done
done

# 3. Quick cases of every operation.
for name in "${operations[@]}"; do step "$name" verify "$name" "" "$name"; done
[ -n "$small" ] || step linear-reduced verify linear-reduced --reduced linear
wait

"$python" - "$result/provenance.json" "$(cat "$root/COMMIT" 2>/dev/null || git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)" <<'PY'
import datetime, json, sys
import torch
facts = {"commit": sys.argv[2], "torch": torch.__version__, "cuda": torch.version.cuda or "none", "git": torch.version.git_version, "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}
if torch.cuda.is_available():
    facts |= {"gpu": torch.cuda.get_device_name(0), "cudnn": str(torch.backends.cudnn.version())}
    try:
        from importlib.metadata import distributions
        facts |= {name: d.version for d in distributions() if (name := d.metadata["Name"] or "").startswith("nvidia-")}
    except Exception as error:
        facts["packages"] = type(error).__name__
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(facts, file, indent=1)
    file.write("\n")
PY
described=$?
sort -o "$result/exits" "$result/exits"
du -sh "$result" >&2
# Verdicts (1), what is not offered (2 of probe, 3 of verify) are findings; a tool, worker or clock that gave out is not.
if grep -E 'not paired|exit ([4-9]|[0-9]{2,})$' "$result/exits" >&2; then exit 1; fi
exit $described
