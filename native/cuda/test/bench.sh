#!/usr/bin/env bash
# On a machine with a GPU, nvcc and PyTorch: builds the CUDA library and its bench, then measures it and torch.nn.LSTM on the same
# grid. Needs no Node. Arguments: precision (bf16), then H, B, T, layers and directions as lists with commas, and
# the number of runs. Output: bench/machines/<device>-<precision>.jsonl, to whose end the rows of this run go: of rows of one shape the
# last counts, so that a grid can be measured in parts. `node bench/gpu-table.mjs <file>` makes the table.
set -euo pipefail
source "$(dirname "$0")/build.sh"
precision=${1:-bf16}
build_cuda gatecell_cuda_bench
machines=${GATECELL_MACHINES:-bench/machines}
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
"$GATECELL_CUDA_BUILD/native/cuda/gatecell_cuda_bench" "$precision" "${@:2}" | tee "$rows"
if grep -q '^skipped:' "$rows"; then exit 0; fi
python3 native/cuda/test/torch_lstm.py "$precision" "${@:2}" | tee -a "$rows"
device=$(sed -nE '1s/.*"device":"([^",]+).*/\1/p' "$rows" | tr ' A-Z' '-a-z')
mkdir -p "$machines"
file=$machines/$device-$precision.jsonl
grep '^{' "$rows" >> "$file"
echo "written: $file"
