#!/usr/bin/env bash
# Everything that is asked of the device library on a machine with a GPU, in one go; each part can be asked for alone:
#   all.sh [--tiny] [tests] [sanitize] [lstm] [train] [sample] [recipe]
# tests     every op against the processor, run twice, on the GPU
# sanitize  the same under memcheck and racecheck
# lstm      LSTM layers beside torch.nn.LSTM over the whole grid, in bf16: bench/machines/<device>-bf16.jsonl
# train     training steps of character models (64, 64, 512) and (256, 128, 1024) beside PyTorch in bf16 and tf32
# sample    sampling with batch 1 as auto chooses, on the processor and on the GPU: whether the choice was right
# recipe    Tiny Shakespeare in less than a minute; needs GATECELL_DATA
# --tiny takes shapes of nothing, to try the script itself, also on the emulated device (build.sh says how).
# At the end everything that was measured on this device, as bench/machines/<device>.md (bench/gpu-table.mjs).
# The last three need Node and a build (npm run build). What a machine lacks is skipped with a line; a failure ends with status 1.
set -uo pipefail
source "$(dirname "$0")/build.sh"
whole_grid=() train_512=(--hidden 512 --batch 64 --length 64) train_1024=(--hidden 1024 --batch 256 --length 128) samples=()
if [ "${1:-}" = --tiny ]; then
  shift
  whole_grid=(16 2 3 1 1 2)
  samples=(--hidden 8 --layers 1 --time 0.05s)
  train_512=(--batch 2 --length 3 "${samples[@]}")
  train_1024=("${train_512[@]}")
fi
parts=("$@")
if [ ${#parts[@]} -eq 0 ]; then parts=(tests sanitize lstm train sample recipe); fi
build_cuda gatecell_cuda_tests gatecell_cuda_bench
here=native/cuda/test
machines=${GATECELL_MACHINES:-bench/machines}
status=0

# part <name> <command...>
part() {
  local begin=$SECONDS
  printf '\n=== %s\n' "$1"
  if "${@:2}"; then printf '=== %s: ok, %s s\n' "$1" $((SECONDS - begin))
  else
    status=1
    printf '=== %s: FAILED, %s s\n' "$1" $((SECONDS - begin))
  fi
}

# with_node <command...>: a part of gatecell's command line, on a GPU; `file` is where its figures go, without an end.
found="" file=""
with_node() {
  if ! command -v node > /dev/null || [ ! -e dist/esm/cli/main.js ]; then
    echo "skipped: needs Node and a build (npm ci && npm run build)"
    return 0
  fi
  if [ -z "$found" ]; then
    found=$(node dist/esm/cli/main.js doctor --json | node -e '
      const { cuda } = JSON.parse(require("node:fs").readFileSync(0, "utf8")).backends
      const name = cuda.reason.split(",")[0].toLowerCase().replaceAll(" ", "-")
      console.log(cuda.available ? name : `skipped: needs a GPU, and ${cuda.reason}`)')
    file=$machines/$found
    mkdir -p "$machines"
  fi
  case $found in
    skipped:*) echo "$found" ;;
    *) "$@" ;;
  esac
}

train() {
  local bench=(node dist/esm/cli/main.js bench train-char --device cuda --rivals --precision "bf16,tf32")
  "${bench[@]}" "${train_512[@]}" --save "$file-train-512.json" &&
    "${bench[@]}" "${train_1024[@]}" --save "$file-train-1024.json"
}

sample() {
  node dist/esm/cli/main.js bench sample --device auto "${samples[@]}" --save "$file-sample.json"
}

recipe() {
  if [ -z "${GATECELL_DATA:-}" ]; then
    echo "skipped: shakespeare-gpu needs GATECELL_DATA, the folder of the data sets"
    return 0
  fi
  node bench/recipe.mjs shakespeare-gpu
}

table() { node bench/gpu-table.mjs "$file"-*.json* | tee "$file.md"; }

for name in "${parts[@]}"; do
  case $name in
    tests) part tests "$GATECELL_CUDA_BUILD/native/cuda/gatecell_cuda_tests" --no-colors ;;
    sanitize) part sanitize "$here/sanitize.sh" ;;
    lstm) part lstm "$here/bench.sh" bf16 "${whole_grid[@]}" ;;
    train) part train with_node train ;;
    sample) part sample with_node sample ;;
    recipe) part recipe with_node recipe ;;
    *)
      echo "Expected tests, sanitize, lstm, train, sample or recipe, found $name."
      exit 2
      ;;
  esac
done
case " ${parts[*]} " in *\ lstm\ * | *\ train\ * | *\ sample\ *) part table with_node table ;; esac
exit $status
