// The part of the addon's contract for the shards of a batch and for several processes.

/** An MPI library: its kind (gc_mpi_kind), its file, and the version that it reports. */
export interface MpiLibrary {
  kind: number
  library: string
  version: string
}

/** The functions for shards and processes; see bindings/ranks.cc. StoreHandle: the handle of a store of parameters. */
export interface NativeRanks<StoreHandle> {
  /** gc_store_skip_shard: takes the place of the run of a shard without rows. */
  storeSkipShard(store: StoreHandle, place: number): void
  /** gc_ranks_reduce for a process that has not joined others, on the engine's thread. */
  storeTakeShards(store: StoreHandle, total: number): Promise<number>
  /** A checksum of the bits of all weights. */
  storeHash(store: StoreHandle): bigint
  /** gc_mpi_open: loads an MPI library. Throws ERR_UNSUPPORTED with the reason if it cannot be used. */
  mpiOpen(path: string): MpiLibrary
  /**
   * gc_ranks_join, on the thread of MPI, as the next functions: `out` receives rank and size. `silence` in seconds; `size` is the number of
   * processes that the launcher announces.
   */
  ranksJoin(path: string, silence: number, size: number, out: Int32Array): Promise<number>
  /** gc_ranks_gather: `buffer` has a part for each of `size` processes, and that of this one is filled. */
  ranksGather(buffer: Uint8Array, size: number): Promise<number>
  ranksReduce(store: StoreHandle, total: number): Promise<number>
  ranksAlive(): Promise<number>
  /** gc_ranks_fail: `out` receives whether another process reports the same sentence. */
  ranksFail(sentence: string, out: Int32Array): Promise<number>
  ranksLeave(): Promise<number>
}
