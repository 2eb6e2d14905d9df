// Readers of arguments. Each reader checks its value; if it does not fit, it throws one sentence and returns false.
//
// A pointer read from a typed array is valid until JavaScript runs again, so a function first reads everything that may
// call back into JavaScript (properties of an object) and only then the pointers. Memory that outlives the call must be
// a SharedArrayBuffer: an ArrayBuffer can be transferred away or shrunk under a running job.
#pragma once
#include <node_api.h>
#include <stddef.h>
#include <stdint.h>

#include "errors.h"

// Leaves the function if a reader refused; the exception is pending then.
#define REQUIRE(accepted) \
  if (!(accepted)) return nullptr

namespace gatecell {

// Arguments that are missing read as undefined, surplus ones are ignored.
template <size_t N>
bool read_arguments(napi_env env, napi_callback_info info, napi_value (&out)[N]) {
  size_t count = N;
  return napi_get_cb_info(env, info, &count, out, nullptr, nullptr) == napi_ok;
}

// Reads an integer in [low, high].
bool read_int(napi_env env, napi_value value, const char* name, int32_t low, int32_t high, int32_t* out);

bool is_null(napi_env env, napi_value value);

bool read_property(napi_env env, napi_value object, const char* name, napi_value* out);

enum class Lifetime { kCall, kBorrowed };  // borrowed: kept after the call, so it must be a SharedArrayBuffer

template <class T>
struct View {
  T* data;
  size_t length;
};

// Reads one typed array of exactly this element type, which is not detached.
bool read_array(napi_env env, napi_value value, const char* name, napi_typedarray_type type, Lifetime lifetime,
                void** data, size_t* length);

inline bool read_view(napi_env env, napi_value value, const char* name, Lifetime lifetime, View<float>* out) {
  return read_array(env, value, name, napi_float32_array, lifetime, reinterpret_cast<void**>(&out->data), &out->length);
}
inline bool read_view(napi_env env, napi_value value, const char* name, Lifetime lifetime, View<double>* out) {
  return read_array(env, value, name, napi_float64_array, lifetime, reinterpret_cast<void**>(&out->data), &out->length);
}
inline bool read_view(napi_env env, napi_value value, const char* name, Lifetime lifetime, View<int32_t>* out) {
  return read_array(env, value, name, napi_int32_array, lifetime, reinterpret_cast<void**>(&out->data), &out->length);
}
inline bool read_view(napi_env env, napi_value value, const char* name, Lifetime lifetime, View<uint8_t>* out) {
  return read_array(env, value, name, napi_uint8_array, lifetime, reinterpret_cast<void**>(&out->data), &out->length);
}

// Reads a handle: an external value that has our type tag.
bool read_handle(napi_env env, napi_value value, const char* name, const napi_type_tag& tag, void** out);

}  // namespace gatecell
