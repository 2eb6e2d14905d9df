// BPE: trainers (texts in, merges out; on the engine's thread) and encoders (bytes in, ids out; on this thread).
#include "gatecell/bpe.h"

#include <new>

#include "args.h"
#include "async.h"
#include "handles.h"

namespace gatecell {

namespace {

const napi_type_tag kTrainerTag = {0x3ad1f07c52b94e16, 0x8be2047d9f6c35a1};
const napi_type_tag kEncoderTag = {0x71c6e25a08fd4b93, 0xa4092be7d35f168c};

struct Trainer;

struct TrainerJob : Job {
  Trainer* trainer = nullptr;
  napi_ref array = nullptr;  // strong, so that the memory stays
  const uint8_t* bytes = nullptr;
  int32_t count = 0, end = 0, symbols = 0, min_count = 0;
  int32_t* out = nullptr;
};

struct Trainer {
  gc_bpe_trainer* core = nullptr;
  napi_ref handle = nullptr;  // weak, strong while a job is queued or running
  bool running = false;
  TrainerJob job;
};

void finalize_trainer(napi_env env, void* data, void*) {
  Trainer* trainer = static_cast<Trainer*>(data);
  if (trainer->handle != nullptr) napi_delete_reference(env, trainer->handle);
  gc_bpe_trainer_destroy(trainer->core);
  delete trainer;
}

void finalize_encoder(napi_env, void* data, void*) { gc_bpe_encoder_destroy(static_cast<gc_bpe_encoder*>(data)); }

// Returns a tagged external value that owns `data`, or deletes `data` and returns null with an exception pending.
napi_value make_external(napi_env env, void* data, napi_finalize finalize, const napi_type_tag& tag) {
  napi_value handle;
  if (napi_create_external(env, data, finalize, nullptr, &handle) != napi_ok) {
    finalize(env, data, nullptr);
  } else if (napi_type_tag_object(env, handle, &tag) == napi_ok) {
    return handle;
  }
  throw_error(env, Code::kOutOfMemory, "Expected to create a handle, but Node-API refused.");
  return nullptr;
}

// Returns the trainer of a handle, if it was not disposed of and no job of it runs.
Trainer* read_idle_trainer(napi_env env, napi_value value) {
  void* data;
  REQUIRE(read_handle(env, value, "trainer", kTrainerTag, &data));
  Trainer* trainer = static_cast<Trainer*>(data);
  if (trainer->running) {
    throw_error(env, Code::kBusy, "Expected an idle trainer, found one with a job under way: await it.");
    return nullptr;
  }
  if (trainer->core != nullptr) return trainer;
  throw_error(env, Code::kDisposed, "Expected a live trainer, found one that was disposed of.");
  return nullptr;
}

void release_job(napi_env env, Job* job) {
  TrainerJob* mine = static_cast<TrainerJob*>(job);
  napi_delete_reference(env, mine->array);
  napi_reference_unref(env, mine->trainer->handle, nullptr);  // the trainer may be collected now
}

// Queues the trainer's job, whose `work` is set.
napi_value submit_trainer(napi_env env, Trainer* trainer, napi_value array) {
  TrainerJob* job = &trainer->job;
  if (napi_create_reference(env, array, 1, &job->array) != napi_ok) {
    throw_error(env, Code::kOutOfMemory, "Expected memory for a job, found none.");
    return nullptr;
  }
  job->trainer = trainer;
  job->settled = [](napi_env, Job* run) { static_cast<TrainerJob*>(run)->trainer->running = false; };
  job->released = release_job;
  trainer->running = true;
  napi_reference_ref(env, trainer->handle, nullptr);
  const napi_value promise = submit(env, job);
  if (promise == nullptr) {
    trainer->running = false;
    release_job(env, job);
  }
  return promise;
}

}  // namespace

napi_value bpe_trainer_create(napi_env env, napi_callback_info info) {
  napi_value args[1];
  double bytes;
  REQUIRE(read_arguments(env, info, args));
  if (napi_get_value_double(env, args[0], &bytes) != napi_ok || !(bytes >= 0 && bytes <= 9007199254740991.0)) {
    throw_error(env, Code::kInvalidArgument, "Expected a number of bytes from 0 to 2^53 - 1 for maxBytes.");
    return nullptr;
  }
  Trainer* trainer = new (std::nothrow) Trainer();
  if (trainer == nullptr || gc_bpe_trainer_create(static_cast<int64_t>(bytes), &trainer->core) != GC_OK) {
    delete trainer;
    throw_error(env, Code::kOutOfMemory, "Expected memory for a trainer, found none.");
    return nullptr;
  }
  const napi_value handle = make_external(env, trainer, finalize_trainer, kTrainerTag);
  if (handle != nullptr && napi_create_reference(env, handle, 0, &trainer->handle) != napi_ok) {
    throw_error(env, Code::kOutOfMemory, "Expected to keep a handle, but Node-API refused.");
    return nullptr;
  }
  return handle;
}

napi_value bpe_trainer_add(napi_env env, napi_callback_info info) {
  napi_value args[4];
  int32_t count, end;
  View<uint8_t> bytes;
  REQUIRE(read_arguments(env, info, args));
  Trainer* trainer = read_idle_trainer(env, args[0]);
  REQUIRE(trainer != nullptr);
  REQUIRE(read_view(env, args[1], "bytes", Lifetime::kBorrowed, &bytes));
  REQUIRE(read_int(env, args[2], "count", 0, INT32_MAX, &count));
  REQUIRE(read_int(env, args[3], "end", 0, 1, &end));
  if (static_cast<size_t>(count) > bytes.length) {
    throw_error(env, Code::kInvalidArgument, "Expected at most the %zu elements of bytes as count, found %d.",
                bytes.length, count);
    return nullptr;
  }
  TrainerJob* job = &trainer->job;
  job->bytes = bytes.data;
  job->count = count;
  job->end = end;
  job->work = [](Job* run) {
    TrainerJob* mine = static_cast<TrainerJob*>(run);
    return gc_bpe_trainer_add(mine->trainer->core, mine->bytes, mine->count, mine->end);
  };
  return submit_trainer(env, trainer, args[1]);
}

napi_value bpe_trainer_step(napi_env env, napi_callback_info info) {
  napi_value args[4];
  View<int32_t> out;
  REQUIRE(read_arguments(env, info, args));
  Trainer* trainer = read_idle_trainer(env, args[0]);
  REQUIRE(trainer != nullptr);
  TrainerJob* job = &trainer->job;
  REQUIRE(read_int(env, args[1], "symbols", 0, INT32_MAX, &job->symbols));
  REQUIRE(read_int(env, args[2], "minCount", 0, INT32_MAX, &job->min_count));
  REQUIRE(read_view(env, args[3], "out", Lifetime::kBorrowed, &out));
  if (out.length < 2) {
    throw_error(env, Code::kInvalidArgument, "Expected at least 2 elements in out, found %zu.", out.length);
    return nullptr;
  }
  job->out = out.data;
  job->work = [](Job* run) {
    TrainerJob* mine = static_cast<TrainerJob*>(run);
    const gc_status status = gc_bpe_trainer_step(mine->trainer->core, mine->symbols, mine->min_count, &mine->out[0]);
    mine->out[1] = gc_bpe_trainer_count(mine->trainer->core);
    return status;
  };
  return submit_trainer(env, trainer, args[3]);
}

napi_value bpe_trainer_merges(napi_env env, napi_callback_info info) {
  napi_value args[2];
  View<int32_t> out;
  REQUIRE(read_arguments(env, info, args));
  Trainer* trainer = read_idle_trainer(env, args[0]);
  REQUIRE(trainer != nullptr);
  REQUIRE(read_view(env, args[1], "out", Lifetime::kCall, &out));
  const int32_t count = gc_bpe_trainer_count(trainer->core);
  if (out.length != 2 * static_cast<size_t>(count)) {
    throw_error(env, Code::kInvalidArgument, "Expected %d x 2 elements in out, found %zu.", count, out.length);
    return nullptr;
  }
  gc_bpe_trainer_merges(trainer->core, out.data);
  return nullptr;
}

napi_value bpe_trainer_dispose(napi_env env, napi_callback_info info) {
  napi_value args[1];
  REQUIRE(read_arguments(env, info, args));
  Trainer* trainer = read_idle_trainer(env, args[0]);
  REQUIRE(trainer != nullptr);
  gc_bpe_trainer_destroy(trainer->core);
  trainer->core = nullptr;
  return nullptr;
}

napi_value bpe_encoder_create(napi_env env, napi_callback_info info) {
  napi_value args[2];
  View<int32_t> merges, bytes;
  gc_bpe_encoder* encoder;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_view(env, args[0], "merges", Lifetime::kCall, &merges));
  REQUIRE(read_view(env, args[1], "bytes", Lifetime::kCall, &bytes));
  if (merges.length % 3 != 0 || merges.length / 3 > INT32_MAX || bytes.length != 256) {
    throw_error(env, Code::kInvalidArgument,
                "Expected 3 elements for each of the merges and 256 in bytes, found %zu and %zu.", merges.length,
                bytes.length);
    return nullptr;
  }
  REQUIRE(check_status(
      env, gc_bpe_encoder_create(merges.data, static_cast<int32_t>(merges.length / 3), bytes.data, &encoder)));
  return make_external(env, encoder, finalize_encoder, kEncoderTag);
}

napi_value bpe_encoder_fork(napi_env env, napi_callback_info info) {
  napi_value args[1];
  void* data;
  gc_bpe_encoder* encoder;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_handle(env, args[0], "encoder", kEncoderTag, &data));
  REQUIRE(check_status(env, gc_bpe_encoder_fork(static_cast<gc_bpe_encoder*>(data), &encoder)));
  return make_external(env, encoder, finalize_encoder, kEncoderTag);
}

napi_value bpe_encoder_room(napi_env env, napi_callback_info info) {
  napi_value args[2], result;
  void* data;
  int32_t count;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_handle(env, args[0], "encoder", kEncoderTag, &data));
  REQUIRE(read_int(env, args[1], "count", 0, INT32_MAX, &count));
  const int64_t room = gc_bpe_encoder_room(static_cast<gc_bpe_encoder*>(data), count);
  REQUIRE(napi_create_int64(env, room, &result) == napi_ok);
  return result;
}

napi_value bpe_encode(napi_env env, napi_callback_info info) {
  napi_value args[4], result;
  void* data;
  int32_t end;
  int64_t written = 0;
  View<uint8_t> bytes;
  View<int32_t> out;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_handle(env, args[0], "encoder", kEncoderTag, &data));
  REQUIRE(read_view(env, args[1], "bytes", Lifetime::kCall, &bytes));
  REQUIRE(read_int(env, args[2], "end", 0, 1, &end));
  REQUIRE(read_view(env, args[3], "out", Lifetime::kCall, &out));
  gc_bpe_encoder* encoder = static_cast<gc_bpe_encoder*>(data);
  const int64_t room = gc_bpe_encoder_room(encoder, static_cast<int64_t>(bytes.length));
  if (static_cast<int64_t>(out.length) < room) {
    throw_error(env, Code::kInvalidShape, "Expected at least %lld elements in out, found %zu.",
                static_cast<long long>(room), out.length);
    return nullptr;
  }
  REQUIRE(check_status(
      env, gc_bpe_encode(encoder, bytes.data, static_cast<int64_t>(bytes.length), end, out.data, &written)));
  REQUIRE(napi_create_int64(env, written, &result) == napi_ok);
  return result;
}

napi_value bpe_encode_dropped(napi_env env, napi_callback_info info) {
  napi_value args[4], result;
  void* data;
  int64_t written = 0;
  View<uint8_t> bytes;
  View<double> draws;
  View<int32_t> out;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_handle(env, args[0], "encoder", kEncoderTag, &data));
  REQUIRE(read_view(env, args[1], "bytes", Lifetime::kCall, &bytes));
  REQUIRE(read_view(env, args[2], "draws", Lifetime::kCall, &draws));
  REQUIRE(read_view(env, args[3], "out", Lifetime::kCall, &out));
  if (out.length < bytes.length || draws.length != 4) {
    throw_error(env, Code::kInvalidShape, "Expected at least %zu elements in out and 4 in draws, found %zu and %zu.",
                bytes.length, out.length, draws.length);
    return nullptr;
  }
  const double dropout = draws.data[0], seed = draws.data[1], text = draws.data[2], repetition = draws.data[3];
  const auto within = [](double value, double end) { return value >= 0 && value < end; };
  if (!(dropout >= 0 && dropout <= 1) || !within(seed, 0x1p53) || !within(text, 0x1p32) ||
      !within(repetition, 0x1p53)) {
    throw_error(env, Code::kInvalidArgument,
                "Expected a probability from 0 to 1, a seed below 2^53, a text below 2^32 and a repetition below 2^53 "
                "in draws, "
                "found %g, %g, %g and %g.",
                dropout, seed, text, repetition);
    return nullptr;
  }
  const gc_bpe_draws place = {static_cast<uint64_t>(seed), static_cast<uint64_t>(text),
                              static_cast<uint64_t>(repetition)};
  REQUIRE(check_status(
      env, gc_bpe_encode_dropped(static_cast<gc_bpe_encoder*>(data), bytes.data, static_cast<int64_t>(bytes.length),
                                 dropout, &place, out.data, &written)));
  REQUIRE(napi_create_int64(env, written, &result) == napi_ok);
  return result;
}

}  // namespace gatecell
