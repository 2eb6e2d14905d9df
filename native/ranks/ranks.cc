// ranks.cc: the C functions of ranks.h, and the one group of this process.
#include "gatecell/ranks.h"

#include <atomic>
#include <memory>

#include "../core/guarded.h"
#include "group.h"
#include "mpi.h"

using namespace gatecell;

namespace {
std::atomic<bool> stopping{false};
std::atomic<bool> joined{false};
// It stays until the end of the process: after a failure MPI may still write to its memory.
Group* group = nullptr;
std::atomic<int32_t> processes{1};
}  // namespace

gc_status gc_mpi_open(const char* path, gc_mpi* out) {
  void* library;
  return open_mpi_library(path, out, &library);
}

gc_status gc_ranks_join(const char* path, double silence, int32_t size, gc_ranks_facts* out) {
  if (joined.exchange(true))
    return fail(GC_BUSY, "Expected to join the processes once but this process has joined them before.");
  void* library = nullptr;
  gc_status status = open_mpi_library(path, &out->mpi, &library);
  if (status != GC_OK) {
    joined = false;
    return status;
  }
  return guarded([&]() -> gc_status {
    std::unique_ptr<Transport> transport = start_mpi(out->mpi, library, &status);
    if (!transport) return status;
    if (transport->size() != size) {
      const int found = transport->size();
      transport->finish();
      return fail(GC_RANKS,
                  "Expected %d processes, as the launcher announces, but %s has %d: start them with the launcher of "
                  "that library, or name the library of this launcher in GATECELL_MPI.",
                  size, out->mpi.library, found);
    }
    group = new Group(std::move(transport), silence, stopping);
    out->rank = group->rank();
    out->size = group->size();
    processes = out->size;
    return GC_OK;
  });
}

int32_t gc_ranks_size(void) { return processes; }

gc_status gc_ranks_gather(void* buffer, int64_t bytes) {
  if (!group) return GC_OK;
  return guarded([&] { return group->gather(static_cast<char*>(buffer), bytes); });
}

gc_status gc_ranks_reduce(gc_store* store, double total) {
  if (!store->shards.top) return fail(GC_INVALID_ARGUMENT, "expected shards to sum, got none");
  if (group) return guarded([&] { return group->reduce(*store, total); });
  take_shards(*store, 0, store->arena_floats, total);
  return GC_OK;
}

gc_status gc_ranks_alive(void) {
  return group ? guarded([] { return group->alive(); }) : GC_OK;
}

gc_status gc_ranks_fail(const char* sentence, int32_t* reported) {
  *reported = 0;
  return group ? guarded([&] { return group->fail_all(sentence, reported); }) : GC_OK;
}

gc_status gc_ranks_leave(void) {
  if (!group) return GC_OK;
  return guarded([] {
    const gc_status status = group->leave();
    if (status == GC_OK) group = nullptr;
    return status;
  });
}

void gc_ranks_interrupt(void) { stopping = true; }
