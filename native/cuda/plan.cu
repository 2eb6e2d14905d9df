// plan.cu: plans of the library: preparation, the recording of each kind of run as a graph, and its replay.
#include "plan.h"

#include <cstring>

#include "held.h"
#include "kernels/lstm.h"

namespace gatecell {
namespace cuda {
namespace {

int64_t bytes_of(const Tensor& t) { return t.rows * t.ld * 4; }

// Copies the tables of the description into the plan, with everything to which they point.
void copy_tables(const gc_device_plan_desc& desc, gc_device_plan& p) {
  p.tensors.assign(desc.tensors, desc.tensors + desc.tensor_count);
  p.nodes.assign(desc.nodes, desc.nodes + desc.node_count);
  for (gc_device_node& node : p.nodes) {
    std::vector<int32_t> ids(node.in, node.in + node.inputs);
    ids.insert(ids.end(), node.out, node.out + node.outputs);
    p.ids.push_back(std::move(ids));
    p.attributes.emplace_back(node.attributes, node.attributes + node.attribute_count);
    p.accumulate.emplace_back(node.accumulate, node.accumulate + node.inputs);
    node.in = p.ids.back().data();
    node.out = p.ids.back().data() + node.inputs;
    node.attributes = p.attributes.back().data();
    node.accumulate = p.accumulate.back().data();
  }
  p.plan.tensors = p.tensors.data(), p.plan.tensor_count = desc.tensor_count;
  p.plan.nodes = p.nodes.data(), p.plan.node_count = desc.node_count;
  p.plan.loss = desc.loss, p.plan.optimizer = desc.optimizer, p.plan.precision = desc.precision;
  p.plan.arenas = desc.arenas;
  p.carry.assign(desc.carry, desc.carry + 2 * int64_t{desc.carry_count});
  p.carried.assign(p.tensors.size(), false);
  for (size_t i = 1; i < p.carry.size(); i += 2) p.carried[static_cast<size_t>(p.carry[i])] = true;
}

// Returns whether the host provides the values of a tensor for a run.
bool is_input(const gc_device_plan& p, size_t tensor) {
  return p.places[tensor] >= 0 && p.tensors[tensor].producer < 0;
}

gc_status make_staging(gc_device_plan& p) {
  p.staging_bytes = round_up(sizeof(Control), 256);
  for (const Tensor& t : p.tensors) {
    p.places.push_back(t.role == GC_HOST ? p.staging_bytes : -1);
    if (t.role == GC_HOST) p.staging_bytes += round_up(bytes_of(t), 256);
  }
  p.staging = static_cast<char*>(pinned_allocate(p.staging_bytes));
  if (!p.staging)
    return fail(
        GC_OUT_OF_MEMORY,
        "expected %lld bytes of pinned host memory for the plan's inputs and outputs, but the system refused them",
        static_cast<long long>(p.staging_bytes));
  memset(p.staging, 0, static_cast<size_t>(p.staging_bytes));
  return GC_OK;
}

gc_status make_tables(const gc_device_plan_desc& desc, gc_device_plan& p) {
  const std::vector<Piece> pieces = desc.optimizer ? trained_pieces(desc) : std::vector<Piece>();
  const int64_t control = round_up(sizeof(Control), 256),
                list = round_up(static_cast<int64_t>(pieces.size() * sizeof(Piece)), 256);
  p.table_bytes = control + list + static_cast<int64_t>(pieces.size() * sizeof(double));
  void* memory = nullptr;
  gc_status status = device_allocate(p.table_bytes, &memory);
  if (status != GC_OK) return status;
  p.tables = static_cast<char*>(memory);
  p.plan.control = reinterpret_cast<Control*>(p.tables);
  p.optimizer.pieces = reinterpret_cast<Piece*>(p.tables + control);
  p.optimizer.count = static_cast<int64_t>(pieces.size());
  p.optimizer.sums = reinterpret_cast<double*>(p.tables + control + list);
  if (pieces.empty()) return GC_OK;
  return device_upload(p.tables + control, pieces.data(), static_cast<int64_t>(pieces.size() * sizeof(Piece)));
}

void send(gc_device_plan& p, size_t tensor) {
  p.plan.queue.to_device(p.tensors[tensor].data, p.staging + p.places[tensor], bytes_of(p.tensors[tensor]));
}

// ---- recording -----------------------------------------------------------------------------------------------------------
const Choice& choice_of_stack(const gc_device_plan& p, const gc_device_node& node) {
  return p.plan.choices[static_cast<size_t>(node.stack_first)];
}

void record_forward(gc_device_plan& p) {
  for (gc_device_node& node : p.nodes) {
    const Node n(p.plan, node);
    const int32_t chunks = node.stack_first >= 0 ? choice_of_stack(p, node).chunks : 1;
    if (chunks == 1) find_op(node.opcode)->forward(n);
    else if (node.index == node.stack_first) stack_forward(n, chunks);
  }
}

void record_backward(gc_device_plan& p) {
  Plan& plan = p.plan;
  const Tensor& loss = p.tensors[static_cast<size_t>(plan.loss)];
  float* grad = loss.grad;
  each(plan.queue, loss.ld * loss.rows, [=] __device__(int64_t i) { grad[i] = i == 0 ? 1.0f : 0.0f; });
  for (size_t i = p.nodes.size(); i-- > 0;) {
    gc_device_node& node = p.nodes[i];
    if (!node.trains) continue;
    const Node n(plan, node);
    const int32_t chunks = node.stack_first >= 0 ? choice_of_stack(p, node).chunks_back : 1;
    if (chunks == 1) {
      find_op(node.opcode)->backward(n);
      continue;
    }
    if (node.index == node.stack_last) stack_back(n, chunks);
    if (is_stack_layer(node)) lstm_after_back(n, node.index == node.stack_first);
  }
}

// Records the update with the gradients on the device.
OwnRecording record_update(gc_device_plan& p) {
  Plan& plan = p.plan;
  Capture capture(plan.queue);
  plan.queue.to_device(plan.control, p.staging, sizeof(Control));
  update_parameters(plan, p.optimizer);
  plan.queue.to_host(p.staging, plan.control, sizeof(Control));
  return capture.end();
}

OwnRecording record(gc_device_plan& p, int32_t mode) {
  if (mode == GC_UPDATE) return record_update(p);
  Plan& plan = p.plan;
  Queue& queue = plan.queue;
  plan.training = mode != GC_FORWARD;
  Capture capture(queue);
  queue.to_device(plan.control, p.staging, sizeof(Control));
  for (size_t i = 0; i < p.tensors.size(); ++i)
    if (is_input(p, i) && !p.carried[i]) send(p, i);
  record_forward(p);
  if (plan.loss >= 0) {
    const float* loss = p.tensors[static_cast<size_t>(plan.loss)].data;
    Control* control = plan.control;
    each(queue, 1, [=] __device__(int64_t) { control->loss = static_cast<double>(loss[0]); });
  }
  if (plan.training) record_backward(p);
  if (mode == GC_TRAIN) update_parameters(plan, p.optimizer);
  if (mode == GC_ACCUMULATE) accumulate_gradients(plan, p.optimizer);
  carry_states(p, mode == GC_TRAIN);
  for (size_t i = 0; i < p.tensors.size(); ++i)
    if (p.places[i] >= 0 && p.tensors[i].producer >= 0)
      queue.to_host(p.staging + p.places[i], p.tensors[i].data, bytes_of(p.tensors[i]));
  queue.to_host(p.staging, plan.control, sizeof(Control));
  return capture.end();
}

// ---- the host's side of a run --------------------------------------------------------------------------------------------
void fill_staging(const gc_device_plan& p, const gc_device_run& run, int32_t mode) {
  Control* control = reinterpret_cast<Control*>(p.staging);
  *control = Control();
  control->loss = run.loss;
  control->seed = run.seed, control->step = run.step;
  control->clip_norm = run.clip_norm;
  control->beta1 = run.beta1, control->beta2 = run.beta2;
  control->rest1 = run.rest1, control->rest2 = run.rest2;
  control->nesterov = run.nesterov;
  control->group_of = run.group_of;
  memcpy(control->groups, run.groups, sizeof run.groups);
  control->counted = run.counted, control->accumulated = run.accumulated;
  control->average_share = run.average_share, control->average = run.average;
  if (mode == GC_UPDATE) return;
  for (size_t i = 0; i < p.tensors.size(); ++i) {
    const Tensor& t = p.tensors[i];
    if (!is_input(p, i) || (p.carried[i] && !run.send_states)) continue;
    const char* from = static_cast<const char*>(t.host);
    for (int64_t row = 0; row < t.rows; ++row)
      memcpy(p.staging + p.places[i] + row * t.ld * 4, from + row * t.cols * 4, static_cast<size_t>(t.cols) * 4);
  }
}

void empty_staging(const gc_device_plan& p, gc_device_run* run, int32_t mode) {
  const Control& control = *reinterpret_cast<const Control*>(p.staging);
  run->loss = control.loss;
  run->grad_norm = control.grad_norm;
  run->counted = control.counted;
  run->applied = control.applied;
  if (mode == GC_UPDATE) return;
  for (size_t i = 0; i < p.tensors.size(); ++i) {
    const Tensor& t = p.tensors[i];
    if (p.places[i] < 0 || t.producer < 0) continue;
    char* to = static_cast<char*>(t.host);
    for (int64_t row = 0; row < t.rows; ++row)
      memcpy(to + row * t.cols * 4, p.staging + p.places[i] + row * t.ld * 4, static_cast<size_t>(t.cols) * 4);
  }
}

// Waits for the run, and returns the failure that its kernels have reported.
gc_status end_run(gc_device_plan& p) {
  const gc_status status = p.plan.queue.wait();
  if (status != GC_OK) return status;
  const Failure& failure = reinterpret_cast<const Control*>(p.staging)->failure;
  return failure.fault == 0 ? GC_OK : failure_status(p, failure);
}
}  // namespace

gc_status prepare_plan(gc_device_plan_desc* desc) {
  if (desc->precision == GC_INT8)
    return fail(GC_UNSUPPORTED, "the CUDA backend has no int8 products: use f32, tf32 or bf16");
  Plan plan = {};
  plan.tensors = desc->tensors, plan.tensor_count = desc->tensor_count;
  plan.loss = desc->loss, plan.optimizer = desc->optimizer, plan.precision = desc->precision;
  for (int32_t i = 0; i < desc->node_count; ++i) {
    gc_device_node& node = desc->nodes[i];
    const OpDef* op = find_op(node.opcode);
    if (!op || (node.trains && !op->backward))
      return fail(GC_UNSUPPORTED, "the CUDA backend has no %s%s: use the processor", op ? "gradient of " : "",
                  node.name);
    node.buffer_count = 0;
    const gc_status status = op->prepare ? op->prepare(Node(plan, node)) : GC_OK;
    if (status != GC_OK) return status;
  }
  return GC_OK;
}

gc_status create_plan(const gc_device_plan_desc& desc, gc_device_plan& p) {
  copy_tables(desc, p);
  gc_status status = p.plan.queue.open();
  if (status == GC_OK) status = make_staging(p);
  if (status == GC_OK) status = make_tables(desc, p);
  if (status == GC_OK) status = make_copies(p);
  p.explanation = "{}";
  return status;
}

gc_status run_plan(gc_device_plan& p, int32_t mode, gc_device_run* run) {
  fill_staging(p, *run, mode);
  Recording*& recording = p.recordings[mode];
  // Kernels are chosen by runs that overwrite the gradients, so an update does not choose.
  if (!recording && mode != GC_UPDATE && p.plan.choices.empty()) {
    const gc_status chosen = choose_kernels(p);
    if (chosen != GC_OK) return chosen;
  }
  if (!recording) recording = record(p, mode).release();
  for (size_t i = 0; recording && run->send_states && i < p.tensors.size(); ++i)
    if (p.carried[i]) send(p, i);
  if (recording) p.plan.queue.replay(recording);
  const gc_status status = end_run(p);
  if (status == GC_OK) empty_staging(p, run, mode);
  return status;
}

gc_status time_plan(gc_device_plan& p, int32_t mode, int32_t count, double* seconds) {
  if (!p.recordings[mode]) return fail(GC_INVALID_ARGUMENT, "expected a run of the plan before it is timed");
  *seconds = p.plan.queue.time(p.recordings[mode], count);
  return end_run(p);
}
}  // namespace cuda
}  // namespace gatecell

gc_device_plan::~gc_device_plan() {
  for (gatecell::cuda::Recording* recording : recordings) gatecell::cuda::Queue::destroy(recording);
  if (staging) gatecell::cuda::pinned_release(staging);
  if (tables) gatecell::cuda::device_release(tables);
  if (copy_memory) gatecell::cuda::device_release(copy_memory);
}
