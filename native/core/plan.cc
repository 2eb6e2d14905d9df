// plan.cc: compile a description into a plan, generate, destroy.
#include <climits>

#include "claim.h"
#include "device_plan.h"
#include "graph.h"
#include "guarded.h"
#include "machine.h"
#include "op.h"
#include "spin_wait.h"

using namespace gatecell;

namespace {
// Marks, for each node, the inputs whose gradients are already written when its backward pass runs.
void mark_accumulation(Plan& plan) {
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
}

gc_status prepare_nodes(Plan& plan) {
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

// Checks the description and reads the graph, for processor and device.
gc_status read_plan(const gc_plan_desc& desc, Plan& plan) {
  plan.store = desc.store;
  plan.host = static_cast<char*>(desc.host);
  plan.control = desc.control;
  plan.threads = desc.threads > 0 ? bound_threads(desc.threads) : engine_threads();
  plan.optimizer = desc.optimizer;
  plan.format = desc.precision == GC_INT8 ? Format::kInt8 : desc.precision == GC_BF16 ? Format::kBf16 : Format::kF32;
  if (!desc.control || (!desc.host && desc.host_elements > 0))
    return fail(GC_INVALID_ARGUMENT, "expected a host arena and a control block");
  if (desc.threads < 0 || desc.threads > 1024)
    return fail(GC_INVALID_ARGUMENT, "expected 0 to 1024 threads, got %d", desc.threads);
  if (desc.optimizer < 0 || desc.optimizer > GC_AMSGRAD)
    return fail(GC_INVALID_ARGUMENT, "unknown optimizer %d", desc.optimizer);
  if (desc.precision == GC_INT8 && desc.loss >= 0)
    return fail(GC_UNSUPPORTED, "int8 is for inference: compute gradients in f32 or bf16");
  if (desc.precision < GC_FLOAT || desc.precision > GC_TF32)
    return fail(GC_INVALID_ARGUMENT, "unknown precision %d", desc.precision);
  gc_status status = read_graph(desc, plan);
  if (status == GC_OK) status = merge_parameters(plan);
  if (status != GC_OK) return status;
  if (desc.optimizer &&
      (plan.loss < 0 || !plan.store || !plan.store->moment1 || (desc.optimizer >= GC_ADAM && !plan.store->moment2)))
    return fail(
        GC_INVALID_ARGUMENT,
        "expected a loss and moment arenas for training but found none: record a loss, in a model made for training");
  if (desc.optimizer == GC_AMSGRAD && !plan.store->moment3)
    return fail(GC_INVALID_ARGUMENT, "expected a third arena of moments for AMSGrad but found none: add it first");
  mark_accumulation(plan);
  return GC_OK;
}

gc_status compile(const gc_plan_desc& desc, Plan& plan) {
  gc_status status = read_plan(desc, plan);
  if (status != GC_OK) return status;
  if (desc.precision == GC_TF32)
    return fail(GC_UNSUPPORTED, "tf32 products are for the GPU: compute in f32 or bf16 on the processor");
  status = prepare_nodes(plan);
  if (status != GC_OK) return status;
  if (!plan.store) plan.own_pool = std::make_unique<ArenaPool>();
  const int64_t bytes = layout_plan(plan);
  if (bytes < 0 || !plan.arena.enter(plan.store ? plan.store->arenas : *plan.own_pool, bytes))
    return fail(GC_OUT_OF_MEMORY, "no memory for the plan's tensors");
  const PassArena arena(plan);
  if (arena.out_of_memory()) return fail(GC_OUT_OF_MEMORY, "no memory for the plan's tensors");
  prepare_update(plan);
  status = prepare_carries(plan);
  if (status != GC_OK) return status;
  plan.explanation = explain_plan(plan);
  return GC_OK;
}

// Compiles the plan for the device. With GC_AUTO a plan that would be faster on the processor gets no `device`.
gc_status compile_on_device(const gc_plan_desc& desc, Plan& plan) {
  const Backend& backend = cuda_backend();
  if (!backend.table) return fail(GC_UNSUPPORTED, "expected a GPU, but %s", backend.reason.c_str());
  plan.on_device = true;
  gc_status status = read_plan(desc, plan);
  if (status == GC_OK) status = prepare_on_device(plan, desc.precision);
  if (status != GC_OK) return status;
  plan.device_why = "the caller asked for it";
  if (desc.device == GC_AUTO && !faster_on_device(plan, desc.precision, plan.device_why)) {
    plan.device.reset();
    return GC_OK;
  }
  status = finish_on_device(plan);
  if (status == GC_OK) plan.explanation = explain_plan(plan);
  return status;
}

gc_status create(const gc_plan_desc& desc, std::unique_ptr<gc_plan>& plan) {
  std::string why;
  if (desc.device < GC_CPU || desc.device > GC_AUTO) return fail(GC_INVALID_ARGUMENT, "unknown device %d", desc.device);
  if (desc.device != GC_CPU) {
    plan = std::make_unique<gc_plan>();
    const gc_status status = compile_on_device(desc, *plan);
    if (desc.device == GC_CUDA || (status == GC_OK && plan->device)) return status;
    why = status == GC_OK ? plan->device_why : gc_last_error();
  }
  plan = std::make_unique<gc_plan>();
  plan->device_why = why;
  return compile(desc, *plan);
}
}  // namespace

gc_status gc_plan_create(const gc_plan_desc* desc, gc_plan** out) {
  return guarded([&] {
    std::unique_ptr<gc_plan> plan;
    const gc_status status = create(*desc, plan);
    if (status == GC_OK) prefer_huge_pages(desc->host, desc->host_elements * 4);
    if (status == GC_OK) *out = plan.release();
    return status;
  });
}

// A caller in C can pass any number as a mode. It stays an integer in the closures, which are memory: a load of an enumerator
// that does not exist is undefined. run_plan refuses it.
gc_status gc_plan_run(gc_plan* plan, gc_mode mode) {
  const int number = mode;
  return claimed(*plan, [&] { return run_plan(*plan, static_cast<gc_mode>(number)); });
}

gc_status gc_plan_time(gc_plan* plan, gc_mode mode, int32_t count, double* seconds) {
  const int number = mode;
  return claimed(*plan, [&] {
    if (!plan->device) return fail(GC_UNSUPPORTED, "expected a plan on a device to time its runs there");
    if (count < 1) return fail(GC_INVALID_ARGUMENT, "expected at least one run to time, got %d", count);
    const gc_status status = run_plan(*plan, static_cast<gc_mode>(number));
    return status == GC_OK ? time_on_device(*plan, static_cast<gc_mode>(number), count, seconds) : status;
  });
}

gc_status gc_plan_fetch_states(gc_plan* plan) {
  return claimed(*plan, [&] { return plan->device ? fetch_states(*plan) : GC_OK; });
}

const char* gc_plan_explain(gc_plan* plan) {
  const gc_status status = guarded([&] {
    // A device chooses among kernels at the first run; while a run is under way, the explanation from before it is returned.
    Claim claim(*plan);
    if (claim.held && plan->device) plan->explanation = explain_plan(*plan);
    return GC_OK;
  });
  return status == GC_OK ? plan->explanation.c_str() : nullptr;
}

int64_t gc_plan_bytes(gc_plan* plan) {
  return own_bytes(*plan) + (plan->store && !plan->device ? gc_store_bytes(static_cast<gc_store*>(plan->store)) : 0);
}

int64_t gc_plan_own_bytes(gc_plan* plan) { return own_bytes(*plan); }

void gc_plan_destroy(gc_plan* plan) {
  while (plan->busy.exchange(true, std::memory_order_acquire)) cpu_relax();
  delete plan;
}
