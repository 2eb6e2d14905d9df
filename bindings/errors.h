// Status codes and refusals become JavaScript errors with a stable `code` (src/errors.ts) and one sentence.
#pragma once
#include <node_api.h>

#include "gatecell/gatecell.h"

namespace gatecell {

// The codes that the addon throws; the table of all is src/errors.ts.
enum class Code {
  kInvalidArgument,
  kInvalidShape,
  kOutOfRange,
  kOutOfMemory,
  kUnsupported,
  kBusy,
  kDisposed,
  kFileWrite,
  kRanks
};

Code code_of(gc_status status);

// Returns a new error object (TypeError for arguments, RangeError for shapes and ranges, otherwise Error); null if env is ending.
napi_value make_error(napi_env env, Code code, const char* message);

// Throw an error with a message in the form of printf. An exception that is already pending (of a getter of the caller) is not replaced.
void throw_error(napi_env env, Code code, const char* format, ...) __attribute__((format(printf, 3, 4)));

// Throws the core's last error on this thread unless status is GC_OK, and returns whether it is.
bool check_status(napi_env env, gc_status status);

}  // namespace gatecell
