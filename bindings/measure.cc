// Measurements for `gatecell bench`: measure, and a call that does nothing.
#include "args.h"
#include "handles.h"

namespace gatecell {

napi_value measure(napi_env env, napi_callback_info info) {
  constexpr size_t kFields = 9, kResults = 4;
  napi_value args[2];
  View<double> what, out;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_view(env, args[0], "what", Lifetime::kCall, &what));
  REQUIRE(read_view(env, args[1], "out", Lifetime::kCall, &out));
  if (what.length != kFields || out.length != kResults) {
    throw_error(env, Code::kInvalidArgument, "Expected %zu numbers for what and %zu for out, found %zu and %zu.",
                kFields, kResults, what.length, out.length);
    return nullptr;
  }
  for (size_t i = 0; i < kFields; i++) {
    const double limit = i < 4 ? 2147483647.0 : 9007199254740991.0;
    if (what.data[i] >= 0 && what.data[i] <= limit) continue;
    throw_error(env, Code::kInvalidArgument, "Expected a number from 0 to %.0f in what[%zu], found %g.", limit, i,
                what.data[i]);
    return nullptr;
  }
  gc_probe probe = {};
  probe.kind = static_cast<int32_t>(what.data[0]);
  probe.isa = static_cast<int32_t>(what.data[1]);
  probe.precision = static_cast<int32_t>(what.data[2]);
  probe.threads = static_cast<int32_t>(what.data[3]);
  probe.bytes = static_cast<int64_t>(what.data[4]);
  probe.rows = static_cast<int64_t>(what.data[5]);
  probe.columns = static_cast<int64_t>(what.data[6]);
  probe.inner = static_cast<int64_t>(what.data[7]);
  probe.seconds = what.data[8];
  gc_measurement measured;
  REQUIRE(check_status(env, gc_measure(&probe, &measured)));
  out.data[0] = measured.median;
  out.data[1] = measured.p10;
  out.data[2] = measured.p90;
  out.data[3] = measured.count;
  return nullptr;
}

napi_value nothing(napi_env, napi_callback_info) { return nullptr; }

}  // namespace gatecell
