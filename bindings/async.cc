// Three lanes per environment, each a queue with a thread that its first job starts.
//
// When an environment ends (process exit, worker.terminate()) its cleanup hooks run, newest first. The threadsafe
// function is created before our hook is added, so our hook runs while it is still usable: it drops queued jobs, waits
// for the running ones and joins the threads. After that nothing of ours calls Node-API but finalizers.
#include "async.h"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <new>

#include "args.h"
#include "gatecell/ranks.h"
#include "lane_thread.h"

namespace gatecell {

class Engine {
 public:
  bool start(napi_env env);
  napi_value submit(napi_env env, Job* job, Lane lane);
  static void stop(void* engine);  // cleanup hook
  static void destroy(napi_env env, void* engine, void* hint);
  bool set_refusal_callback(napi_env env, napi_value callback);
  napi_value refusal_callback(napi_env env) const;

 private:
  static void settle(napi_env env, napi_value callback, void* engine, void* job);

  napi_threadsafe_function settle_ = nullptr;
  int pending_ = 0;             // jobs whose promise is open; JavaScript thread only
  napi_ref refusal_ = nullptr;  // the callback of onThreadRefusal
  LaneThread lanes_[3];         // by Lane
};

bool Engine::start(napi_env env) {
  napi_value name;
  if (napi_create_string_utf8(env, "gatecell engine", NAPI_AUTO_LENGTH, &name) != napi_ok) return false;
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, settle, &settle_) !=
      napi_ok) {
    return false;
  }
  for (LaneThread& lane : lanes_) lane.settle_by(settle_);
  // An idle engine does not keep the process alive.
  return napi_unref_threadsafe_function(env, settle_) == napi_ok &&
         napi_add_env_cleanup_hook(env, stop, this) == napi_ok;
}

bool Engine::set_refusal_callback(napi_env env, napi_value callback) {
  if (refusal_ != nullptr) napi_delete_reference(env, refusal_);
  refusal_ = nullptr;
  return napi_create_reference(env, callback, 1, &refusal_) == napi_ok;
}

napi_value Engine::refusal_callback(napi_env env) const {
  napi_value callback = nullptr;
  return refusal_ != nullptr && napi_get_reference_value(env, refusal_, &callback) == napi_ok ? callback : nullptr;
}

napi_value Engine::submit(napi_env env, Job* job, Lane lane) {
  napi_value promise;
  if (napi_create_promise(env, &job->deferred, &promise) != napi_ok) return nullptr;
  if (!lanes_[static_cast<int>(lane)].add(job)) {
    throw_error(
        env, Code::kOutOfMemory,
        "Expected to start the engine's thread, but the system refused one: raise the limit of processes or of address "
        "space.");
    return nullptr;
  }
  if (pending_++ == 0) napi_ref_threadsafe_function(env, settle_);
  return promise;
}

void Engine::settle(napi_env env, napi_value, void* engine, void* data) {
  if (env == nullptr) return;  // the environment is ending: nobody waits for the promise
  Engine* self = static_cast<Engine*>(engine);
  Job* job = static_cast<Job*>(data);
  if (--self->pending_ == 0) napi_unref_threadsafe_function(env, self->settle_);
  job->settled(env, job);
  report_thread_refusal(env);
  napi_value result;
  if (job->status == GC_OK) {
    // For how long the JavaScript thread was busy with something else while the result waited.
    const std::chrono::duration<double, std::milli> waited = std::chrono::steady_clock::now() - job->ended;
    if (napi_create_double(env, waited.count(), &result) == napi_ok) napi_resolve_deferred(env, job->deferred, result);
  } else {
    result = make_error(env, code_of(job->status), job->message);
    if (result != nullptr) napi_reject_deferred(env, job->deferred, result);
  }
  job->released(env, job);
}

void Engine::stop(void* engine) {
  Engine* self = static_cast<Engine*>(engine);
  // An exchange may wait for a process that does not answer.
  if (self->lanes_[static_cast<int>(Lane::kRanks)].has_thread()) gc_ranks_interrupt();
  for (LaneThread& lane : self->lanes_) lane.stop();
  for (LaneThread& lane : self->lanes_) lane.join();
  napi_release_threadsafe_function(self->settle_, napi_tsfn_abort);
}

void Engine::destroy(napi_env, void* engine, void*) {
  delete static_cast<Engine*>(engine);
  release_library();
}

bool create_engine(napi_env env) {
  Engine* engine = new (std::nothrow) Engine();
  if (engine == nullptr || !engine->start(env) ||
      napi_set_instance_data(env, engine, Engine::destroy, nullptr) != napi_ok) {
    // A started engine has a cleanup hook by now and stays with the environment, which cannot use it.
    throw_error(env, Code::kOutOfMemory, "Expected to prepare the engine of this environment, but Node-API refused.");
    return false;
  }
  retain_library();
  return true;
}

namespace {
Engine* engine_of(napi_env env) {
  void* engine = nullptr;
  return napi_get_instance_data(env, &engine) == napi_ok ? static_cast<Engine*>(engine) : nullptr;
}
}  // namespace

void report_thread_refusal(napi_env env) {
  const Engine* engine = engine_of(env);
  const napi_value callback = engine != nullptr ? engine->refusal_callback(env) : nullptr;
  gc_thread_refusal refusal;
  if (callback == nullptr || !gc_take_thread_refusal(&refusal)) return;
  napi_value global, args[3];
  if (napi_get_global(env, &global) == napi_ok && napi_create_int32(env, refusal.wanted, &args[0]) == napi_ok &&
      napi_create_int32(env, refusal.granted, &args[1]) == napi_ok &&
      napi_create_string_utf8(env, std::strerror(refusal.error), NAPI_AUTO_LENGTH, &args[2]) == napi_ok)
    napi_call_function(env, global, callback, 3, args, nullptr);
}

napi_value on_thread_refusal(napi_env env, napi_callback_info info) {
  napi_value args[1];
  napi_valuetype type = napi_undefined;
  REQUIRE(read_arguments(env, info, args));
  napi_typeof(env, args[0], &type);
  if (type != napi_function) {
    throw_error(env, Code::kInvalidArgument, "Expected a function for callback, found another type.");
    return nullptr;
  }
  Engine* engine = engine_of(env);
  if (engine == nullptr || !engine->set_refusal_callback(env, args[0]))
    throw_error(env, Code::kOutOfMemory, "Expected to keep the callback, but Node-API refused.");
  return nullptr;
}

napi_value submit(napi_env env, Job* job, Lane lane) {
  Engine* engine = engine_of(env);
  return engine == nullptr ? nullptr : engine->submit(env, job, lane);
}

namespace {

void drop_arrays(napi_env env, PlanJob* job) {
  for (napi_ref* one : {&job->drawn, &job->table}) {
    if (*one != nullptr) napi_delete_reference(env, *one);
    *one = nullptr;
  }
}

// Queues the job of a plan, whose `work` is set.
napi_value submit_plan(napi_env env, Plan* plan, Lane lane = Lane::kMain) {
  PlanJob* job = &plan->job;
  job->plan = plan;
  job->settled = [](napi_env after, Job* run) {
    Plan* mine = static_cast<PlanJob*>(run)->plan;
    mine->running = false;
    if (mine->store != nullptr) mine->store->running--;
    update_plan_bytes(after, mine);
  };
  job->released = [](napi_env after, Job* run) {
    PlanJob* mine = static_cast<PlanJob*>(run);
    drop_arrays(after, mine);
    napi_reference_unref(after, mine->plan->handle, nullptr);  // the plan may be collected now
  };
  plan->running = true;
  if (plan->store != nullptr) plan->store->running++;
  napi_reference_ref(env, plan->handle, nullptr);
  const napi_value promise = submit(env, job, lane);
  if (promise == nullptr) {
    plan->running = false;
    if (plan->store != nullptr) plan->store->running--;
    job->released(env, job);
  }
  return promise;
}

}  // namespace

napi_value submit(napi_env env, Plan* plan, gc_mode mode, Lane lane) {
  plan->job.mode = mode;
  plan->job.work = [](Job* run) {
    PlanJob* mine = static_cast<PlanJob*>(run);
    return gc_plan_run(mine->plan->core, mine->mode);
  };
  return submit_plan(env, plan, lane);
}

napi_value submit(napi_env env, Plan* plan, const Draws& draws, napi_value array, napi_value table) {
  PlanJob* job = &plan->job;
  if (napi_create_reference(env, array, 1, &job->drawn) != napi_ok ||
      (draws.table != nullptr && napi_create_reference(env, table, 1, &job->table) != napi_ok)) {
    drop_arrays(env, job);
    throw_error(env, Code::kOutOfMemory, "Expected to keep the array of the draws, but Node-API refused.");
    return nullptr;
  }
  job->draws = draws;
  job->work = [](Job* run) {
    PlanJob* mine = static_cast<PlanJob*>(run);
    const Draws& d = mine->draws;
    if (d.table == nullptr) return gc_plan_generate(mine->plan->core, &d.loop, d.count, d.out, d.elements, d.done);
    return gc_plan_generate_rows(mine->plan->core, &d.loop, d.table, d.words, d.count, d.out, d.elements, d.done);
  };
  return submit_plan(env, plan);
}

}  // namespace gatecell
