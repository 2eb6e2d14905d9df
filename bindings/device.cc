// Devices: cudaInfo, cudaMeasure, cudaLibrary.
#include <napi.h>

#include "args.h"
#include "handles.h"

namespace gatecell {

napi_value cuda_info(napi_env raw, napi_callback_info) {
  gc_cuda cuda;
  REQUIRE(check_status(raw, gc_cuda_info(&cuda)));
  Napi::Env env(raw);
  Napi::Object out = Napi::Object::New(env);
  out.Set("available", Napi::Boolean::New(env, cuda.available != 0));
  out.Set("emulated", Napi::Boolean::New(env, cuda.emulated != 0));
  out.Set("reason", cuda.reason);
  out.Set("path", cuda.path);
  out.Set("memoryBytes", static_cast<double>(cuda.memory_bytes));
  return out;
}

napi_value cuda_measure(napi_env raw, napi_callback_info info) {
  napi_value args[1];
  int32_t precision = 0;
  gc_cuda_rates rates;
  REQUIRE(read_arguments(raw, info, args));
  REQUIRE(read_int(raw, args[0], "precision", 0, 3, &precision));
  REQUIRE(check_status(raw, gc_cuda_measure(precision, &rates)));
  Napi::Object out = Napi::Object::New(Napi::Env(raw));
  out.Set("launchSeconds", rates.launch_seconds);
  out.Set("runSeconds", rates.run_seconds);
  out.Set("flops", rates.flops);
  out.Set("copyBytes", rates.copy_bytes);
  return out;
}

napi_value cuda_library(napi_env env, napi_callback_info info) {
  napi_value args[1];
  char path[4096];
  size_t length = 0;
  REQUIRE(read_arguments(env, info, args));
  if (napi_get_value_string_utf8(env, args[0], path, sizeof path, &length) != napi_ok || length + 1 >= sizeof path) {
    throw_error(env, Code::kInvalidArgument, "Expected a path of at most %zu bytes, found another value.",
                sizeof path - 2);
    return nullptr;
  }
  check_status(env, gc_cuda_library(path));
  return nullptr;
}

}  // namespace gatecell
