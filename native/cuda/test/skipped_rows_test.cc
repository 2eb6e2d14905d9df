// The processor's test of rows without a part in the loss, on the device: NaN or infinity in them changes no bit of the loss and of the
// gradients, with the products of each precision.
#include "skipped_rows.h"

using namespace lab;

TEST_CASE("cuda skipped rows: losses, attention, windows and recurrent layers read nothing of them") {
  for (int kind = 0; kind < kSkipKindsOnDevice; ++kind)
    for (uint64_t seed = 0; seed < 8; ++seed) CHECK(influence(static_cast<Skips>(kind), seed, GC_CUDA) == "");
}

TEST_CASE("cuda skipped rows: in tf32, with products on packed operands") {
  setenv("GATECELL_CUDA_PRODUCTS", "mma", 1);
  for (int kind = 0; kind < kSkipKindsOnDevice; ++kind)
    for (uint64_t seed = 0; seed < 3; ++seed) CHECK(influence(static_cast<Skips>(kind), seed, GC_CUDA, GC_TF32) == "");
  unsetenv("GATECELL_CUDA_PRODUCTS");
}
