// The loader of the addon, and the types of the functions that the addon exports. The loader runs on first use, so that commands
// that need no engine (help, doctor) work if the addon does not load; its error lists every file that was tried, with the reason.
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expected, GatecellError } from './errors.js'
import { here } from './here.js'
import type { NativeBpe } from './native-bpe.js'
import type { NativeRanks } from './native-ranks.js'
import { findPackage, type PackagePlace } from './version.js'

/** Opaque handle of a store of parameters. It keeps references to the arenas that the store uses. */
export type StoreHandle = { readonly __store: unique symbol }
/** Opaque handle of a plan. It keeps references to the arenas that the plan uses. */
export type PlanHandle = { readonly __plan: unique symbol }

/** The processor and the limits of this process. */
export interface MachineInfo {
  /** The best instruction set of the processor, and the one in use: 'scalar', 'avx2', 'avx512' or 'neon'. */
  isaFound: string
  isaUsed: string
  /** Why the set in use is not the best one; null if it is. */
  isaProblem: string | null
  features: string[]
  cpuModel: string
  cpusOnline: number
  cpusAffinity: number
  /** Cores allowed by the cgroup quota, 0 if there is no quota. */
  cgroupQuota: number
  /** Bytes allowed by the memory limits of the control groups, 0 if there is no limit. */
  cgroupMemory: number
  /** Bytes of address space that the process may use (RLIMIT_AS), 0 if there is no limit. */
  addressSpace: number
  threads: number
}

/** The CUDA library: whether it is open with a device, and the device's name or why there is none. */
export interface CudaInfo {
  available: boolean
  /** The device is an emulator, for tests. */
  emulated: boolean
  reason: string
  /** Where the library was looked for. */
  path: string
  memoryBytes: number
}

/** Measured speed of the device. */
export interface CudaRates {
  /** Time of one kernel among many dependent ones in a graph. */
  launchSeconds: number
  /** Time of the shortest run by the host's clock. */
  runSeconds: number
  /** Floating-point operations per second of the engine's own large matrix product. */
  flops: number
  /** Bytes per second that a copy within the device's memory reads and writes together. */
  copyBytes: number
}

/** Every export checks type, length and attachment of each argument and throws a TypeError or RangeError with a `code`. */
export interface NativeAddon extends NativeBpe, NativeRanks<StoreHandle> {
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
  /**
   * Adds an arena of the length of the others: group 4 for AMSGrad's largest second moments, 5 for averaged weights. Throws
   * ERR_INVALID_ARGUMENT if the store has that arena already.
   */
  storeAddArena(store: StoreHandle, group: number, arena: Float32Array): void
  /** `groups`: frozen, own decay, rate, weight decay, l2 and skipped steps of each. */
  storeSetGroups(store: StoreHandle, groupOf: Int32Array, groups: Float64Array): void
  storeTouch(store: StoreHandle): void
  /** Brings back what a device has changed in the arenas; waits for a run of the store. */
  storeFetch(store: StoreHandle): void
  /**
   * Copies the arena of a group (0 data, 2 to 4 the moments, 5 the averaged weights) into `out`, of the arena's length, as it is after
   * one step. Waits for an update that is being written, not for the passes of a step.
   */
  storeCopy(store: StoreHandle, group: number, out: Float32Array): void
  /**
   * Has packed weights in memory that equal stores share: of this process, and with a folder in files that processes map. Throws ERR_INVALID_ARGUMENT
   * for a store with gradients and for a folder that other users can write to, and, as later runs do, ERR_FILE_WRITE.
   */
  storeShare(store: StoreHandle, folder: string | null): void
  /** Bytes of packed weights in such memory. */
  storeSharedBytes(store: StoreHandle): number
  planCreate(desc: {
    store: StoreHandle | null
    tensors: Int32Array
    ops: Int32Array
    attributes: Float64Array
    carry: Int32Array
    /** Pairs (tensor, element of the host arena): gradients that a backward pass leaves there. */
    gradients: Int32Array
    /** 1: a backward pass computes only these, and there is no dropout. */
    onlyGradients: number
    loss: number
    optimizer: number
    host: Float32Array
    control: Float64Array
    threads: number
    /** gc_precision: operands of the LSTM products: 0 f32, 1 bf16, 2 int8 (inference), 3 tf32 (GPU). */
    precision: number
    /** gc_device_kind: 0 the processor, 1 a GPU, 2 the faster of both. */
    device: number
  }): PlanHandle
  /** Runs on the engine's own thread; at most one job per plan (ERR_BUSY). Modes: 0 forward, 1 gradient, 2 train. */
  /** Resolves to the milliseconds from the end of the run until the JavaScript thread took its result. */
  planRun(plan: PlanHandle, mode: number): Promise<number>
  /** Runs forward on a second thread of the engine, next to jobs of other plans. */
  planRunAside(plan: PlanHandle): Promise<number>
  planRunSync(plan: PlanHandle, mode: number): void
  /**
   * Runs a loop in which outputs feed inputs (gc_loop), at most `count` times; returns the number of runs made, whose records are in
   * `out`. `loop`: rows, watched, stop, the numbers of feeds and records, then the pairs (from, to) and the records.
   */
  planGenerate(plan: PlanHandle, loop: Int32Array, count: number, out: Int32Array): number
  /** The same on the engine's thread; out is in a SharedArrayBuffer, and its last element receives the number of runs. */
  planGenerateAsync(plan: PlanHandle, loop: Int32Array, count: number, out: Int32Array): Promise<number>
  /** The same as planGenerate with the table of gc_plan_generate_rows: rows that begin and end by themselves. */
  planGenerateRows(plan: PlanHandle, loop: Int32Array, count: number, out: Int32Array, table: Int32Array): number
  /** The same as planGenerateAsync with such a table, in a SharedArrayBuffer. */
  planGenerateRowsAsync(
    plan: PlanHandle,
    loop: Int32Array,
    count: number,
    out: Int32Array,
    table: Int32Array
  ): Promise<number>
  /**
   * Brings carried states back from a GPU, where they stay between runs; from then on the copies of the host are the current ones. Throws ERR_BUSY
   * while a job runs.
   */
  planFetchStates(plan: PlanHandle): void
  planExplain(plan: PlanHandle): string
  planBytes(plan: PlanHandle): number
  /** Frees native memory now; later calls throw ERR_DISPOSED. Throws ERR_BUSY while a job runs. */
  planDispose(plan: PlanHandle): void
  storeDispose(store: StoreHandle): void
  /**
   * gc_measure, for `gatecell bench`; blocks this thread. what: kind, isa, precision, threads, bytes, rows, columns, inner,
   * seconds; out: median, p10 and p90 in units a second, number of samples.
   */
  measure(what: Float64Array, out: Float64Array): void
  /** Looks for the CUDA library at the first call, which loads the driver. Never throws. */
  cudaInfo(): CudaInfo
  /** gc_cuda_measure at a gc_precision, the measurement by which GC_AUTO chooses. Throws ERR_UNSUPPORTED if there is no device. */
  cudaMeasure(precision: number): CudaRates
  /** Names the library's file, before it is looked for; GATECELL_CUDA_LIBRARY goes before it. */
  cudaLibrary(path: string): void
  /**
   * gc_orthonormalize: makes rows [from, to) of four matrices at once orthonormal to those before them. values:
   * [rows][columns][4] in a SharedArrayBuffer. On this thread, or on the engine's.
   */
  orthonormalize(values: Float64Array, rows: number, columns: number, from: number, to: number): void
  orthonormalizeAsync(values: Float64Array, rows: number, columns: number, from: number, to: number): Promise<void>
  /**
   * Calls `report` after the run in which the system first refused the pool a thread, once in the life of the process: the team
   * size that was wanted, the size that was granted, and the system's reason.
   */
  onThreadRefusal(report: (wanted: number, granted: number, reason: string) => void): void
  /** Does nothing, to measure the cost of a call. */
  nothing(): void
}

/** The result of loading: the file in use, or null, and each file that was tried before, with the reason for its refusal. */
export interface AddonReport {
  file: string | null
  attempts: { file: string; reason: string }[]
}

const requireHere = createRequire(here)
let loaded: { addon: NativeAddon; report: AddonReport } | undefined

/** Returns the addon, and loads it on the first call. Throws ERR_LOAD_ADDON, with every attempt and the remedies, if no file loads. */
export function native(): NativeAddon {
  loaded ??= load()
  return loaded.addon
}

/** Loads the addon if it is not loaded yet and returns the attempts, for `gatecell doctor`. Does not throw ERR_LOAD_ADDON. */
export function addonReport(): AddonReport & { problem: string | null } {
  try {
    native()
  } catch (error) {
    if (!(error instanceof GatecellError)) throw error
    const attempts = error.cause as AddonReport['attempts']
    return { file: null, attempts, problem: error.message }
  }
  return { ...loaded!.report, problem: null }
}

/** Returns the folder and version of this package, which contains this file at some depth (src, dist/esm, dist/commonjs). */
export function packageInfo(): PackagePlace {
  const found = findPackage()
  if (found) return found
  throw loadError([{ file: fileURLToPath(here), reason: 'no package.json of gatecell above it' }])
}

function load(): { addon: NativeAddon; report: AddonReport } {
  const { root, version } = packageInfo()
  const attempts: AddonReport['attempts'] = []
  for (const file of candidates(root)) {
    try {
      const addon = requireHere(file) as NativeAddon
      if (addon.version === version) {
        nameCudaLibrary(addon)
        addon.onThreadRefusal(warnOfThreadRefusal)
        if (attempts.length > 0) process.emitWarning(`gatecell uses ${file}: ${describe(attempts[0]!)}`)
        return { addon, report: { file, attempts } }
      }
      attempts.push({ file, reason: `it is of version ${addon.version}, this package of ${version}` })
    } catch (error) {
      attempts.push({ file, reason: error instanceof Error ? error.message : String(error) })
    }
  }
  if (attempts.length === 0) {
    attempts.push({ file: join(root, 'build', 'Release'), reason: 'no addon was built here' })
    attempts.push({ file: join(root, 'prebuilds'), reason: describePrebuilds(root) })
  }
  throw loadError(attempts)
}

function warnOfThreadRefusal(wanted: number, granted: number, reason: string): void {
  process.emitWarning(
    `gatecell expected to run on ${wanted} threads but the system grants ${granted} (${reason}): results stay the same, runs take longer.`,
    {
      code: 'GATECELL_FEWER_THREADS',
      detail: 'Raise the limit of processes or of address space, or set fewer threads.'
    }
  )
}

/** Files to try, best first: only the one named by GATECELL_BINARY, if it is set; else a build made here, then a prebuild. */
function candidates(root: string): string[] {
  const named = process.env['GATECELL_BINARY']
  if (named !== undefined && named !== '') return [resolve(named)]
  const builds = ['Release', 'Debug'].map((kind) => join(root, 'build', kind, 'gatecell.node')).filter(existsSync)
  const gypBuild = requireHere('node-gyp-build') as { resolve(folder: string): string }
  try {
    const found = gypBuild.resolve(root)
    return builds.includes(found) ? builds : [...builds, found]
  } catch {
    return builds // resolve() throws if it finds no file; the error of load() then lists the empty places
  }
}

/** Sets the file of the CUDA library if the package gatecell-cuda is installed; else the addon uses the one next to itself, if any. */
function nameCudaLibrary(addon: NativeAddon): void {
  try {
    const folder = dirname(requireHere.resolve('gatecell-cuda/package.json'))
    addon.cudaLibrary(join(folder, `${process.platform}-${process.arch}`, 'gatecell_cuda.so'))
  } catch (error) {
    const code = (error as { code?: string }).code
    // Another thread of this process has opened the library already, hence ERR_BUSY.
    if (code !== 'MODULE_NOT_FOUND' && code !== 'ERR_BUSY') throw error
  }
}

function describe(attempt: { file: string; reason: string }): string {
  return `${attempt.file}: ${attempt.reason}`
}

function describePrebuilds(root: string): string {
  const folder = join(root, 'prebuilds')
  const names = existsSync(folder) ? readdirSync(folder) : []
  const wanted = `${process.platform}-${process.arch}`
  return names.length === 0 ? 'no prebuilt binaries' : `expected a binary for ${wanted}, found ${names.join(', ')}`
}

function loadError(attempts: AddonReport['attempts']): GatecellError {
  const tried = attempts.map((attempt) => `  ${describe(attempt)}`).join('\n')
  const remedies = [
    'in a clone: npm run build (needs CMake and a C++ compiler)',
    'installed from npm: reinstall without --omit or --force, on a platform that has a prebuilt binary',
    'with a binary of your own: set GATECELL_BINARY=/path/to/gatecell.node'
  ]
  return expected(
    'ERR_LOAD_ADDON',
    `a native addon for ${process.platform}-${process.arch}, Node ${process.versions.node},`,
    'none that loads',
    `do one of these\n  ${remedies.join('\n  ')}\nTried:\n${tried}`,
    attempts
  )
}
