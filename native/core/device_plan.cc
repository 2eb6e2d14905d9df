// device_plan.cc: plans on a device: the description of a checked graph for the device library, the layout of its memory, and runs.
#include "device_plan.h"

#include <cstring>
#include <mutex>

#include "gatecell/lstm_slots.h"
#include "graph.h"

namespace gatecell {
// Functions of device_store.cc, which expect the mutex of the store to be held.
gc_status send_store(Store& store);
gc_status send_gradients(Store& store);

namespace {
void describe_tensors(const Plan& plan, DevicePlan& d) {
  for (const Tensor& t : plan.tensors) {
    gc_device_tensor to = {};
    to.dtype = t.dtype, to.role = t.role, to.rank = t.rank, to.producer = t.producer;
    memcpy(to.dims, t.dims, sizeof to.dims);
    to.rows = t.rows, to.cols = t.cols, to.ld = t.ld;
    to.parameter = t.role == GC_PARAMETER ? static_cast<int32_t>(t.slot) : -1;
    if (t.role == GC_HOST) to.host = reinterpret_cast<float*>(plan.host) + t.slot;
    // While nodes are prepared, the pointer is only a mark that a gradient is wanted; the layout sets the address.
    to.grad = t.wants_grad ? reinterpret_cast<float*>(uintptr_t{1}) : nullptr;
    d.tensors.push_back(to);
  }
}

void describe_nodes(const Plan& plan, DevicePlan& d) {
  d.accumulate.reserve(plan.nodes.size());
  for (const Node& node : plan.nodes) {
    d.accumulate.emplace_back(node.accumulate.begin(), node.accumulate.end());
    gc_device_node to = {};
    to.opcode = node.op->opcode, to.index = node.index;
    to.inputs = static_cast<int32_t>(node.in.size()), to.outputs = static_cast<int32_t>(node.out.size());
    to.in = node.in.data(), to.out = node.out.data();
    to.name = node.op->name;
    to.partner = node.partner, to.partner_back = node.partner_back;
    to.stack_first = node.stack_first, to.stack_last = node.stack_last, to.stack_back = node.stack_back;
    to.attributes = node.attributes.data(), to.attribute_count = static_cast<int32_t>(node.attributes.size());
    to.accumulate = d.accumulate.back().data();
    to.trains = node.trains;
    d.nodes.push_back(to);
  }
}

// Checks that all tensors but parameters lie in the plan's device memory: an address of the host would fault in the middle of a run.
gc_status check_addresses(const Plan& plan, const DevicePlan& d) {
  const char* first = static_cast<const char*>(d.arena);
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const char* at = reinterpret_cast<const char*>(plan.tensors[i].data);
    if (plan.tensors[i].role == GC_PARAMETER || (at >= first && at < first + d.arena_bytes)) continue;
    return fail(GC_INVALID_ARGUMENT, "expected tensor %zu in the plan's device memory, found it elsewhere", i);
  }
  return GC_OK;
}

void describe_addresses(const Plan& plan, DevicePlan& d) {
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const Tensor& t = plan.tensors[i];
    gc_device_tensor& to = d.tensors[i];
    to.data = t.data, to.grad = t.grad;
    if (t.role != GC_PARAMETER) continue;
    const int64_t offset = plan.store->params[t.slot].offset;
    to.data = d.desc.arenas.data + offset;
    to.grad = t.wants_grad ? d.desc.arenas.grad + offset : nullptr;
  }
  for (size_t i = 0; i < plan.nodes.size(); ++i)
    for (size_t k = 0; k < plan.nodes[i].buffers.size(); ++k)
      d.nodes[i].buffers[k].data = plan.nodes[i].buffers[k].data;
}
}  // namespace

namespace {
// A device decides by the mode of a run whether there is dropout, so a backward pass without any is only possible if the graph has none.
gc_status expect_no_noise(const Plan& plan) {
  for (const Node& node : plan.nodes) {
    const std::vector<double>& a = node.attributes;
    const bool recurrent = is_recurrent(node.op->opcode);
    if (node.trains &&
        (node.op->opcode == GC_OP_DROPOUT || (recurrent && a[kDropout] + a[kZoneoutC] + a[kZoneoutH] > 0)))
      return fail(GC_UNSUPPORTED, "%s has no gradient without its noise on the GPU: compute it on the processor",
                  node.op->name);
  }
  return GC_OK;
}
}  // namespace

gc_status prepare_on_device(Plan& plan, int precision) {
  if (plan.only_observed) {
    const gc_status status = expect_no_noise(plan);
    if (status != GC_OK) return status;
  }
  auto device = std::make_shared<DevicePlan>(cuda_backend());
  DevicePlan& d = *device;
  describe_tensors(plan, d);
  describe_nodes(plan, d);
  d.desc.tensors = d.tensors.data(), d.desc.tensor_count = static_cast<int32_t>(d.tensors.size());
  d.desc.nodes = d.nodes.data(), d.desc.node_count = static_cast<int32_t>(d.nodes.size());
  d.desc.carry = plan.carry.data(), d.desc.carry_count = static_cast<int32_t>(plan.carry.size() / 2);
  d.desc.loss = plan.loss, d.desc.optimizer = plan.optimizer, d.desc.precision = precision;
  const int32_t status = d.backend.table->plan_prepare(&d.desc);
  if (status != GC_OK) return backend_failure(d.backend, status);
  for (size_t i = 0; i < plan.nodes.size(); ++i) {
    const gc_device_node& from = d.nodes[i];
    if (from.buffer_count < 0 || from.buffer_count > GC_NODE_BUFFERS)
      return fail(GC_INVALID_ARGUMENT, "expected at most %d buffers of a device's node, got %d", GC_NODE_BUFFERS,
                  from.buffer_count);
    for (int32_t k = 0; k < from.buffer_count; ++k)
      plan.nodes[i].buffers.push_back({from.buffers[k].bytes, static_cast<Life>(from.buffers[k].life)});
    plan.nodes[i].why = from.why;
    if (!plan.nodes[i].stack_why.empty())
      plan.nodes[i].why += "; after the layer below it, because " + plan.nodes[i].stack_why;
  }
  plan.device = device;
  return GC_OK;
}

gc_status finish_on_device(Plan& plan) {
  DevicePlan& d = *plan.device;
  const gc_backend& table = *d.backend.table;
  if (plan.store) {
    const gc_status opened = open_device_store(*plan.store, d.backend);
    if (opened != GC_OK) return opened;
    d.desc.arenas = plan.store->device->arenas;
  }
  int32_t status = GC_OK;
  d.arena_bytes = layout_plan(plan);
  if (d.arena_bytes < 0) return fail(GC_OUT_OF_MEMORY, "no memory for the plan's tensors");
  status = table.allocate(d.arena_bytes, &d.arena);
  if (status != GC_OK) return backend_failure(d.backend, status);
  set_addresses(plan, static_cast<char*>(d.arena));
  const gc_status placed = check_addresses(plan, d);
  if (placed != GC_OK) return placed;
  describe_addresses(plan, d);
  status = table.plan_create(&d.desc, &d.handle);
  return status == GC_OK ? GC_OK : backend_failure(d.backend, status);
}

namespace {
// Fills in the numbers of the update for each group of parameters, and the addresses of arenas that a store may get after its plans are made.
void fill_update(const Plan& plan, gc_device_run& run) {
  run.clip_norm = plan.control[GC_C_CLIP_NORM];
  run.counted = plan.control[GC_C_COUNTED];
  if (!plan.store) return;
  const Store& store = *plan.store;
  for (size_t i = 0; i < store.groups.size(); ++i) {
    const Update u = read_update(plan, store.groups[i]);
    run.groups[i] = {u.lr, u.epsilon, u.decay, u.l2, u.decay_all, u.frozen};
    run.beta1 = u.beta1, run.beta2 = u.beta2, run.rest1 = u.rest1, run.rest2 = u.rest2;
    run.nesterov = u.nesterov, run.average_share = u.average;
  }
  run.average = static_cast<float*>(store.device->average);
  run.accumulated = static_cast<float*>(store.device->accumulated);
  run.group_of = static_cast<const int32_t*>(store.device->group_of);
}
}  // namespace

namespace {
// Copies rows of a tensor, or its gradient, from the device to dense rows on the host.
gc_status download(const DevicePlan& d, const Tensor& t, const float* from, float* to) {
  std::vector<float> rows(static_cast<size_t>(t.rows * t.ld));
  const int32_t status = d.backend.table->download(rows.data(), from, t.bytes());
  if (status != GC_OK) return backend_failure(d.backend, status);
  for (int64_t r = 0; r < t.rows; ++r) memcpy(to + r * t.cols, rows.data() + r * t.ld, static_cast<size_t>(t.cols) * 4);
  return GC_OK;
}

// Copies the gradients that the caller reads. A tensor without a gradient is one on which the loss does not depend.
gc_status download_gradients(const Plan& plan) {
  for (const Observed& one : plan.observed) {
    const Tensor& t = plan.tensors[one.tensor];
    float* to = reinterpret_cast<float*>(plan.host) + one.slot;
    if (!t.grad) memset(to, 0, static_cast<size_t>(t.rows * t.cols) * 4);
    const gc_status status = t.grad ? download(*plan.device, t, t.grad, to) : GC_OK;
    if (status != GC_OK) return status;
  }
  return GC_OK;
}
}  // namespace

gc_status run_on_device(Plan& plan, gc_mode mode) {
  DevicePlan& d = *plan.device;
  std::unique_lock<std::shared_mutex> lock;
  if (plan.store) {
    lock = std::unique_lock<std::shared_mutex>(plan.store->mutex);
    // This comes before send_store, which clears the mark that the gradients are newer on the device.
    const gc_status kept = mode == GC_UPDATE ? send_gradients(*plan.store) : GC_OK;
    if (kept != GC_OK) return kept;
    const gc_status sent = send_store(*plan.store);
    if (sent != GC_OK) return sent;
  }
  gc_device_run run = {};
  fill_update(plan, run);
  run.loss = plan.control[GC_C_LOSS];
  run.seed = plan.seed(), run.step = plan.step();
  run.send_states = mode != GC_UPDATE && !d.has_states;
  const int32_t status = d.backend.table->plan_run(d.handle, mode, &run);
  if (status != GC_OK) return backend_failure(d.backend, status);
  if (plan.loss >= 0) plan.control[GC_C_LOSS] = run.loss;
  if (mode == GC_ACCUMULATE) {
    plan.control[GC_C_COUNTED] = run.counted;
    plan.store->device->ahead |= DeviceStore::kAccumulated;
  }
  const bool backward = mode != GC_FORWARD && mode != GC_UPDATE;
  if (backward && !plan.only_observed) plan.store->device->ahead |= DeviceStore::kGrad;
  if (mode == GC_TRAIN || mode == GC_UPDATE) {
    plan.control[GC_C_GRAD_NORM] = run.grad_norm;
    plan.control[GC_C_APPLIED] = run.applied;
    if (run.applied) {
      plan.store->device->ahead |= DeviceStore::kData | DeviceStore::kMoment1 | DeviceStore::kMoment2;
      if (plan.optimizer == GC_AMSGRAD) plan.store->device->ahead |= DeviceStore::kMoment3;
      if (run.average_share != 0) plan.store->device->ahead |= DeviceStore::kAverage;
      plan.store->device->version = ++plan.store->version;
    }
  }
  if (mode != GC_UPDATE) d.has_states = true;
  return backward ? download_gradients(plan) : GC_OK;
}

gc_status time_on_device(Plan& plan, gc_mode mode, int32_t count, double* seconds) {
  DevicePlan& d = *plan.device;
  std::unique_lock<std::shared_mutex> lock;
  if (plan.store) lock = std::unique_lock<std::shared_mutex>(plan.store->mutex);
  const int32_t status = d.backend.table->plan_time(d.handle, mode, count, seconds);
  return status == GC_OK ? GC_OK : backend_failure(d.backend, status);
}

gc_status fetch_states(Plan& plan) {
  DevicePlan& d = *plan.device;
  if (!d.has_states) return GC_OK;
  for (size_t i = 1; i < plan.carry.size(); i += 2) {
    const Tensor& t = plan.tensors[plan.carry[i]];
    const gc_status status = download(d, t, t.data, reinterpret_cast<float*>(plan.host) + t.slot);
    if (status != GC_OK) return status;
  }
  d.has_states = false;
  return GC_OK;
}
}  // namespace gatecell
