// The attributes of rearrange that are refused.
#include "lab.h"

using namespace lab;

TEST_CASE("hostile: rearrange refuses attributes out of range, and results that its kernels do not divide") {
  const auto status = [](const Doubles& attributes, const Dims& out) {
    Graph g;
    g.out(GC_OP_REARRANGE, {g.host({3, 4})}, out, attributes);
    return g.try_compile();
  };
  CHECK(status({0, 0, 1, 2, 3, 1, 0, 1, 1}, {2, 12}) == GC_OK);
  CHECK(status({0, 0, 1, 2, 3, 1, 0, 1, 1}, {2, 13}) == GC_INVALID_SHAPE);
  CHECK(status({0, 0, 1, 2, 3, 1, 0, 1, 1}, {2, 12, 1}) == GC_INVALID_SHAPE);
  for (const Doubles& bad : {Doubles{NAN, 0, 0, 1, 1, 1, 0, 1, 1},
                             {0, 0, 0, 1, 1, 0, 0, 1, 1},
                             {0, 2, 0, 1, 1, 1, 0, 1, 1},
                             {0, -1, 0, 1, 1, 1, 0, 1, 1},
                             {0, NAN, 0, 1, 1, 1, 0, 1, 1},
                             {0, 0, -1, 1, 1, 1, 0, 1, 1},
                             {0, 0, 0.5, 1, 1, 1, 0, 1, 1},
                             {0, 0, 0, 0, 1, 1, 0, 1, 1},
                             {0, 0, 0, 1, 0, 1, 0, 1, 1},
                             {0, 0, 0, 1, 1e10, 1, 0, 1, 1},
                             {0, 0, 0, 1, 1, 1, 0, 2, 1},
                             {0, 0, 0, 1, 1, 1, 0, 1, 2},
                             {0, 0, 0, 1, 1}})
    CHECK(status(bad, {3, 4}) == GC_INVALID_ARGUMENT);
  CHECK(status({0, 0, 2e9, 2e9, 1, 1, 2e9, 1, 1}, {7, 9}) == GC_OK);  // nothing of x is left, and no index overflows
}
