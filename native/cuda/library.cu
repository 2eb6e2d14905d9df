// library.cu: the table of functions that the core calls. Exceptions of the host's containers become GC_OUT_OF_MEMORY here.
#include <memory>

#include "../core/guard.h"
#include "plan.h"

namespace gatecell {
namespace cuda {
gc_status measure_device(int32_t precision, gc_cuda_rates* out);  // measure.cu

namespace {
template <class F>
int32_t guarded(const F& body) {
  return guard(fail, body);
}

int32_t plan_create(const gc_device_plan_desc* desc, gc_device_plan** out) {
  return guarded([&] {
    auto plan = std::make_unique<gc_device_plan>();
    const gc_status status = create_plan(*desc, *plan);
    if (status == GC_OK) *out = plan.release();
    return status;
  });
}

const gc_backend table = {
    GC_BACKEND_ABI,
    sizeof(gc_backend),
    last_error,
    [](gc_device_info* out) { return guarded([=] { return device_open(out); }); },
    [](int64_t bytes, void** out) { return guarded([=] { return device_allocate(bytes, out); }); },
    device_release,
    [](int64_t* out) { return guarded([=] { return device_free_bytes(out); }); },
    [](void* to, const void* from, int64_t bytes) { return guarded([=] { return device_upload(to, from, bytes); }); },
    [](void* to, const void* from, int64_t bytes) { return guarded([=] { return device_download(to, from, bytes); }); },
    [](gc_device_plan_desc* desc) { return guarded([=] { return prepare_plan(desc); }); },
    plan_create,
    [](gc_device_plan* plan, int32_t mode, gc_device_run* run) {
      return guarded([=] { return run_plan(*plan, mode, run); });
    },
    [](gc_device_plan* plan, int32_t mode, int32_t count, double* seconds) {
      return guarded([=] { return time_plan(*plan, mode, count, seconds); });
    },
    [](const gc_device_plan* plan) { return plan->staging_bytes + plan->table_bytes + plan->copy_bytes; },
    [](gc_device_plan* plan) { return plan->explanation.c_str(); },
    [](gc_device_plan* plan) { delete plan; },
    [](int32_t precision, gc_cuda_rates* out) { return guarded([=] { return measure_device(precision, out); }); },
};
}  // namespace
}  // namespace cuda
}  // namespace gatecell

extern "C" __attribute__((visibility("default"))) const gc_backend* gc_backend_table(void) {
  return &gatecell::cuda::table;
}
