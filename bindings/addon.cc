// The export table of the addon; src/native.ts holds the types.
#include <napi.h>

#include "async.h"
#include "handles.h"

namespace {

napi_property_descriptor method(const char* name, napi_callback function) {
  return {name, nullptr, function, nullptr, nullptr, nullptr, napi_enumerable, nullptr};
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  if (!gatecell::create_engine(env)) return exports;
  const napi_property_descriptor methods[] = {
      method("machineInfo", gatecell::machine_info),
      method("setThreads", gatecell::set_threads),
      method("alignment", gatecell::alignment),
      method("storeCreate", gatecell::store_create),
      method("storeTouch", gatecell::store_touch),
      method("storeDispose", gatecell::store_dispose),
      method("planCreate", gatecell::plan_create),
      method("planRun", gatecell::plan_run),
      method("planRunAside", gatecell::plan_run_aside),
      method("planRunSync", gatecell::plan_run_sync),
      method("planGenerate", gatecell::plan_generate),
      method("planGenerateAsync", gatecell::plan_generate_async),
      method("planGenerateRows", gatecell::plan_generate_rows),
      method("planGenerateRowsAsync", gatecell::plan_generate_rows_async),
      method("planExplain", gatecell::plan_explain),
      method("planBytes", gatecell::plan_bytes),
      method("planDispose", gatecell::plan_dispose),
      method("measure", gatecell::measure),
      method("storeFetch", gatecell::store_fetch),
      method("cudaInfo", gatecell::cuda_info),
      method("cudaLibrary", gatecell::cuda_library),
      method("planFetchStates", gatecell::plan_fetch_states),
      method("cudaMeasure", gatecell::cuda_measure),
      method("nothing", gatecell::nothing),
      method("storeAddArena", gatecell::store_add_arena),
      method("onThreadRefusal", gatecell::on_thread_refusal),
      method("orthonormalize", gatecell::orthonormalize),
      method("orthonormalizeAsync", gatecell::orthonormalize_async),
      method("storeCopy", gatecell::store_copy),
      method("storeShare", gatecell::store_share),
      method("storeSharedBytes", gatecell::store_shared_bytes),
      method("storeSetGroups", gatecell::store_set_groups),
      method("storeSkipShard", gatecell::store_skip_shard),
      method("storeTakeShards", gatecell::store_take_shards),
      method("storeHash", gatecell::store_hash),
      method("mpiOpen", gatecell::mpi_open),
      method("ranksJoin", gatecell::ranks_join),
      method("ranksGather", gatecell::ranks_gather),
      method("ranksReduce", gatecell::ranks_reduce),
      method("ranksAlive", gatecell::ranks_alive),
      method("ranksFail", gatecell::ranks_fail),
      method("ranksLeave", gatecell::ranks_leave),
      method("bpeTrainerCreate", gatecell::bpe_trainer_create),
      method("bpeTrainerAdd", gatecell::bpe_trainer_add),
      method("bpeTrainerStep", gatecell::bpe_trainer_step),
      method("bpeTrainerMerges", gatecell::bpe_trainer_merges),
      method("bpeTrainerDispose", gatecell::bpe_trainer_dispose),
      method("bpeEncoderCreate", gatecell::bpe_encoder_create),
      method("bpeEncoderFork", gatecell::bpe_encoder_fork),
      method("bpeEncoderRoom", gatecell::bpe_encoder_room),
      method("bpeEncode", gatecell::bpe_encode),
      method("bpeEncodeDropped", gatecell::bpe_encode_dropped),
  };
  napi_define_properties(env, exports, sizeof methods / sizeof methods[0], methods);
  exports.Set("version", GATECELL_VERSION);
  return exports;
}

}  // namespace

NODE_API_MODULE(gatecell, init)
