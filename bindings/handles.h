// The objects of the handles that JavaScript holds: a parameter store, a plan, and the job of a plan.
//
// A plan uses its store, so the store's native part lives until its last plan is gone. Everything here but Job::status
// and Job::message belongs to the JavaScript thread of one environment.
#pragma once
#include <node_api.h>
#include <stdint.h>

#include <chrono>

#include "gatecell/gatecell.h"

namespace gatecell {

struct Store {
  gc_store* core = nullptr;
  // data, grad, moment1, moment2, moment3, average, accumulated: strong, so that the memory stays.
  napi_ref arenas[7] = {};
  size_t arena_floats = 0;
  size_t params = 0;
  int plans = 0;
  int running = 0;         // jobs of its plans
  int64_t bytes = 0;       // native memory that its plans share, as last reported to the garbage collector
  bool has_handle = true;  // the external value was not collected yet
  bool disposed = false;
};

struct Plan;

// Work for the engine's thread. Its owner keeps it until `settled` was called.
struct Job {
  gc_status (*work)(Job* job) = nullptr;               // on the engine's thread
  void (*settled)(napi_env env, Job* job) = nullptr;   // on the JavaScript thread, before the promise settles
  void (*released)(napi_env env, Job* job) = nullptr;  // last: the job may go from here on
  Job* next = nullptr;                                 // in the engine's queue
  std::chrono::steady_clock::time_point ended;         // when work returned
  gc_status status = GC_OK;
  char message[512] = {};  // gc_last_error() of the engine's thread
  napi_deferred deferred = nullptr;
};

// The arguments of gc_plan_generate, and where the number of runs goes.
struct Draws {
  gc_loop loop = {};
  int32_t count = 0;
  int32_t* out = nullptr;
  int64_t elements = 0;
  int32_t* done = nullptr;
};

// The one job that a plan can have; part of the plan, so a run allocates nothing here.
struct PlanJob : Job {
  Plan* plan = nullptr;
  gc_mode mode = GC_FORWARD;
  Draws draws;               // of planGenerateAsync
  napi_ref drawn = nullptr;  // the array of draws.out: strong
};

struct Plan {
  gc_plan* core = nullptr;  // null: disposed
  Store* store = nullptr;
  napi_ref host = nullptr;     // strong
  napi_ref control = nullptr;  // strong
  napi_ref handle = nullptr;   // weak, strong while a job is queued or running
  int64_t bytes = 0;           // native memory of its own, as last reported to the garbage collector
  int64_t host_bytes = 0;      // the host arena, shared memory that V8 does not count; until the handle is collected
  bool running = false;
  PlanJob job;
};

// Each throws and returns null if the value is no such handle or was disposed of; a plan also if its store was.
Store* read_store(napi_env env, napi_value value);
Plan* read_plan(napi_env env, napi_value value);
// As read_plan, and throws ERR_BUSY while a job is queued or running.
Plan* read_idle_plan(napi_env env, napi_value value);

// Frees what of the store nobody can use any more: after a plan went, the handle went, or storeDispose.
void trim_store(napi_env env, Store* store);
// Reports to the garbage collector the native memory of the plan, and that which the plans of its store share.
void update_plan_bytes(napi_env env, Plan* plan);
// Reports to the garbage collector that the plans of `store` share `bytes` of native memory now.
void update_store_bytes(napi_env env, Store* store, int64_t bytes);

// Environments, stores and plans of the process are counted; the core's threads end with the last.
void retain_library();
void release_library();

// store.cc, plan.cc, machine.cc, measure.cc, device.cc, async.cc, first_values.cc, generate.cc, bpe.cc: the functions that addon.cc exports.
napi_value machine_info(napi_env env, napi_callback_info info);
napi_value set_threads(napi_env env, napi_callback_info info);
napi_value alignment(napi_env env, napi_callback_info info);
napi_value store_create(napi_env env, napi_callback_info info);
napi_value store_add_arena(napi_env env, napi_callback_info info);
napi_value store_set_groups(napi_env env, napi_callback_info info);
napi_value store_touch(napi_env env, napi_callback_info info);
napi_value store_fetch(napi_env env, napi_callback_info info);
napi_value store_copy(napi_env env, napi_callback_info info);
napi_value store_dispose(napi_env env, napi_callback_info info);
napi_value plan_create(napi_env env, napi_callback_info info);
napi_value plan_run(napi_env env, napi_callback_info info);
napi_value plan_run_sync(napi_env env, napi_callback_info info);
napi_value plan_generate(napi_env env, napi_callback_info info);
napi_value plan_generate_async(napi_env env, napi_callback_info info);
napi_value plan_fetch_states(napi_env env, napi_callback_info info);
napi_value plan_explain(napi_env env, napi_callback_info info);
napi_value plan_bytes(napi_env env, napi_callback_info info);
napi_value plan_dispose(napi_env env, napi_callback_info info);
napi_value measure(napi_env env, napi_callback_info info);
napi_value cuda_info(napi_env env, napi_callback_info info);
napi_value cuda_measure(napi_env env, napi_callback_info info);
napi_value cuda_library(napi_env env, napi_callback_info info);
napi_value orthonormalize(napi_env env, napi_callback_info info);
napi_value orthonormalize_async(napi_env env, napi_callback_info info);
napi_value bpe_trainer_create(napi_env env, napi_callback_info info);
napi_value bpe_trainer_add(napi_env env, napi_callback_info info);
napi_value bpe_trainer_step(napi_env env, napi_callback_info info);
napi_value bpe_trainer_merges(napi_env env, napi_callback_info info);
napi_value bpe_trainer_dispose(napi_env env, napi_callback_info info);
napi_value bpe_encoder_create(napi_env env, napi_callback_info info);
napi_value bpe_encoder_fork(napi_env env, napi_callback_info info);
napi_value bpe_encoder_room(napi_env env, napi_callback_info info);
napi_value bpe_encode(napi_env env, napi_callback_info info);
napi_value on_thread_refusal(napi_env env, napi_callback_info info);
napi_value nothing(napi_env env, napi_callback_info info);

}  // namespace gatecell
