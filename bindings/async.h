// The engine's own threads of an environment. They run the jobs of its plans in order of arrival, outside of the event loop and of libuv's
// pool, and settle their promises on the JavaScript thread.
#pragma once
#include <node_api.h>

#include "handles.h"

namespace gatecell {

class Engine;

// The thread that runs a job. Jobs in kAside run next to those in kMain, such as the prompts of a server next to its draws. kRanks makes all
// calls of MPI.
enum class Lane { kMain = 0, kAside = 1, kRanks = 2 };

// Makes the engine of the environment (no thread yet), which ends with the environment. Returns false with an exception pending.
bool create_engine(napi_env env);

// Queues a job, whose three functions are set. Returns the promise of its end, or null with an exception pending (then no function of
// the job is called).
napi_value submit(napi_env env, Job* job, Lane lane = Lane::kMain);

// Queues the job of a plan, which must be idle. Returns the promise of its end, or null with an exception pending.
napi_value submit(napi_env env, Plan* plan, gc_mode mode, Lane lane = Lane::kMain);

// Does the same for a job of gc_plan_generate, and keeps `array`, which contains draws.out and draws.done. With a table of rows the job is one
// of gc_plan_generate_rows, and `table` is kept, too.
napi_value submit(napi_env env, Plan* plan, const Draws& draws, napi_value array, napi_value table);

// Reports the first time that the system refused a thread to the callback of onThreadRefusal, if that has happened. Called after
// every run.
void report_thread_refusal(napi_env env);

}  // namespace gatecell
