// The engine's own thread of an environment: runs the jobs of its plans in order of arrival, away from the event loop
// and from libuv's pool, and settles their promises on the JavaScript thread.
#pragma once
#include <node_api.h>

#include "handles.h"

namespace gatecell {

class Engine;

// Makes the environment's engine (no thread yet) and ties its end to the environment's. False: an exception is pending.
bool create_engine(napi_env env);

// Queues a job, whose three functions are set; the promise of its end, or null with an exception pending (then no function of the
// job is called).
napi_value submit(napi_env env, Job* job);

// Queues plan's job; the promise of its end, or null with an exception pending. The plan must be idle.
napi_value submit(napi_env env, Plan* plan, gc_mode mode);

// The same for a job of gc_plan_generate; keeps `array`, in which draws.out and draws.done lie.
napi_value submit(napi_env env, Plan* plan, const Draws& draws, napi_value array);

// Reports the system's first refusal of a thread to the callback of onThreadRefusal, where there is one to report. Called after
// every run.
void report_thread_refusal(napi_env env);

}  // namespace gatecell
