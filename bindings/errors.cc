// Status codes and refusals as JavaScript errors.
#include "errors.h"

#include <stdarg.h>
#include <stdio.h>

namespace gatecell {

namespace {

struct CodeRow {
  const char* name;
  napi_status (*create)(napi_env env, napi_value code, napi_value message, napi_value* result);
};

const CodeRow& row(Code code) {
  static const CodeRow rows[] = {
      {"ERR_INVALID_ARGUMENT", napi_create_type_error},
      {"ERR_INVALID_SHAPE", napi_create_range_error},
      {"ERR_OUT_OF_RANGE", napi_create_range_error},
      {"ERR_OUT_OF_MEMORY", napi_create_error},
      {"ERR_UNSUPPORTED", napi_create_error},
      {"ERR_BUSY", napi_create_error},
      {"ERR_DISPOSED", napi_create_error},
      {"ERR_FILE_WRITE", napi_create_error},
      {"ERR_RANKS", napi_create_error},
  };
  return rows[static_cast<int>(code)];
}

}  // namespace

Code code_of(gc_status status) {
  switch (status) {
    case GC_INVALID_SHAPE: return Code::kInvalidShape;
    case GC_OUT_OF_MEMORY: return Code::kOutOfMemory;
    case GC_UNSUPPORTED: return Code::kUnsupported;
    case GC_OUT_OF_RANGE: return Code::kOutOfRange;
    case GC_BUSY: return Code::kBusy;
    case GC_FILE_WRITE: return Code::kFileWrite;
    case GC_RANKS: return Code::kRanks;
    default: return Code::kInvalidArgument;
  }
}

napi_value make_error(napi_env env, Code code, const char* message) {
  napi_value name, text, error;
  if (napi_create_string_utf8(env, row(code).name, NAPI_AUTO_LENGTH, &name) != napi_ok) return nullptr;
  if (napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &text) != napi_ok) return nullptr;
  if (row(code).create(env, name, text, &error) != napi_ok) return nullptr;
  return error;
}

void throw_error(napi_env env, Code code, const char* format, ...) {
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) != napi_ok || pending) return;
  char message[512];
  va_list values;
  va_start(values, format);
  vsnprintf(message, sizeof message, format, values);
  va_end(values);
  napi_value error = make_error(env, code, message);
  if (error != nullptr) napi_throw(env, error);
}

bool check_status(napi_env env, gc_status status) {
  if (status == GC_OK) return true;
  throw_error(env, code_of(status), "%s", gc_last_error());
  return false;
}

}  // namespace gatecell
