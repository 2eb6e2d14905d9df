// orthonormalize and orthonormalizeAsync: rows of first values, on this thread or on the engine's.
#include <new>

#include "args.h"
#include "async.h"
#include "handles.h"

namespace gatecell {

namespace {

struct Rows {
  double* values;
  int64_t rows, columns, from, to;
  gc_status run() const { return gc_orthonormalize(values, rows, columns, from, to); }
};

struct RowsJob : Job {
  Rows rows;
  napi_ref array = nullptr;  // strong, so that the memory stays
};

bool read_rows(napi_env env, napi_callback_info info, napi_value* array, Rows* out) {
  napi_value args[5];
  int32_t rows, columns, from, to;
  View<double> values;
  if (!read_arguments(env, info, args) || !read_int(env, args[1], "rows", 1, INT32_MAX, &rows) ||
      !read_int(env, args[2], "columns", rows, INT32_MAX, &columns) ||
      !read_int(env, args[3], "from", 0, rows, &from) || !read_int(env, args[4], "to", from, rows, &to) ||
      !read_view(env, args[0], "values", Lifetime::kBorrowed, &values))
    return false;
  const uint64_t count = uint64_t{static_cast<uint32_t>(rows)} * static_cast<uint32_t>(columns);
  if (values.length / GC_ORTHONORMAL_LANES < count) {
    throw_error(env, Code::kInvalidArgument, "Expected %d values for each of %d x %d elements, found %zu in all.",
                GC_ORTHONORMAL_LANES, rows, columns, values.length);
    return false;
  }
  if (reinterpret_cast<uintptr_t>(values.data) % 16 != 0) {
    throw_error(env, Code::kInvalidArgument, "Expected values to begin at a multiple of 16 bytes.");
    return false;
  }
  *array = args[0];
  *out = {values.data, rows, columns, from, to};
  return true;
}

void release(napi_env env, Job* job) {
  RowsJob* mine = static_cast<RowsJob*>(job);
  napi_delete_reference(env, mine->array);
  delete mine;
}

}  // namespace

napi_value orthonormalize(napi_env env, napi_callback_info info) {
  napi_value array;
  Rows rows;
  REQUIRE(read_rows(env, info, &array, &rows));
  check_status(env, rows.run());
  return nullptr;
}

napi_value orthonormalize_async(napi_env env, napi_callback_info info) {
  napi_value array;
  Rows rows;
  REQUIRE(read_rows(env, info, &array, &rows));
  RowsJob* job = new (std::nothrow) RowsJob();
  if (job == nullptr || napi_create_reference(env, array, 1, &job->array) != napi_ok) {
    delete job;
    throw_error(env, Code::kOutOfMemory, "Expected memory for a job, found none.");
    return nullptr;
  }
  job->rows = rows;
  job->work = [](Job* run) { return static_cast<RowsJob*>(run)->rows.run(); };
  job->settled = [](napi_env, Job*) {};
  job->released = release;
  const napi_value promise = submit(env, job);
  if (promise == nullptr) release(env, job);
  return promise;
}

}  // namespace gatecell
