// run.cc: the executor. Host inputs that cannot be used in place are copied in (and padded), nodes run in order, then backward, and outputs
// are copied out.
#include <cmath>
#include <cstring>

#include "device_plan.h"
#include "op.h"

namespace gatecell {
namespace {

void clear_padding(float* data, int64_t rows, int64_t cols, int64_t ld) {
  if (ld == cols) return;
  for (int64_t r = 0; r < rows; ++r) memset(data + r * ld + cols, 0, static_cast<size_t>(ld - cols) * 4);
}

float* host_of(const Plan& plan, const Tensor& t) { return reinterpret_cast<float*>(plan.host) + t.slot; }

void copy_in(const Plan& plan) {
  for (const Tensor& t : plan.tensors) {
    if (t.role != GC_HOST || t.producer >= 0 || t.in_place()) continue;
    const float* from = host_of(plan, t);
    if (t.ld == t.cols) {
      memcpy(t.data, from, static_cast<size_t>(t.rows * t.cols) * 4);
      continue;
    }
    for (int64_t r = 0; r < t.rows; ++r) memcpy(t.data + r * t.ld, from + r * t.cols, static_cast<size_t>(t.cols) * 4);
    clear_padding(t.data, t.rows, t.cols, t.ld);
  }
}

void copy_out(const Plan& plan) {
  for (const Tensor& t : plan.tensors) {
    if (t.role != GC_HOST || t.producer < 0 || t.in_place()) continue;
    float* to = host_of(plan, t);
    if (t.ld == t.cols) {
      memcpy(to, t.data, static_cast<size_t>(t.rows * t.cols) * 4);
      continue;
    }
    for (int64_t r = 0; r < t.rows; ++r) memcpy(to + r * t.cols, t.data + r * t.ld, static_cast<size_t>(t.cols) * 4);
  }
}

// Copies the gradients that the caller reads. A tensor without a gradient is one on which the loss does not depend.
void copy_gradients(const Plan& plan) {
  for (const Observed& one : plan.observed) {
    const Tensor& t = plan.tensors[one.tensor];
    float* to = reinterpret_cast<float*>(plan.host) + one.slot;
    for (int64_t r = 0; r < t.rows; ++r, to += t.cols) {
      if (t.grad) memcpy(to, t.grad + r * t.ld, static_cast<size_t>(t.cols) * 4);
      else memset(to, 0, static_cast<size_t>(t.cols) * 4);
    }
  }
}

void backward(Plan& plan) {
  Tensor& loss = plan.tensors[plan.loss];
  if (!loss.grad) return;  // it depends on no tensor whose gradient is wanted
  memset(loss.grad, 0, static_cast<size_t>(loss.bytes()));
  loss.grad[0] = 1;
  for (size_t i = plan.nodes.size(); i-- > 0;) {
    Node& node = plan.nodes[i];
    if (!node.trains) continue;
    node.op->backward(plan, node);
    if (node.op->clean_padding) continue;
    for (int id : node.in) {
      if (id < 0) continue;
      const Tensor& t = plan.tensors[id];
      if (t.grad && t.role != GC_PARAMETER) clear_padding(t.grad, t.rows, t.cols, t.ld);
    }
  }
}

gc_status passes(Plan& plan, gc_mode mode) {
  plan.training = mode != GC_FORWARD;
  plan.noise = plan.training && !plan.only_observed;
  plan.run_status = GC_OK;
  copy_in(plan);
  for (Node& node : plan.nodes) {
    node.op->forward(plan, node);
    if (plan.run_status != GC_OK) return plan.run_status;
    if (node.op->clean_padding) continue;
    for (int id : node.out)
      if (id >= 0)
        clear_padding(plan.tensors[id].data, plan.tensors[id].rows, plan.tensors[id].cols, plan.tensors[id].ld);
  }
  if (plan.loss >= 0) plan.control[GC_C_LOSS] = plan.tensors[plan.loss].data[0];
  if (plan.training) {
    backward(plan);
    copy_gradients(plan);
  }
  copy_out(plan);
  return GC_OK;
}

gc_status refresh(Plan& plan) {
  for (const Node& node : plan.nodes) {
    const gc_status status = node.packs.empty() ? GC_OK : refresh_packs(*plan.store, node.packs, plan.threads);
    if (status != GC_OK) return status;
  }
  return GC_OK;
}
}  // namespace

namespace {
bool is_carry_target(const Plan& plan, int32_t id) {
  for (size_t i = 1; i < plan.carry.size(); i += 2)
    if (plan.carry[i] == id) return true;
  return false;
}

// Returns the number of floats of the tensors of a carry.
int64_t floats_of(const Plan& plan, int32_t id) { return plan.tensors[id].rows * plan.tensors[id].cols; }
}  // namespace

gc_status prepare_carries(Plan& plan) {
  int64_t total = 0;
  for (size_t i = 0; i + 1 < plan.carry.size(); i += 2)
    if (is_carry_target(plan, plan.carry[i])) total += floats_of(plan, plan.carry[i]);
  return plan.carry_copies.allocate(total * 4) ? GC_OK
                                               : fail(GC_OUT_OF_MEMORY, "no memory for copies of carried states");
}

namespace {
// Copies the sources that are also targets before any target is written, so that the order of the carries does not matter.
void carry_all(Plan& plan) {
  float* const copies = plan.carry_copies.floats();
  const auto each_chained = [&](const auto& body) {
    int64_t at = 0;
    for (size_t i = 0; i + 1 < plan.carry.size(); i += 2) {
      if (!is_carry_target(plan, plan.carry[i])) continue;
      const int64_t count = floats_of(plan, plan.carry[i]);
      body(plan.tensors[plan.carry[i]], plan.tensors[plan.carry[i + 1]], copies + at, static_cast<size_t>(count) * 4);
      at += count;
    }
  };
  each_chained(
      [&](const Tensor& from, const Tensor&, float* copy, size_t bytes) { memcpy(copy, host_of(plan, from), bytes); });
  for (size_t i = 0; i + 1 < plan.carry.size(); i += 2) {
    const Tensor &from = plan.tensors[plan.carry[i]], &to = plan.tensors[plan.carry[i + 1]];
    if (is_carry_target(plan, plan.carry[i])) continue;
    const bool hosted = from.role == GC_HOST;
    const float* source = hosted ? host_of(plan, from) : from.data;
    const int64_t ld = hosted ? from.cols : from.ld;
    for (int64_t r = 0; r < from.rows; ++r)
      memmove(host_of(plan, to) + r * to.cols, source + r * ld, static_cast<size_t>(from.cols) * 4);
  }
  each_chained([&](const Tensor&, const Tensor& to, const float* copy, size_t bytes) {
    memcpy(host_of(plan, to), copy, bytes);
  });
}

}  // namespace

namespace {
// Applies the gradients in the store, which may come from a run on a device.
gc_status update_only(Plan& plan) {
  const gc_status status = fetch_store(*plan.store);
  if (status == GC_OK) update_parameters(plan);
  return status;
}
}  // namespace

namespace {
gc_status sum_shard(Plan& plan) {
  const Tensor& loss = plan.tensors[plan.loss];
  double& count = plan.control[GC_C_COUNTED];
  if (loss.rows * loss.cols > 1) count = static_cast<double>(loss.data[1]);
  return add_shard(*plan.store, plan.control[GC_C_SHARD], count, plan.threads);
}
}  // namespace

gc_status run_plan(Plan& plan, gc_mode mode) {
  if (mode < GC_FORWARD || mode > GC_SHARD) return fail(GC_INVALID_ARGUMENT, "unknown mode %d", mode);
  if (mode != GC_FORWARD && plan.loss < 0)
    return fail(GC_INVALID_ARGUMENT, "this plan has no loss, so it cannot compute gradients");
  const bool updates = mode == GC_TRAIN || mode == GC_UPDATE;
  if ((updates || mode == GC_ACCUMULATE || mode == GC_SHARD) && !plan.optimizer)
    return fail(GC_INVALID_ARGUMENT, "this plan has no optimizer, so it cannot train");
  if (updates && plan.control[GC_C_AVERAGE] != 0 && !plan.store->average)
    return fail(
        GC_INVALID_ARGUMENT,
        "expected averaged weights in the store, which control.average updates, but there are none: add them first");
  if (mode == GC_ACCUMULATE && !plan.store->accumulated)
    return fail(GC_INVALID_ARGUMENT, "expected an arena for accumulated gradients in the store but there is none");
  if (mode == GC_SHARD && plan.device)
    return fail(GC_UNSUPPORTED, "expected a plan on the processor for the shards of a batch, got one on a GPU");
  if (plan.device) return run_on_device(plan, mode);
  if (mode == GC_UPDATE) return update_only(plan);
  const PassArena arena(plan);
  if (arena.out_of_memory())
    return fail(GC_OUT_OF_MEMORY, "no memory for a run at the same time as another one of the same model");
  gc_status status;
  if (!plan.store) {
    status = passes(plan, mode);
    if (status == GC_OK) carry_all(plan);
    return status;
  }
  Store& store = *plan.store;
  for (;;) {
    {
      std::shared_lock<std::shared_mutex> lock(store.mutex);
      if (!store.device || store.device->ahead == 0) {
        status = refresh(plan);
        if (status == GC_OK) status = passes(plan, mode);
        break;
      }
    }
    // If a device has newer weights, they are fetched. Another plan may train there before the lock is taken; then they are fetched again.
    status = fetch_store(store);
    if (status != GC_OK) return status;
  }
  if (status != GC_OK) return status;
  if (mode == GC_ACCUMULATE) accumulate_gradients(plan);
  if (mode == GC_SHARD && (status = sum_shard(plan)) != GC_OK) return status;
  // A step that is refused does not change the states, which would come from the same invalid data.
  if (mode == GC_TRAIN) update_parameters(plan);
  if (mode != GC_TRAIN || plan.control[GC_C_APPLIED] == 1) carry_all(plan);
  return GC_OK;
}
}  // namespace gatecell
