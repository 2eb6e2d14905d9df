#!/usr/bin/env bash
# On a machine with a GPU, nvcc and PyTorch: builds the CUDA library and its bench, then measures it and torch.nn.LSTM on the same
# grid. Needs no Node. Arguments: precision (bf16), H, B and T as lists with commas; output: bench/machines/<device>-<precision>.jsonl.
set -euo pipefail
cd "$(dirname "$0")/../../.."
precision=${1:-bf16}
cmake -S . -B build/cuda -DGATECELL_CUDA=ON > /dev/null
cmake --build build/cuda --parallel 2 --target gatecell_cuda gatecell_cuda_bench > /dev/null
export GATECELL_CUDA_LIBRARY=$PWD/build/cuda/native/cuda/gatecell_cuda.so
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
build/cuda/native/cuda/gatecell_cuda_bench "$precision" "${@:2}" | tee "$rows"
if grep -q '^skipped:' "$rows"; then exit 0; fi
python3 native/cuda/test/torch_lstm.py "$precision" "${@:2}" | tee -a "$rows"
device=$(sed -nE '1s/.*"device":"([^",]+).*/\1/p' "$rows" | tr ' A-Z' '-a-z')
mkdir -p bench/machines
cp "$rows" "bench/machines/$device-$precision.jsonl"
echo "written: bench/machines/$device-$precision.jsonl"
