// The readers of args.h.
#include "args.h"

#include <math.h>

namespace gatecell {

namespace {

const char* array_name(napi_typedarray_type type) {
  switch (type) {
    case napi_float32_array: return "Float32Array";
    case napi_float64_array: return "Float64Array";
    case napi_int32_array: return "Int32Array";
    default: return "Uint8Array";
  }
}

}  // namespace

bool read_int(napi_env env, napi_value value, const char* name, int32_t low, int32_t high, int32_t* out) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) {
    throw_error(env, Code::kInvalidArgument, "Expected an integer for %s, found a value of another type.", name);
    return false;
  }
  if (!(number >= low && number <= high) || number != trunc(number)) {
    throw_error(env, Code::kInvalidArgument, "Expected an integer from %d to %d for %s, found %g.", low, high, name,
                number);
    return false;
  }
  *out = static_cast<int32_t>(number);
  return true;
}

bool is_null(napi_env env, napi_value value) {
  napi_valuetype type;
  return napi_typeof(env, value, &type) == napi_ok && type == napi_null;
}

bool read_property(napi_env env, napi_value object, const char* name, napi_value* out) {
  napi_valuetype type;
  const bool readable = napi_typeof(env, object, &type) == napi_ok && type == napi_object;
  if (readable && napi_get_named_property(env, object, name, out) == napi_ok) return true;
  throw_error(env, Code::kInvalidArgument, "Expected an object with a property %s, found a value of another type.",
              name);
  return false;
}

bool read_array(napi_env env, napi_value value, const char* name, napi_typedarray_type type, Lifetime lifetime,
                void** data, size_t* length) {
  bool is_array = false;
  if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array) {
    throw_error(env, Code::kInvalidArgument, "Expected a %s for %s, found a value of another type.", array_name(type),
                name);
    return false;
  }
  napi_typedarray_type found;
  napi_value buffer;
  if (napi_get_typedarray_info(env, value, &found, length, data, &buffer, nullptr) != napi_ok) {
    throw_error(env, Code::kInvalidArgument, "Expected a readable %s for %s.", array_name(type), name);
    return false;
  }
  if (found != type) {
    throw_error(env, Code::kInvalidArgument, "Expected a %s for %s, found a typed array of another type.",
                array_name(type), name);
    return false;
  }
  bool detachable = false, detached = false;
  napi_is_arraybuffer(env, buffer, &detachable);
  if (detachable) napi_is_detached_arraybuffer(env, buffer, &detached);
  if (detached) {
    throw_error(env, Code::kInvalidArgument, "Expected an attached array for %s, found one whose buffer was detached.",
                name);
    return false;
  }
  if (lifetime == Lifetime::kBorrowed && detachable) {
    throw_error(env, Code::kInvalidArgument,
                "Expected %s to be a view of a SharedArrayBuffer, found one of an ArrayBuffer, which could be "
                "detached during a run.",
                name);
    return false;
  }
  if (*data == nullptr) *length = 0;
  return true;
}

bool read_handle(napi_env env, napi_value value, const char* name, const napi_type_tag& tag, void** out) {
  napi_valuetype type;
  bool ours = false;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_external ||
      napi_check_object_type_tag(env, value, &tag, &ours) != napi_ok || !ours ||
      napi_get_value_external(env, value, out) != napi_ok) {
    throw_error(env, Code::kInvalidArgument, "Expected a %s handle, found another value.", name);
    return false;
  }
  return true;
}

}  // namespace gatecell
