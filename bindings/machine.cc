// The machine, the thread count, the alignment of a view; and the life of the core as a whole.
#include <napi.h>

#include <cstring>
#include <mutex>

#include "args.h"
#include "handles.h"

namespace gatecell {

namespace {

std::mutex library_mutex;
int library_uses = 0;  // guarded by library_mutex

Napi::Array split_words(Napi::Env env, const char* text) {
  Napi::Array words = Napi::Array::New(env);
  uint32_t count = 0;
  while (*text != '\0') {
    const size_t length = std::strcspn(text, " ");
    if (length > 0) words.Set(count++, Napi::String::New(env, text, length));
    text += length + (text[length] == ' ' ? 1 : 0);
  }
  return words;
}

}  // namespace

void retain_library() {
  std::lock_guard<std::mutex> lock(library_mutex);
  library_uses++;
}

void release_library() {
  std::lock_guard<std::mutex> lock(library_mutex);  // held over the end, so that a new environment waits for it
  if (--library_uses == 0) gc_shutdown();
}

napi_value machine_info(napi_env raw, napi_callback_info) {
  gc_machine machine;
  REQUIRE(check_status(raw, gc_machine_info(&machine)));
  Napi::Env env(raw);
  Napi::Object out = Napi::Object::New(env);
  out.Set("isaFound", machine.isa_found);
  out.Set("isaUsed", machine.isa_used);
  out.Set("isaProblem", machine.isa_problem == nullptr ? env.Null() : Napi::String::New(env, machine.isa_problem));
  out.Set("features", split_words(env, machine.features));
  out.Set("cpuModel", machine.cpu_model);
  out.Set("cpusOnline", machine.cpus_online);
  out.Set("cpusAffinity", machine.cpus_affinity);
  out.Set("cgroupQuota", machine.cgroup_quota);
  out.Set("cgroupMemory", static_cast<double>(machine.cgroup_memory));
  out.Set("addressSpace", static_cast<double>(machine.address_space));
  out.Set("threads", machine.threads);
  return out;
}

napi_value set_threads(napi_env env, napi_callback_info info) {
  napi_value args[1];
  int32_t threads;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_int(env, args[0], "threads", 0, 1024, &threads));
  check_status(env, gc_set_threads(threads));
  return nullptr;
}

napi_value alignment(napi_env env, napi_callback_info info) {
  napi_value args[1], result;
  View<uint8_t> view;
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_view(env, args[0], "view", Lifetime::kCall, &view));
  REQUIRE(napi_create_uint32(env, static_cast<uint32_t>(reinterpret_cast<uintptr_t>(view.data) % 64), &result) ==
          napi_ok);
  return result;
}

}  // namespace gatecell
