// The objects of the handles that JavaScript holds: a parameter store, a plan, and the job of a plan.
//
// A plan uses its store, so the native part of the store lives until its last plan is destroyed. Only the JavaScript thread of one
// environment uses these objects, except Job::status and Job::message.
#pragma once
#include <node_api.h>
#include <stdint.h>

#include <chrono>

#include "gatecell/row_table.h"

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
  bool has_handle = true;  // the external value has not been collected yet
  bool disposed = false;
};

struct Plan;

// Work for the engine's thread. Its owner keeps it until `released` is called.
struct Job {
  gc_status (*work)(Job* job) = nullptr;               // on the engine's thread
  void (*settled)(napi_env env, Job* job) = nullptr;   // on the JavaScript thread, before the promise settles
  void (*released)(napi_env env, Job* job) = nullptr;  // last: the job may be deleted
  Job* next = nullptr;                                 // in the engine's queue
  std::chrono::steady_clock::time_point ended;         // when work returned
  gc_status status = GC_OK;
  char message[512] = {};  // gc_last_error() of the engine's thread
  napi_deferred deferred = nullptr;
};

// The arguments of gc_plan_generate or gc_plan_generate_rows, and the number of runs.
struct Draws {
  gc_loop loop = {};
  int32_t count = 0;
  int32_t* out = nullptr;
  int64_t elements = 0;
  int32_t* done = nullptr;
  int32_t* table = nullptr;  // of gc_plan_generate_rows
  int64_t words = 0;
};

// The one job that a plan can have; part of the plan, so a run allocates nothing here.
struct PlanJob : Job {
  Plan* plan = nullptr;
  gc_mode mode = GC_FORWARD;
  Draws draws;               // of planGenerateAsync
  napi_ref drawn = nullptr;  // the array of draws.out: strong
  napi_ref table = nullptr;  // the array of draws.table: strong
};

struct Plan {
  gc_plan* core = nullptr;  // null after planDispose
  Store* store = nullptr;
  napi_ref host = nullptr;     // strong
  napi_ref control = nullptr;  // strong
  napi_ref handle = nullptr;   // weak, strong while a job is queued or running
  int64_t bytes = 0;           // native memory of its own, as last reported to the garbage collector
  int64_t host_bytes = 0;      // the host arena, shared memory that V8 does not count; until the handle is collected
  bool running = false;
  PlanJob job;
};

// Return the object of a handle, or throw and return null if it is not one or was disposed of; read_plan also if the plan's store was.
Store* read_store(napi_env env, napi_value value);
Plan* read_plan(napi_env env, napi_value value);
// Does the same as read_plan, and throws ERR_BUSY while a job of the plan is queued or running.
Plan* read_idle_plan(napi_env env, napi_value value);

// Frees the parts of the store that cannot be used any more. Called after a plan or the handle was collected, and after storeDispose.
void trim_store(napi_env env, Store* store);
// Reports to the garbage collector the native memory of the plan, and that which the plans of its store share.
void update_plan_bytes(napi_env env, Plan* plan);
// Reports to the garbage collector that the plans of `store` share `bytes` of native memory now.
void update_store_bytes(napi_env env, Store* store, int64_t bytes);

// Count the environments, stores and plans of the process. The threads of the core end with the last one.
void retain_library();
void release_library();

// The functions that addon.cc exports, from store.cc, plan.cc, machine.cc, measure.cc, device.cc, async.cc, first_values.cc, generate.cc,
// ranks.cc and bpe.cc.
napi_value machine_info(napi_env env, napi_callback_info info);
napi_value set_threads(napi_env env, napi_callback_info info);
napi_value alignment(napi_env env, napi_callback_info info);
napi_value store_create(napi_env env, napi_callback_info info);
napi_value store_add_arena(napi_env env, napi_callback_info info);
napi_value store_set_groups(napi_env env, napi_callback_info info);
napi_value store_touch(napi_env env, napi_callback_info info);
napi_value store_fetch(napi_env env, napi_callback_info info);
napi_value store_copy(napi_env env, napi_callback_info info);
napi_value store_share(napi_env env, napi_callback_info info);
napi_value store_shared_bytes(napi_env env, napi_callback_info info);
napi_value store_dispose(napi_env env, napi_callback_info info);
napi_value plan_create(napi_env env, napi_callback_info info);
napi_value plan_run(napi_env env, napi_callback_info info);
napi_value plan_run_aside(napi_env env, napi_callback_info info);
napi_value plan_run_sync(napi_env env, napi_callback_info info);
napi_value plan_generate(napi_env env, napi_callback_info info);
napi_value plan_generate_async(napi_env env, napi_callback_info info);
napi_value plan_generate_rows(napi_env env, napi_callback_info info);
napi_value plan_generate_rows_async(napi_env env, napi_callback_info info);
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
napi_value bpe_encode_dropped(napi_env env, napi_callback_info info);
napi_value store_skip_shard(napi_env env, napi_callback_info info);
napi_value store_take_shards(napi_env env, napi_callback_info info);
napi_value store_hash(napi_env env, napi_callback_info info);
napi_value mpi_open(napi_env env, napi_callback_info info);
napi_value ranks_join(napi_env env, napi_callback_info info);
napi_value ranks_gather(napi_env env, napi_callback_info info);
napi_value ranks_reduce(napi_env env, napi_callback_info info);
napi_value ranks_alive(napi_env env, napi_callback_info info);
napi_value ranks_fail(napi_env env, napi_callback_info info);
napi_value ranks_leave(napi_env env, napi_callback_info info);
napi_value on_thread_refusal(napi_env env, napi_callback_info info);
napi_value nothing(napi_env env, napi_callback_info info);

}  // namespace gatecell
