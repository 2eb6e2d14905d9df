// gc_measure: every kind returns ordered rates above zero, or GC_UNSUPPORTED if the CPU lacks the instructions; invalid requests are
// refused. No figure is compared with an expected speed.
#include <doctest/doctest.h>

#include <cstring>
#include <initializer_list>

#include "gatecell/gatecell.h"

namespace {

gc_probe probe_of(int32_t kind) {
  gc_probe probe = {};
  probe.kind = kind;
  probe.threads = 1;
  probe.bytes = 1 << 16;
  probe.rows = 7;
  probe.columns = 80;
  probe.inner = 33;
  probe.seconds = 1e-3;
  return probe;
}

void check_rates(const gc_measurement& m) {
  CHECK(m.count >= 5);
  CHECK(m.p10 > 0);
  CHECK(m.p10 <= m.median);
  CHECK(m.median <= m.p90);
}

bool has(const char* feature) {
  gc_machine machine;
  gc_machine_info(&machine);
  return strstr(machine.features, feature) != nullptr;
}
}  // namespace

TEST_CASE("every kind of measurement gives rates or says what is missing") {
  for (int32_t kind = GC_PROBE_CLOCK; kind <= GC_PROBE_GATES; ++kind) {
    CAPTURE(kind);
    gc_probe probe = probe_of(kind);
    gc_measurement m;
    const gc_status status = gc_measure(&probe, &m);
    if (status == GC_OK) check_rates(m);
    else CHECK(status == GC_UNSUPPORTED);
  }
}

TEST_CASE("a measurement by two threads of the engine") {
  gc_probe probe = probe_of(GC_PROBE_READ);
  probe.threads = 2;
  gc_measurement m;
  CHECK(gc_measure(&probe, &m) == GC_OK);
  check_rates(m);
}

TEST_CASE("products are measured in each precision") {
  for (int32_t precision : {GC_FLOAT, GC_BF16, GC_INT8}) {
    gc_probe probe = probe_of(GC_PROBE_GEMM);
    probe.precision = precision;
    gc_measurement m;
    CHECK(gc_measure(&probe, &m) == GC_OK);
    check_rates(m);
  }
}

TEST_CASE("instruction sets below the best are measured, one above it is refused") {
  gc_probe probe = probe_of(GC_PROBE_FMA);
  gc_measurement m;
  probe.isa = 1;
  CHECK(gc_measure(&probe, &m) == GC_OK);
  probe.isa = 3;
  CHECK(gc_measure(&probe, &m) == (has("avx512vl") && has("avx512dq") && has("avx512bw") ? GC_OK : GC_UNSUPPORTED));
  probe.isa = 4;
  CHECK(gc_measure(&probe, &m) == GC_UNSUPPORTED);
  CHECK(strlen(gc_last_error()) > 0);
}

TEST_CASE("requests that make no sense are refused") {
  const auto refused = [](gc_status status, auto change) {
    gc_probe probe = probe_of(GC_PROBE_READ);
    change(probe);
    gc_measurement m;
    CHECK(gc_measure(&probe, &m) == status);
  };
  refused(GC_INVALID_ARGUMENT, [](gc_probe& p) { p.kind = 0; });
  refused(GC_INVALID_ARGUMENT, [](gc_probe& p) { p.kind = 99; });
  refused(GC_INVALID_ARGUMENT, [](gc_probe& p) { p.threads = 0; });
  refused(GC_INVALID_ARGUMENT, [](gc_probe& p) { p.threads = 1025; });
  refused(GC_INVALID_ARGUMENT, [](gc_probe& p) { p.seconds = 0; });
  refused(GC_INVALID_ARGUMENT, [](gc_probe& p) { p.seconds = 0.0 / 0.0; });
  refused(GC_INVALID_ARGUMENT, [](gc_probe& p) { p.bytes = 0; });
  refused(GC_INVALID_ARGUMENT, [](gc_probe& p) { p.bytes = INT64_MAX; });
  refused(GC_INVALID_SHAPE, [](gc_probe& p) { p.kind = GC_PROBE_GEMM, p.rows = 0; });
  refused(GC_INVALID_SHAPE, [](gc_probe& p) { p.kind = GC_PROBE_GEMM, p.rows = p.inner = INT64_MAX / 2; });
  refused(GC_INVALID_ARGUMENT, [](gc_probe& p) { p.kind = GC_PROBE_GEMM, p.precision = 3; });
  refused(GC_INVALID_SHAPE, [](gc_probe& p) { p.kind = GC_PROBE_GATES, p.rows = 0; });
}
