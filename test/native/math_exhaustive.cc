// exp, sigmoid and tanh over all 2^32 floats: the bound in ulp, and the same bits in every table (the scalar one, whose fused
// multiply-adds are library calls, in every 16th block of 4096). Minutes on two threads, so only with --no-skip (npm run
// test:all), and only under the best instruction set, since the tables are compared anyway.
#include <cstdio>
#include <thread>

#include "lab.h"
#include "math_lab.h"
#include "tables.h"

using namespace lab;

namespace {
struct Share {
  Worst worst;
  uint64_t different = 0;  // results whose bits differ between tables
  void run(const Function& f, uint64_t first, uint64_t end) {
    const std::vector<const gc_kernels*> all = tables();
    Floats y, other;
    uint64_t block = 0;
    for_floats(first, end, 1, 4096, [&](const Floats& x) {
      const int64_t n = static_cast<int64_t>(x.size());
      y.resize(x.size());
      other.resize(x.size());
      (all.back()->*f.kernel)(x.data(), y.data(), n);
      const bool with_scalar = block++ % 16 == 0;
      for (const gc_kernels* table : all) {
        if (table == all.back() || (table == &gc_kernels_scalar && !with_scalar)) continue;
        (table->*f.kernel)(x.data(), other.data(), n);
        for (size_t i = 0; i < x.size(); ++i) different += !same_float(y[i], other[i]);
      }
      for (size_t i = 0; i < x.size(); ++i) worst.see(f, x[i], y[i]);
    });
  }
};
}  // namespace

TEST_CASE("math: all floats" * doctest::skip()) {
  gc_machine machine;
  REQUIRE(gc_machine_info(&machine) == GC_OK);
  if (strcmp(machine.isa_used, machine.isa_found) != 0) return;
  for (const Function& f : functions()) {
    Share low, high;
    std::thread second([&] { high.run(f, uint64_t{1} << 31, uint64_t{1} << 32); });
    low.run(f, 0, uint64_t{1} << 31);
    second.join();
    Worst worst = low.worst;
    worst.merge(high.worst);
    std::printf("%-8s max %.4f ulp at %a (%.9g)", f.name, worst.ulp, static_cast<double>(worst.at),
                static_cast<double>(worst.at));
    if (f.normal > 0) std::printf(", below %a at most %a off", f.normal, worst.tiny);
    std::printf("\n");
    std::fflush(stdout);
    CAPTURE(f.name);
    CHECK(worst.broken == 0);
    CHECK(low.different + high.different == 0);
  }
}
