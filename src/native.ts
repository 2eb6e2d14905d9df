// The only file that loads the addon, and the typed contract of what it exports.
// The loader is below the contract. It runs on first use, so that commands which need no engine (help, doctor) work
// where the addon does not load, and every file it tried stands in the error with the reason.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GatecellError } from './errors.js'
import { here } from './here.js'

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
  /** Bytes allowed by the memory limits of the control groups, 0 where there is none. */
  cgroupMemory: number
  /** Bytes of address space that the process may use (RLIMIT_AS), 0 where there is no limit. */
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

/** What the device does in a second, measured. */
export interface CudaRates {
  /** One of many dependent kernels in a graph. */
  launchSeconds: number
  /** The shortest run as the host sees it. */
  runSeconds: number
  /** Of the engine's own large product. */
  flops: number
  /** Read and written by a copy within the device's memory. */
  copyBytes: number
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
  /**
   * Adds an arena of the length of the others: group 4 for AMSGrad's largest second moments, 5 for averaged weights. Throws
   * ERR_INVALID_ARGUMENT if the store has that arena already.
   */
  storeAddArena(store: StoreHandle, group: number, arena: Float32Array): void
  storeTouch(store: StoreHandle): void
  /** Brings back what a device has changed in the arenas; waits for a run of the store. */
  storeFetch(store: StoreHandle): void
  /**
   * Copies the arena of a group (0 data, 2 to 4 the moments, 5 the averaged weights) into `out`, of the arena's length, as it is after
   * one step. Waits for an update that is being written, not for the passes of a step.
   */
  storeCopy(store: StoreHandle, group: number, out: Float32Array): void
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
    /** gc_precision: operands of the LSTM products: 0 f32, 1 bf16, 2 int8 (inference), 3 tf32 (GPU). */
    precision: number
    /** gc_device_kind: 0 the processor, 1 a GPU, 2 the faster of both. */
    device: number
  }): PlanHandle
  /** Runs on the engine's own thread; at most one job per plan (ERR_BUSY). Modes: 0 forward, 1 gradient, 2 train. */
  planRun(plan: PlanHandle, mode: number): Promise<void>
  planRunSync(plan: PlanHandle, mode: number): void
  /** Returns the number of runs made; out receives the drawn ids. */
  planGenerate(plan: PlanHandle, token: number, sampled: number, count: number, stop: number, out: Int32Array): number
  /** The same on the engine's thread; out is in a SharedArrayBuffer, and out[count] receives the number of runs. */
  planGenerateAsync(
    plan: PlanHandle,
    token: number,
    sampled: number,
    count: number,
    stop: number,
    out: Int32Array
  ): Promise<void>
  /** Brings carried states back from a GPU, where they stay between runs; from then on the host's count. ERR_BUSY. */
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
  /** gc_cuda_measure at a gc_precision: what GC_AUTO decides by. Throws ERR_UNSUPPORTED without a device. */
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
  /** Does nothing: what a call costs. */
  nothing(): void
}

/** How the addon was found: the file in use, or null, and each file that was tried before and why it was refused. */
export interface AddonReport {
  file: string | null
  attempts: { file: string; reason: string }[]
}

const requireHere = createRequire(here)
let loaded: { addon: NativeAddon; report: AddonReport } | undefined

/** The addon. Loads it on the first call; throws ERR_LOAD_ADDON with every attempt and what to do. */
export function native(): NativeAddon {
  loaded ??= load()
  return loaded.addon
}

/** Loads the addon if need be and says how that went; never throws, for `gatecell doctor`. */
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

/** The package's folder and version: this file lies in it at some depth (src, dist/esm, dist/commonjs). */
export function packageInfo(): { root: string; version: string } {
  let root = dirname(fileURLToPath(here))
  for (;;) {
    const file = join(root, 'package.json')
    const found = existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string })
      : {}
    if (found.name === 'gatecell' && found.version !== undefined) return { root, version: found.version }
    const parent = dirname(root)
    if (parent === root)
      throw loadError([{ file: fileURLToPath(here), reason: 'no package.json of gatecell above it' }])
    root = parent
  }
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
    return builds // it throws where it finds no file; load() then says which places are empty
  }
}

/** Where the package gatecell-cuda is installed, the CUDA library is its file; else the one beside the addon, if any. */
function nameCudaLibrary(addon: NativeAddon): void {
  try {
    const folder = dirname(requireHere.resolve('gatecell-cuda/package.json'))
    addon.cudaLibrary(join(folder, `${process.platform}-${process.arch}`, 'gatecell_cuda.so'))
  } catch (error) {
    const code = (error as { code?: string }).code
    // ERR_BUSY: another thread of this process has looked for it already.
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
  return new GatecellError(
    'ERR_LOAD_ADDON',
    `Expected a native addon for ${process.platform}-${process.arch}, Node ${process.versions.node}, but none loaded.\n` +
      `Tried:\n${tried}\n` +
      'Do one of these:\n' +
      '  in a clone: npm run build (needs CMake and a C++ compiler)\n' +
      '  installed from npm: reinstall without --omit or --force, on a platform that has a prebuilt binary\n' +
      '  name a binary of your own: GATECELL_BINARY=/path/to/gatecell.node',
    { cause: attempts }
  )
}
