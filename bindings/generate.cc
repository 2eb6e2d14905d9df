// planGenerate, planGenerateRows, and both with Async: the native sampling loop, on this thread or on the engine's.
#include <string.h>

#include "args.h"
#include "async.h"
#include "handles.h"

namespace gatecell {

namespace {

// Reads the description of a loop: rows, watched, stop, the numbers of feeds and records, pairs (from, to), records.
bool read_loop(napi_env env, napi_value value, gc_loop* loop) {
  constexpr size_t kHead = 5;
  View<int32_t> view;
  if (!read_view(env, value, "loop", Lifetime::kCall, &view)) return false;
  const auto fits = [](int32_t n) { return n >= 0 && n <= GC_LOOP_TENSORS; };
  // Copied before it is checked: the array may be shared with another thread.
  int32_t head[kHead] = {};
  if (view.length >= kHead) memcpy(head, view.data, sizeof head);
  loop->rows = head[0], loop->watched = head[1], loop->stop = head[2];
  loop->feed_count = head[3], loop->record_count = head[4];
  if (!fits(head[3]) || !fits(head[4]) || view.length != kHead + static_cast<size_t>(2 * head[3] + head[4])) {
    throw_error(
        env, Code::kInvalidArgument,
        "Expected a loop of %zu integers, up to %d pairs and up to %d records but received %zu integers: see gc_loop.",
        kHead, GC_LOOP_TENSORS, GC_LOOP_TENSORS, view.length);
    return false;
  }
  memcpy(loop->feeds, view.data + kHead, static_cast<size_t>(2 * head[3]) * sizeof(int32_t));
  memcpy(loop->records, view.data + kHead + 2 * head[3], static_cast<size_t>(head[4]) * sizeof(int32_t));
  return true;
}

// Reads the first four arguments. `more`: elements that out has besides the records.
bool read_draws(napi_env env, const napi_value* args, Lifetime lifetime, size_t more, Plan** plan, Draws* draws) {
  View<int32_t> out;
  *plan = read_idle_plan(env, args[0]);
  if (*plan == nullptr || !read_loop(env, args[1], &draws->loop) ||
      !read_int(env, args[2], "count", 0, INT32_MAX, &draws->count) || !read_view(env, args[3], "out", lifetime, &out))
    return false;
  if (out.length < more) {
    throw_error(env, Code::kInvalidArgument,
                "Expected at least %zu elements in out but received %zu: pass a longer array.", more, out.length);
    return false;
  }
  draws->out = out.data;
  draws->elements = static_cast<int64_t>(out.length - more);
  return true;
}

}  // namespace

napi_value plan_generate(napi_env env, napi_callback_info info) {
  napi_value args[4], result;
  Plan* plan;
  Draws draws;
  int32_t done = 0;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_draws(env, args, Lifetime::kCall, 0, &plan, &draws));
  REQUIRE(check_status(env, gc_plan_generate(plan->core, &draws.loop, draws.count, draws.out, draws.elements, &done)));
  report_thread_refusal(env);
  REQUIRE(napi_create_int32(env, done, &result) == napi_ok);
  return result;
}

napi_value plan_generate_async(napi_env env, napi_callback_info info) {
  napi_value args[4];
  Plan* plan;
  Draws draws;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_draws(env, args, Lifetime::kBorrowed, 1, &plan, &draws));
  draws.done = draws.out + draws.elements;
  return submit(env, plan, draws, args[3], nullptr);
}

napi_value plan_generate_rows(napi_env env, napi_callback_info info) {
  napi_value args[5], result;
  Plan* plan;
  Draws draws;
  View<int32_t> table;
  int32_t done = 0;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_draws(env, args, Lifetime::kCall, 0, &plan, &draws));
  REQUIRE(read_view(env, args[4], "table", Lifetime::kCall, &table));
  REQUIRE(
      check_status(env, gc_plan_generate_rows(plan->core, &draws.loop, table.data, static_cast<int64_t>(table.length),
                                              draws.count, draws.out, draws.elements, &done)));
  report_thread_refusal(env);
  REQUIRE(napi_create_int32(env, done, &result) == napi_ok);
  return result;
}

napi_value plan_generate_rows_async(napi_env env, napi_callback_info info) {
  napi_value args[5];
  Plan* plan;
  Draws draws;
  View<int32_t> table;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_draws(env, args, Lifetime::kBorrowed, 1, &plan, &draws));
  REQUIRE(read_view(env, args[4], "table", Lifetime::kBorrowed, &table));
  if (table.length == 0) {
    throw_error(env, Code::kInvalidArgument, "Expected a table of rows but received an array of no elements.");
    return nullptr;
  }
  draws.done = draws.out + draws.elements;
  draws.table = table.data, draws.words = static_cast<int64_t>(table.length);
  return submit(env, plan, draws, args[3], args[4]);
}

}  // namespace gatecell
