// main of the CUDA tests: doctest on the library that GATECELL_CUDA_LIBRARY names, which is that of the emulator, or the real one with a
// GPU. If the library finds no device, the program prints one line and tests nothing.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "gatecell/gatecell.h"

int main(int argc, char** argv) {
  gc_cuda cuda;
  if (gc_cuda_info(&cuda) != GC_OK) return 1;
  if (!cuda.available) {
    std::printf("skipped: the CUDA tests need a device, but %s\n", cuda.reason);
    return 0;
  }
  std::printf("CUDA tests on: %s\n", cuda.reason);
  return doctest::Context(argc, argv).run();
}
