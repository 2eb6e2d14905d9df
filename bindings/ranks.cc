// The processes of one training, and the sums over the shards of a batch: mpiOpen, ranksJoin, ranksGather, ranksReduce, ranksAlive,
// ranksFail, ranksLeave, storeSkipShard, storeTakeShards, storeHash.
#include "gatecell/ranks.h"

#include <napi.h>

#include <cstdio>
#include <new>

#include "args.h"
#include "async.h"
#include "handles.h"

namespace gatecell {

namespace {

// A job with the arguments of any of these functions, and the values that it keeps alive.
struct RanksJob : Job {
  char text[4096] = {};
  double number = 0;
  int32_t count = 0;
  int32_t* out = nullptr;
  void* buffer = nullptr;
  int64_t bytes = 0;
  Store* store = nullptr;
  napi_ref kept = nullptr;
};

bool read_text(napi_env env, napi_value value, const char* name, char (&out)[4096]) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, out, sizeof out, &length) == napi_ok && length + 1 < sizeof out)
    return true;
  throw_error(env, Code::kInvalidArgument, "Expected a text of at most %zu bytes for %s, found another value.",
              sizeof out - 2, name);
  return false;
}

bool read_number(napi_env env, napi_value value, const char* name, double* out) {
  if (napi_get_value_double(env, value, out) == napi_ok) return true;
  throw_error(env, Code::kInvalidArgument, "Expected a number for %s, found a value of another type.", name);
  return false;
}

// Reads an array of exactly `length` integers in shared memory.
bool read_out(napi_env env, napi_value value, size_t length, int32_t** out) {
  View<int32_t> view;
  if (!read_view(env, value, "out", Lifetime::kBorrowed, &view)) return false;
  *out = view.data;
  if (view.length == length) return true;
  throw_error(env, Code::kInvalidArgument, "Expected %zu integers for out, found %zu.", length, view.length);
  return false;
}

void release(napi_env env, Job* job) {
  RanksJob* mine = static_cast<RanksJob*>(job);
  if (mine->kept != nullptr) napi_delete_reference(env, mine->kept);
  delete mine;
}

// Queues a copy of `arguments`, whose `work` is set; `kept` stays alive until the job has ended.
napi_value submit_ranks(napi_env env, const RanksJob& arguments, napi_value kept, Lane lane = Lane::kRanks) {
  RanksJob* job = new (std::nothrow) RanksJob(arguments);
  if (job == nullptr || (kept != nullptr && napi_create_reference(env, kept, 1, &job->kept) != napi_ok)) {
    delete job;
    throw_error(env, Code::kOutOfMemory, "Expected memory for a job, found none.");
    return nullptr;
  }
  if (job->store != nullptr) job->store->running++;
  job->settled = [](napi_env, Job* run) {
    Store* store = static_cast<RanksJob*>(run)->store;
    if (store != nullptr) store->running--;
  };
  job->released = release;
  const napi_value promise = submit(env, job, lane);
  if (promise != nullptr) return promise;
  job->settled(env, job);
  release(env, job);
  return nullptr;
}

napi_value reduce_in(napi_env env, napi_callback_info info, Lane lane) {
  napi_value args[2];
  RanksJob job;
  REQUIRE(read_arguments(env, info, args));
  job.store = read_store(env, args[0]);
  REQUIRE(job.store != nullptr);
  REQUIRE(read_number(env, args[1], "total", &job.number));
  job.work = [](Job* run) {
    RanksJob* mine = static_cast<RanksJob*>(run);
    return gc_ranks_reduce(mine->store->core, mine->number);
  };
  return submit_ranks(env, job, args[0], lane);
}

}  // namespace

napi_value store_skip_shard(napi_env env, napi_callback_info info) {
  napi_value args[2];
  int32_t place;
  REQUIRE(read_arguments(env, info, args));
  Store* store = read_store(env, args[0]);
  REQUIRE(store != nullptr);
  REQUIRE(read_int(env, args[1], "place", 0, 1 << 20, &place));
  if (store->running > 0) {
    throw_error(env, Code::kBusy, "Expected an idle store, found %d running job(s) on it: wait for them.",
                store->running);
    return nullptr;
  }
  check_status(env, gc_store_skip_shard(store->core, place));
  return nullptr;
}

napi_value store_take_shards(napi_env env, napi_callback_info info) { return reduce_in(env, info, Lane::kMain); }

napi_value ranks_reduce(napi_env env, napi_callback_info info) { return reduce_in(env, info, Lane::kRanks); }

napi_value store_hash(napi_env env, napi_callback_info info) {
  napi_value args[1], result;
  uint64_t hash;
  REQUIRE(read_arguments(env, info, args));
  Store* store = read_store(env, args[0]);
  REQUIRE(store != nullptr);
  REQUIRE(check_status(env, gc_store_hash(store->core, &hash)));
  return napi_create_bigint_uint64(env, hash, &result) == napi_ok ? result : nullptr;
}

napi_value mpi_open(napi_env raw, napi_callback_info info) {
  napi_value args[1];
  char path[4096];
  gc_mpi mpi;
  REQUIRE(read_arguments(raw, info, args));
  REQUIRE(read_text(raw, args[0], "path", path));
  REQUIRE(check_status(raw, gc_mpi_open(path, &mpi)));
  Napi::Env env(raw);
  Napi::Object out = Napi::Object::New(env);
  out.Set("kind", mpi.kind);
  out.Set("library", mpi.library);
  out.Set("version", mpi.version);
  return out;
}

napi_value ranks_join(napi_env env, napi_callback_info info) {
  napi_value args[4];
  RanksJob job;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_text(env, args[0], "path", job.text));
  REQUIRE(read_number(env, args[1], "silence", &job.number));
  REQUIRE(read_int(env, args[2], "size", 1, 1 << 20, &job.count));
  REQUIRE(read_out(env, args[3], 2, &job.out));
  if (!(job.number > 0 && job.number <= 1e6)) {
    throw_error(env, Code::kInvalidArgument, "Expected a silence above 0 and of at most 1e6 seconds, found %g.",
                job.number);
    return nullptr;
  }
  job.work = [](Job* run) {
    RanksJob* mine = static_cast<RanksJob*>(run);
    gc_ranks_facts facts;
    const gc_status status = gc_ranks_join(mine->text, mine->number, mine->count, &facts);
    if (status == GC_OK) mine->out[0] = facts.rank, mine->out[1] = facts.size;
    return status;
  };
  return submit_ranks(env, job, args[3]);
}

napi_value ranks_gather(napi_env env, napi_callback_info info) {
  napi_value args[2];
  RanksJob job;
  View<uint8_t> buffer;
  int32_t size;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_view(env, args[0], "buffer", Lifetime::kBorrowed, &buffer));
  REQUIRE(read_int(env, args[1], "size", 1, 1 << 20, &size));
  if (size != gc_ranks_size() || buffer.length % static_cast<size_t>(size) != 0) {
    throw_error(env, Code::kInvalidArgument,
                "Expected a part of equal size for each of %d processes, found %zu bytes for %d.", gc_ranks_size(),
                buffer.length, size);
    return nullptr;
  }
  job.buffer = buffer.data;
  job.bytes = static_cast<int64_t>(buffer.length) / size;
  job.work = [](Job* run) {
    RanksJob* mine = static_cast<RanksJob*>(run);
    return gc_ranks_gather(mine->buffer, mine->bytes);
  };
  return submit_ranks(env, job, args[0]);
}

napi_value ranks_alive(napi_env env, napi_callback_info) {
  RanksJob job;
  job.work = [](Job*) { return gc_ranks_alive(); };
  return submit_ranks(env, job, nullptr);
}

napi_value ranks_fail(napi_env env, napi_callback_info info) {
  napi_value args[2];
  RanksJob job;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_text(env, args[0], "sentence", job.text));
  REQUIRE(read_out(env, args[1], 1, &job.out));
  job.work = [](Job* run) {
    RanksJob* mine = static_cast<RanksJob*>(run);
    return gc_ranks_fail(mine->text, mine->out);
  };
  return submit_ranks(env, job, args[1]);
}

napi_value ranks_leave(napi_env env, napi_callback_info) {
  RanksJob job;
  job.work = [](Job*) { return gc_ranks_leave(); };
  return submit_ranks(env, job, nullptr);
}

}  // namespace gatecell
