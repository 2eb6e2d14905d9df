// Plans: planCreate, planRun, planRunAside, planRunSync, planFetchStates, planExplain, planBytes, planDispose.
//
// planRunSync is called once per step: it reads one handle and one number, and allocates nothing.
#include <new>

#include "args.h"
#include "async.h"
#include "handles.h"
#include "table.h"

namespace gatecell {

namespace {

const napi_type_tag kPlanTag = {0x2b84f06d95c1473a, 0xa7e20d4c63f91b58};

struct Description {
  napi_value store, tensors, ops, attributes, carry, gradients, only_gradients, loss, optimizer, host, control, threads,
      precision, device;
};

bool read_description(napi_env env, napi_value object, Description* d) {
  return read_property(env, object, "store", &d->store) && read_property(env, object, "tensors", &d->tensors) &&
         read_property(env, object, "ops", &d->ops) && read_property(env, object, "attributes", &d->attributes) &&
         read_property(env, object, "carry", &d->carry) && read_property(env, object, "gradients", &d->gradients) &&
         read_property(env, object, "onlyGradients", &d->only_gradients) &&
         read_property(env, object, "loss", &d->loss) && read_property(env, object, "optimizer", &d->optimizer) &&
         read_property(env, object, "host", &d->host) && read_property(env, object, "control", &d->control) &&
         read_property(env, object, "threads", &d->threads) && read_property(env, object, "precision", &d->precision) &&
         read_property(env, object, "device", &d->device);
}

bool read_table(napi_env env, napi_value value, const char* name, size_t multiple, View<int32_t>* out) {
  if (!read_view(env, value, name, Lifetime::kCall, out)) return false;
  if (out->length % multiple == 0 && out->length <= INT32_MAX) return true;
  throw_error(env, Code::kInvalidArgument, "Expected a multiple of %zu integers for %s, found %zu.", multiple, name,
              out->length);
  return false;
}

// Copies of the tables of a description, to which its `desc` points.
struct Tables {
  Table tensors, ops, carry, gradients, attributes;

  // Copies a table of integers and sets `count` to the number of its records, of `multiple` integers each.
  template <class Count>
  static bool copy_records(napi_env env, napi_value value, const char* name, size_t multiple, Table* to, Count* count) {
    View<int32_t> view;
    if (!read_table(env, value, name, multiple, &view)) return false;
    *count = static_cast<Count>(view.length / multiple);
    return to->copy(env, view.data, view.length * sizeof(int32_t));
  }
  bool copy(napi_env env, const Description& d, gc_plan_desc* desc) {
    View<double> attribute_view;
    if (!copy_records(env, d.tensors, "tensors", GC_TENSOR_FIELDS, &tensors, &desc->tensor_count) ||
        !copy_records(env, d.ops, "ops", 1, &ops, &desc->ops_length) ||
        !copy_records(env, d.carry, "carry", 2, &carry, &desc->carry_count) ||
        !copy_records(env, d.gradients, "gradients", 2, &gradients, &desc->gradient_count) ||
        !read_view(env, d.attributes, "attributes", Lifetime::kCall, &attribute_view) ||
        !attributes.copy(env, attribute_view.data, attribute_view.length * sizeof(double)))
      return false;
    desc->tensors = tensors.as<int32_t>();
    desc->ops = ops.as<int32_t>();
    desc->attributes = attributes.as<double>();
    desc->attribute_count = static_cast<int64_t>(attribute_view.length);
    desc->carry = carry.as<int32_t>();
    desc->gradients = gradients.as<int32_t>();
    return true;
  }
};

bool read_settings(napi_env env, const Description& d, gc_plan_desc* desc) {
  return read_int(env, d.only_gradients, "onlyGradients", 0, 1, &desc->only_gradients) &&
         read_int(env, d.loss, "loss", -1, INT32_MAX, &desc->loss) &&
         read_int(env, d.optimizer, "optimizer", 0, GC_AMSGRAD, &desc->optimizer) &&
         read_int(env, d.threads, "threads", 0, 1024, &desc->threads) &&
         read_int(env, d.precision, "precision", 0, GC_TF32, &desc->precision) &&
         read_int(env, d.device, "device", 0, GC_AUTO, &desc->device);
}

// Reads the host arena and the control block, which the plan uses in place.
bool read_memory(napi_env env, const Description& d, gc_plan_desc* desc) {
  View<float> host;
  View<double> control;
  if (!read_view(env, d.host, "host", Lifetime::kBorrowed, &host)) return false;
  if (!read_view(env, d.control, "control", Lifetime::kBorrowed, &control)) return false;
  const size_t misaligned = reinterpret_cast<uintptr_t>(host.data) % 64;
  if (misaligned != 0) {
    throw_error(env, Code::kInvalidArgument, "Expected host to begin at a multiple of 64 bytes, found %zu beyond one.",
                misaligned);
    return false;
  }
  if (control.length < GC_CONTROL_SIZE) {
    throw_error(env, Code::kInvalidArgument, "Expected %d doubles for control, found %zu.", GC_CONTROL_SIZE,
                control.length);
    return false;
  }
  desc->host = host.data;
  desc->host_elements = static_cast<int64_t>(host.length);
  desc->control = control.data;
  return true;
}

// Frees the native part and the references. The Plan itself exists until its handle is collected.
void close_plan(napi_env env, Plan* plan) {
  if (plan->core == nullptr) return;
  gc_plan_destroy(plan->core);
  plan->core = nullptr;
  int64_t ignored;
  napi_adjust_external_memory(env, -plan->bytes, &ignored);
  napi_delete_reference(env, plan->host);
  napi_delete_reference(env, plan->control);
  if (plan->store != nullptr) {
    plan->store->plans--;
    trim_store(env, plan->store);
    plan->store = nullptr;
  }
}

void finalize_plan(napi_env env, void* data, void*) {
  Plan* plan = static_cast<Plan*>(data);
  close_plan(env, plan);
  int64_t ignored;
  napi_adjust_external_memory(env, -plan->host_bytes, &ignored);
  if (plan->handle != nullptr) napi_delete_reference(env, plan->handle);
  delete plan;
  release_library();
}

// Returns the external value, which owns `plan` then; on failure the plan is deleted.
napi_value make_handle(napi_env env, Plan* plan, const Description& d) {
  napi_value handle;
  const bool held = napi_create_reference(env, d.host, 1, &plan->host) == napi_ok &&
                    napi_create_reference(env, d.control, 1, &plan->control) == napi_ok;
  if (!held || napi_create_external(env, plan, finalize_plan, nullptr, &handle) != napi_ok) {
    finalize_plan(env, plan, nullptr);
  } else if (napi_type_tag_object(env, handle, &kPlanTag) == napi_ok &&
             napi_create_reference(env, handle, 0, &plan->handle) == napi_ok) {
    return handle;
  }
  throw_error(env, Code::kOutOfMemory, "Expected to create a plan handle, but Node-API refused.");
  return nullptr;
}

bool check_idle(napi_env env, const Plan* plan) {
  if (!plan->running) return true;
  throw_error(env, Code::kBusy, "Expected an idle plan, found one that is running: await its run first.");
  return false;
}

Plan* read_open_plan(napi_env env, napi_value value) {
  void* data;
  REQUIRE(read_handle(env, value, "plan", kPlanTag, &data));
  Plan* plan = static_cast<Plan*>(data);
  if (plan->core != nullptr) return plan;
  throw_error(env, Code::kDisposed, "Expected a live plan, found one that was disposed of.");
  return nullptr;
}

}  // namespace

Plan* read_plan(napi_env env, napi_value value) {
  Plan* plan = read_open_plan(env, value);
  if (plan == nullptr || plan->store == nullptr || !plan->store->disposed) return plan;
  throw_error(env, Code::kDisposed, "Expected a plan with a live store, found one whose store was disposed of.");
  return nullptr;
}

Plan* read_idle_plan(napi_env env, napi_value value) {
  Plan* plan = read_plan(env, value);
  return plan != nullptr && check_idle(env, plan) ? plan : nullptr;
}

void update_plan_bytes(napi_env env, Plan* plan) {
  if (plan->store != nullptr) update_store_bytes(env, plan->store, gc_store_bytes(plan->store->core));
  const int64_t bytes = gc_plan_own_bytes(plan->core);
  int64_t ignored;
  if (bytes != plan->bytes) napi_adjust_external_memory(env, bytes - plan->bytes, &ignored);
  plan->bytes = bytes;
}

napi_value plan_create(napi_env env, napi_callback_info info) {
  napi_value args[1];
  Description d;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_description(env, args[0], &d));
  gc_plan_desc desc = {};
  Store* store = nullptr;
  if (!is_null(env, d.store)) {
    store = read_store(env, d.store);
    REQUIRE(store != nullptr);
    desc.store = store->core;
  }
  Tables tables;
  REQUIRE(tables.copy(env, d, &desc) && read_settings(env, d, &desc) && read_memory(env, d, &desc));

  Plan* plan = new (std::nothrow) Plan();
  if (plan == nullptr) {
    throw_error(env, Code::kOutOfMemory, "Expected memory for a plan, found none.");
    return nullptr;
  }
  if (!check_status(env, gc_plan_create(&desc, &plan->core))) {
    delete plan;
    return nullptr;
  }
  retain_library();
  plan->store = store;
  if (store != nullptr) store->plans++;
  // So many plans in one turn of the event loop make V8 collect the arenas of plans that are not used any more.
  plan->host_bytes = desc.host_elements * 4;
  int64_t ignored;
  napi_adjust_external_memory(env, plan->host_bytes, &ignored);
  update_plan_bytes(env, plan);
  return make_handle(env, plan, d);
}

napi_value plan_run(napi_env env, napi_callback_info info) {
  napi_value args[2];
  int32_t mode;
  REQUIRE(read_arguments(env, info, args));
  Plan* plan = read_idle_plan(env, args[0]);
  REQUIRE(plan != nullptr);
  REQUIRE(read_int(env, args[1], "mode", GC_FORWARD, GC_SHARD, &mode));
  return submit(env, plan, static_cast<gc_mode>(mode));
}

napi_value plan_run_aside(napi_env env, napi_callback_info info) {
  napi_value args[1];
  REQUIRE(read_arguments(env, info, args));
  Plan* plan = read_idle_plan(env, args[0]);
  REQUIRE(plan != nullptr);
  return submit(env, plan, GC_FORWARD, Lane::kAside);
}

napi_value plan_run_sync(napi_env env, napi_callback_info info) {
  napi_value args[2];
  int32_t mode;
  REQUIRE(read_arguments(env, info, args));
  Plan* plan = read_idle_plan(env, args[0]);
  REQUIRE(plan != nullptr);
  REQUIRE(read_int(env, args[1], "mode", GC_FORWARD, GC_SHARD, &mode));
  if (check_status(env, gc_plan_run(plan->core, static_cast<gc_mode>(mode)))) report_thread_refusal(env);
  return nullptr;
}

napi_value plan_fetch_states(napi_env env, napi_callback_info info) {
  napi_value args[1];
  REQUIRE(read_arguments(env, info, args));
  Plan* plan = read_idle_plan(env, args[0]);
  REQUIRE(plan != nullptr);
  check_status(env, gc_plan_fetch_states(plan->core));
  return nullptr;
}

napi_value plan_explain(napi_env env, napi_callback_info info) {
  napi_value args[1], result;
  REQUIRE(read_arguments(env, info, args));
  Plan* plan = read_idle_plan(env, args[0]);
  REQUIRE(plan != nullptr);
  const char* text = gc_plan_explain(plan->core);
  if (text == nullptr) {
    throw_error(env, Code::kOutOfMemory, "Expected memory to explain the plan, found none.");
    return nullptr;
  }
  REQUIRE(napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result) == napi_ok);
  return result;
}

napi_value plan_bytes(napi_env env, napi_callback_info info) {
  napi_value args[1], result;
  REQUIRE(read_arguments(env, info, args));
  Plan* plan = read_plan(env, args[0]);
  REQUIRE(plan != nullptr);
  if (!plan->running) update_plan_bytes(env, plan);
  REQUIRE(napi_create_int64(env, plan->bytes + (plan->store == nullptr ? 0 : plan->store->bytes), &result) == napi_ok);
  return result;
}

napi_value plan_dispose(napi_env env, napi_callback_info info) {
  napi_value args[1];
  REQUIRE(read_arguments(env, info, args));
  Plan* plan = read_open_plan(env, args[0]);  // also one whose store was disposed of
  REQUIRE(plan != nullptr && check_idle(env, plan));
  close_plan(env, plan);
  return nullptr;
}

}  // namespace gatecell
