# Sourced by the scripts beside it: goes to the project's root and builds targets of the CUDA library with nvcc.
#   build_cuda <target...>     ends the script with a line that begins with `skipped:` where nvcc is not there
# GATECELL_CUDA_LIBRARY and GATECELL_CUDA_BUILD, both set, name a library and a build folder that are there: nothing is built. So the
# scripts run on the emulated device, too.
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
build_cuda() {
  if [ -n "${GATECELL_CUDA_LIBRARY:-}" ] && [ -n "${GATECELL_CUDA_BUILD:-}" ]; then return; fi
  if [ -z "${CUDACXX:-}" ] && ! command -v nvcc > /dev/null; then
    echo "skipped: ${0##*/} builds the CUDA library, and nvcc (CUDA toolkit 12 or newer) is not on the PATH"
    exit 0
  fi
  GATECELL_CUDA_BUILD=$PWD/build/cuda
  cmake -S . -B "$GATECELL_CUDA_BUILD" -DGATECELL_CUDA=ON -DGATECELL_TESTS=ON > /dev/null
  cmake --build "$GATECELL_CUDA_BUILD" --parallel "${GATECELL_CUDA_JOBS:-2}" --target gatecell_cuda "$@" > /dev/null
  export GATECELL_CUDA_LIBRARY=$GATECELL_CUDA_BUILD/native/cuda/gatecell_cuda.so
}
