// Rows without a part in the loss (ignored targets, weight 0, after a length): NaN or infinity in them changes no bit of the loss and
// of the gradients.
#include "skipped_rows.h"

using namespace lab;

TEST_CASE("skipped rows: losses, attention, windows and recurrent layers read nothing of them") {
  for (int kind = 0; kind < kSkipKinds; ++kind)
    for (uint64_t seed = 0; seed < 40; ++seed) CHECK(influence(static_cast<Skips>(kind), seed) == "");
}

TEST_CASE("skipped rows: in bf16") {
  for (Skips kind : {Skips::kLstm, Skips::kGru, Skips::kTokens})
    for (uint64_t seed = 0; seed < 20; ++seed) CHECK(influence(kind, seed, GC_CPU, GC_BF16) == "");
}
