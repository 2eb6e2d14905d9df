// The only file that loads the addon, and the typed contract of what it exports.
// (The loader itself is below the contract; see ARCHITECTURE.md, "Loading".)

/** Opaque native handles. Each keeps references to the arenas it borrows. */
export type StoreHandle = { readonly __store: unique symbol }
export type PlanHandle = { readonly __plan: unique symbol }

export interface MachineInfo {
  isaFound: string
  isaUsed: string
  isaProblem: string | null
  features: string[]
  cpuModel: string
  cpusOnline: number
  cpusAffinity: number
  /** Cores allowed by the cgroup quota, 0 where there is none. */
  cgroupQuota: number
  threads: number
}

/** Every export checks type, length and attachment of each argument and throws a TypeError or RangeError with a `code`. */
export interface NativeAddon {
  readonly version: string
  machineInfo(): MachineInfo
  setThreads(threads: number): void
  /** Address of the view's first byte modulo 64: V8 hands out large buffers at 16 mod 4096. */
  alignment(view: Uint8Array): number
  /**
   * params: 4 per parameter: offset, rank, d0, d1. The four arenas share one layout and length; the last three are null
   * for inference only.
   */
  storeCreate(
    params: Float64Array,
    data: Float32Array,
    grad: Float32Array | null,
    moment1: Float32Array | null,
    moment2: Float32Array | null
  ): StoreHandle
  storeTouch(store: StoreHandle): void
  planCreate(desc: {
    store: StoreHandle | null
    tensors: Int32Array
    ops: Int32Array
    attributes: Float64Array
    carry: Int32Array
    loss: number
    optimizer: number
    host: Float32Array
    control: Float64Array
    threads: number
  }): PlanHandle
  /** Runs on the engine's own thread; at most one job per plan (ERR_BUSY). Modes: 0 forward, 1 gradient, 2 train. */
  planRun(plan: PlanHandle, mode: number): Promise<void>
  planRunSync(plan: PlanHandle, mode: number): void
  /** Returns the number of runs made; out receives the drawn ids. */
  planGenerate(plan: PlanHandle, token: number, sampled: number, count: number, stop: number, out: Int32Array): number
  planExplain(plan: PlanHandle): string
  planBytes(plan: PlanHandle): number
  /** Frees native memory now; later calls throw ERR_DISPOSED. Throws ERR_BUSY while a job runs. */
  planDispose(plan: PlanHandle): void
  storeDispose(store: StoreHandle): void
}
