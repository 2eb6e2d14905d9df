// planGenerate and planGenerateAsync: the native sampling loop, on this thread or on the engine's.
#include "args.h"
#include "async.h"
#include "handles.h"

namespace gatecell {

namespace {

// Reads the six arguments. `more`: elements that out has besides the ids.
bool read_draws(napi_env env, const napi_value (&args)[6], Lifetime lifetime, size_t more, Plan** plan, Draws* draws) {
  View<int32_t> out;
  *plan = read_idle_plan(env, args[0]);
  if (*plan == nullptr || !read_int(env, args[1], "token", 0, INT32_MAX, &draws->token) ||
      !read_int(env, args[2], "sampled", 0, INT32_MAX, &draws->sampled) ||
      !read_int(env, args[3], "count", 0, INT32_MAX - 1, &draws->count) ||
      !read_int(env, args[4], "stop", -1, INT32_MAX, &draws->stop) || !read_view(env, args[5], "out", lifetime, &out))
    return false;
  if (out.length < static_cast<size_t>(draws->count) + more) {
    throw_error(env, Code::kInvalidArgument, "Expected at least %zu elements in out, found %zu.",
                static_cast<size_t>(draws->count) + more, out.length);
    return false;
  }
  draws->out = out.data;
  return true;
}

}  // namespace

napi_value plan_generate(napi_env env, napi_callback_info info) {
  napi_value args[6], result;
  Plan* plan;
  Draws draws;
  int32_t done = 0;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_draws(env, args, Lifetime::kCall, 0, &plan, &draws));
  REQUIRE(check_status(
      env, gc_plan_generate(plan->core, draws.token, draws.sampled, draws.count, draws.stop, draws.out, &done)));
  report_thread_refusal(env);
  REQUIRE(napi_create_int32(env, done, &result) == napi_ok);
  return result;
}

napi_value plan_generate_async(napi_env env, napi_callback_info info) {
  napi_value args[6];
  Plan* plan;
  Draws draws;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_draws(env, args, Lifetime::kBorrowed, 1, &plan, &draws));
  return submit(env, plan, draws, args[5]);
}

}  // namespace gatecell
