// ranks.h: the processes of one training, joined by the MPI library that the machine has. Part of the C ABI of the core.
//
// MPI has one state for a process, so there are no handles. All functions but gc_ranks_interrupt are called on one thread, that of
// gc_ranks_join, because MPI is initialised as MPI_THREAD_FUNNELED. Every exchange is made by all processes in the same order.
#pragma once
#include "gatecell.h"

#ifdef __cplusplus
extern "C" {
#endif

// The three binary interfaces of MPI, which differ in their handles.
typedef enum gc_mpi_kind { GC_MPI_MPICH = 1, GC_MPI_OPEN_MPI = 2, GC_MPI_ABI = 3 } gc_mpi_kind;
typedef struct gc_mpi {
  int32_t kind;       // gc_mpi_kind
  char library[256];  // the file, as it was opened
  char version[256];  // the first line of the version that the library reports
} gc_mpi;
typedef struct gc_ranks_facts {
  int32_t rank, size;
  gc_mpi mpi;
} gc_ranks_facts;

// Opens an MPI library and asks for its version, without initialising it. `path` is a file or a name for the dynamic linker.
// GC_UNSUPPORTED if it cannot be opened or lacks a function.
gc_status gc_mpi_open(const char* path, gc_mpi* out);
// Opens the library, initialises MPI, and waits for all processes that the launcher started. `silence`: seconds without a sign of life after
// which a process counts as missing. `size`: the number of processes that the launcher announced. GC_RANKS if MPI has another number,
// GC_BUSY if this process has joined before, GC_UNSUPPORTED as gc_mpi_open.
gc_status gc_ranks_join(const char* path, double silence, int32_t size, gc_ranks_facts* out);
// Returns the number of processes that have joined, 1 before a join. Called by any thread.
int32_t gc_ranks_size(void);
// Each process has its part of `bytes` bytes at buffer + rank * bytes; afterwards it has the parts of all. Does nothing before a join.
gc_status gc_ranks_gather(void* buffer, int64_t bytes);
// Sums the shards of all processes (GC_SHARD), divides by `total` and writes the result to the gradients of the store, the same bits in each
// process. Before a join it does the same for the shards of this process.
gc_status gc_ranks_reduce(gc_store* store, double total);
// Sends a sign of life to the others and takes theirs. GC_RANKS if one of them has failed.
gc_status gc_ranks_alive(void);
// Sends a failure of this process, a sentence, to the others, whose exchanges then end with GC_RANKS and the sentence. *reported is 1 if
// a process of lower rank has sent the same sentence, for which it waits up to a second.
gc_status gc_ranks_fail(const char* sentence, int32_t* reported);
// Waits for the others to leave, too, and finalises MPI.
gc_status gc_ranks_leave(void);
// Ends an exchange that is under way, with GC_RANKS. Called by any thread.
void gc_ranks_interrupt(void);

#ifdef __cplusplus
}
#endif
