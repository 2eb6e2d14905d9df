#!/usr/bin/env bash
# The tests of the CUDA library, which are of small shapes, under compute-sanitizer on a GPU: memcheck, then racecheck. Needs no Node.
# Arguments go to the test program (doctest: -ts, -tc, -sf). Without nvcc, compute-sanitizer or a GPU one line says what is missing.
set -euo pipefail
source "$(dirname "$0")/build.sh"
sanitizer=$(command -v compute-sanitizer || echo "")
if [ -z "$sanitizer" ]; then
  for place in "${CUDA_HOME:-/usr/local/cuda}"/bin/compute-sanitizer "${CUDA_HOME:-/usr/local/cuda}"/compute-sanitizer/compute-sanitizer; do
    if [ -x "$place" ]; then sanitizer=$place; fi
  done
fi
if [ -z "$sanitizer" ]; then
  echo "skipped: memcheck and racecheck, because compute-sanitizer (of the CUDA toolkit) is not on the PATH"
  exit 0
fi
build_cuda gatecell_cuda_tests
tests=$GATECELL_CUDA_BUILD/native/cuda/gatecell_cuda_tests
found=$("$tests" --list-test-cases | sed -n 1p)
case $found in skipped:*)
  echo "$found"
  exit 0
  ;;
esac
for tool in memcheck racecheck; do
  echo "cuda tests under $tool"
  "$sanitizer" --tool "$tool" --error-exitcode 1 "$tests" --no-colors "$@"
done
