#!/usr/bin/env bash
# Runs three experiments of dsref lab in small and draws them, and metrics of a training run, with tools/plot, as SVG and PNG.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
work="$root/artifacts/plot"
rm -rf "$work" && mkdir -p "$work"

dsref() { dotnet run -c Release --project "$root/tools/dsref" -- "$@"; }
plot() { dotnet run -c Release --project "$root/tools/plot" -- "$@"; }
dsref lab accumulation --k 512 --size 4 --json >"$work/accumulation.json"
dsref lab quantisation --rows 128 --columns 512 --json >"$work/quantisation.json"
dsref lab fp8-vs-bf16 --quick --steps 4 --json >"$work/precision.json"
for experiment in accumulation quantisation precision; do
  plot "$work/$experiment.json" "$work/$experiment.svg"
  plot "$work/$experiment.json" "$work/$experiment.png"
  # A picture of its kind, with lines in it.
  [ "$(head -c 8 "$work/$experiment.png" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ]
  [ "$(wc -c <"$work/$experiment.png")" -gt 10000 ]
  grep -q '<svg ' "$work/$experiment.svg"
  [ "$(grep -c '<path' "$work/$experiment.svg")" -gt 4 ]
done
for step in 1 2 3; do echo "{\"step\":$step,\"loss\":$((9 / step)),\"max_vio\":0.5}"; done >"$work/metrics.jsonl"
plot "$work/metrics.jsonl" "$work/loss.svg"
grep -q '<svg ' "$work/loss.svg"
if plot "$work/metrics.jsonl" "$work/none.svg" --statistic none; then
  echo "a figure that no step has was drawn" >&2
  exit 1
fi
if plot "$work/accumulation.json" "$work/accumulation.gif"; then
  echo "a picture of an unknown kind was written" >&2
  exit 1
fi
[ "$(ls "$work" | wc -l)" -eq 11 ]
