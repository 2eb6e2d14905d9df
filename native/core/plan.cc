// plan.cc: compile a description into a plan, generate, destroy.
#include <climits>

#include "graph.h"
#include "machine.h"
#include "op.h"

using namespace gatecell;

namespace {
gc_status prepare_nodes(Plan& plan) {
  std::vector<bool> written(plan.tensors.size(), false);
  for (size_t i = plan.nodes.size(); i-- > 0;) {  // in the order of the backward pass
    Node& node = plan.nodes[i];
    node.accumulate.assign(node.in.size(), false);
    if (!node.trains) continue;
    for (size_t input = 0; input < node.in.size(); ++input) {
      const int id = node.in[input];
      if (id < 0 || !plan.tensors[id].wants_grad) continue;
      node.accumulate[input] = written[id];
      written[id] = true;
    }
  }
  for (Node& node : plan.nodes) {
    if (node.op->prepare) node.op->prepare(plan, node);
    for (int pack : node.packs)
      if (pack < 0) return fail(GC_OUT_OF_MEMORY, "%s: no memory for packed weights", node.op->name);
  }
  return GC_OK;
}

// One parameter read by two nodes shares its gradient, so `accumulate` must know parameters by slot, not by tensor.
gc_status merge_parameters(const Plan& plan) {
  std::vector<int> owner(plan.store ? plan.store->params.size() : 0, -1);
  for (size_t id = 0; id < plan.tensors.size(); ++id) {
    const Tensor& t = plan.tensors[id];
    if (t.role != GC_PARAMETER) continue;
    if (owner[t.slot] >= 0)
      return fail(GC_INVALID_ARGUMENT, "parameter %d stands for two tensors: use one tensor in both places", t.slot);
    owner[t.slot] = static_cast<int>(id);
  }
  return GC_OK;
}

gc_status compile(const gc_plan_desc& desc, Plan& plan) {
  plan.store = desc.store;
  plan.host = static_cast<char*>(desc.host);
  plan.control = desc.control;
  plan.threads = desc.threads > 0 ? desc.threads : engine_threads();
  plan.optimizer = desc.optimizer;
  plan.format = desc.precision == GC_INT8 ? Format::kInt8 : desc.precision == GC_BF16 ? Format::kBf16 : Format::kF32;
  if (!desc.control || (!desc.host && desc.host_elements > 0))
    return fail(GC_INVALID_ARGUMENT, "expected a host arena and a control block");
  if (desc.threads < 0 || desc.threads > 1024)
    return fail(GC_INVALID_ARGUMENT, "expected 0 to 1024 threads, got %d", desc.threads);
  if (desc.optimizer < 0 || desc.optimizer > GC_ADAMW)
    return fail(GC_INVALID_ARGUMENT, "unknown optimizer %d", desc.optimizer);
  if (desc.precision == GC_INT8 && desc.loss >= 0)
    return fail(GC_UNSUPPORTED, "int8 is for inference: compute gradients in f32 or bf16");
  if (desc.precision < GC_FLOAT || desc.precision > GC_INT8)
    return fail(GC_INVALID_ARGUMENT, "unknown precision %d", desc.precision);
  gc_status status = read_graph(desc, plan);
  if (status == GC_OK) status = merge_parameters(plan);
  if (status != GC_OK) return status;
  if (desc.optimizer && (plan.loss < 0 || !plan.store->moment1 || (desc.optimizer >= GC_ADAM && !plan.store->moment2)))
    return fail(GC_INVALID_ARGUMENT, "expected a loss and moment arenas for training");
  status = prepare_nodes(plan);
  if (status != GC_OK) return status;
  const int64_t arena = layout_plan(plan);
  if (arena < 0) return fail(GC_OUT_OF_MEMORY, "no memory for the plan's tensors");
  plan.explanation = explain_plan(plan, arena);
  return GC_OK;
}
}  // namespace

gc_status gc_plan_create(const gc_plan_desc* desc, gc_plan** out) {
  auto* plan = new gc_plan;
  const gc_status status = compile(*desc, *plan);
  if (status != GC_OK) {
    delete plan;
    return status;
  }
  *out = plan;
  return GC_OK;
}

namespace {
// Holds a plan's busy flag for a scope.
struct Claim {
  Plan& plan;
  bool held;
  explicit Claim(Plan& p) : plan(p), held(!p.busy.exchange(true, std::memory_order_acquire)) {}
  ~Claim() {
    if (held) plan.busy.store(false, std::memory_order_release);
  }
};
}  // namespace

gc_status gc_plan_run(gc_plan* plan, gc_mode mode) {
  Claim claim(*plan);
  if (!claim.held) return fail(GC_BUSY, "this plan is running already: wait for the running call");
  return run_plan(*plan, mode);
}

gc_status gc_plan_generate(gc_plan* plan, int32_t token, int32_t sampled, int32_t count, int32_t stop, int32_t* out,
                           int32_t* done) {
  *done = 0;
  const auto is_ids = [&](int32_t id) {
    return id >= 0 && id < static_cast<int32_t>(plan->tensors.size()) && plan->tensors[id].role == GC_HOST &&
           plan->tensors[id].dtype == GC_I32;
  };
  if (!is_ids(token) || !is_ids(sampled))
    return fail(GC_INVALID_ARGUMENT, "expected host int32 tensors for token and sample");
  Claim claim(*plan);
  if (!claim.held) return fail(GC_BUSY, "this plan is running already: wait for the running call");
  auto* token_at = reinterpret_cast<int32_t*>(plan->host) + plan->tensors[token].slot;
  const auto* sampled_at = reinterpret_cast<const int32_t*>(plan->host) + plan->tensors[sampled].slot;
  for (int32_t i = 0; i < count; ++i) {
    const gc_status status = run_plan(*plan, GC_FORWARD);
    if (status != GC_OK) return status;
    plan->control[GC_C_STEP] += 1;
    out[i] = *sampled_at;
    *token_at = out[i];
    ++*done;
    if (out[i] == stop) break;
  }
  return GC_OK;
}

const char* gc_plan_explain(gc_plan* plan) { return plan->explanation.c_str(); }

int64_t gc_plan_bytes(gc_plan* plan) { return plan->arena.bytes() + (plan->store ? plan->store->packed_bytes() : 0); }

void gc_plan_destroy(gc_plan* plan) {
  while (plan->busy.exchange(true, std::memory_order_acquire)) cpu_relax();
  delete plan;
}
