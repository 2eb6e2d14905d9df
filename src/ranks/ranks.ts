// The processes of one training: joining them, exchanges between them, signs of life, and their end.

import { made, number, optional, options as optionsOf, string, type Check } from '../check/index.js'
import { expected } from '../errors.js'
import { native, type StoreHandle } from '../native.js'
import { awaitNative } from '../native-call.js'
import { launcherOf, type Launcher } from './launcher.js'
import { findLibrary, noLibrary } from './library.js'

/** The options of `joinRanks`. */
export interface JoinOptions {
  /**
   * The MPI library: 'openmpi', 'mpich', 'abi' (the interface of MPI 5) or the path of a file. Default: the variable GATECELL_MPI, else the one
   * that belongs to the launcher.
   */
  library?: string
  /**
   * Seconds without a sign of life after which a process counts as missing, from 1 to 1e6. Default 30. A process shows signs of life while its event
   * loop turns.
   */
  silence?: number
}

/** The place of a process, and the library that joins it with the others. */
interface Place {
  readonly rank: number
  readonly size: number
  readonly launcher: Launcher | null
  readonly library: string | null
  readonly version: string | null
  readonly silence: number
}

/** Most characters of the sentence that other processes receive. */
const SENTENCE = 400
/** Start of the sentence that other processes receive when one fails. */
const failurePattern = /^rank \d+: /

const processes = new WeakSet<Ranks>()
/** Checks that a value is the result of `joinRanks`. */
export const checkRanks: Check<Ranks> = made('the result of joinRanks', processes)

/** The processes of one training; `joinRanks` returns it. */
export class Ranks {
  /** Number of this process, from 0. */
  readonly rank: number
  /** Number of processes; 1 without a launcher. */
  readonly size: number
  /** Name of the launcher; null without one. */
  readonly launcher: string | null
  /** Number of processes on this machine; null if it is not known. */
  readonly localSize: number | null
  /** File of the MPI library; null if this process is the only one. */
  readonly library: string | null
  /** Version that the library reports; null if this process is the only one. */
  readonly version: string | null
  readonly #alive: NodeJS.Timeout | null
  #busy = 0
  #left = false
  /** Whether another process reports the failure of this one; null if there was none. */
  #told: boolean | null = null

  /** @internal Makes the value of a process whose place is known. */
  constructor({ rank, size, launcher, library, version, silence }: Place) {
    processes.add(this)
    this.rank = rank
    this.size = size
    this.launcher = launcher?.name ?? null
    this.localSize = launcher?.localSize ?? null
    this.library = library
    this.version = version
    this.#alive = size > 1 ? setInterval(() => this.#showLife(), (1000 * silence) / 8).unref() : null
  }

  /** Shows the others that the event loop of this process turns, unless an exchange does so. */
  #showLife(): void {
    if (this.#busy > 0 || this.#told !== null) return
    this.#call(() => native().ranksAlive()).catch(() => {}) // the next exchange throws the error
  }

  async #call<R>(call: () => Promise<R>): Promise<R> {
    if (this.#left)
      throw expected('ERR_RANKS', 'processes that are joined', 'a call after leave()', 'leave at the end only')
    this.#busy++
    try {
      return await awaitNative(call)
    } finally {
      this.#busy--
    }
  }

  /**
   * @internal Returns the parts of all processes by rank; all parts have the same length. The result is valid until the next exchange of this
   * length. Throws ERR_RANKS if a process is missing or has failed.
   */
  async gather(part: Uint8Array): Promise<Uint8Array[]> {
    const { rank, size } = this
    if (size === 1) return [part]
    const buffer = new Uint8Array(new SharedArrayBuffer(size * part.length))
    buffer.set(part, rank * part.length)
    await this.#call(() => native().ranksGather(buffer, size))
    return Array.from({ length: size }, (_, r) => buffer.subarray(r * part.length, (r + 1) * part.length))
  }

  /** @internal Returns the contents of all processes by rank, of any lengths. */
  async gatherAny(content: Uint8Array): Promise<Uint8Array[]> {
    const lengths = await this.gather(new Uint8Array(Float64Array.of(content.length).buffer))
    const sizes = lengths.map((bytes) => new Float64Array(bytes.slice().buffer)[0]!)
    const padded = new Uint8Array(Math.max(1, ...sizes))
    padded.set(content)
    return (await this.gather(padded)).map((bytes, r) => bytes.slice(0, sizes[r]))
  }

  /** @internal Sums the shards of all processes and writes the sum, divided by `total`, to the gradients of a store. */
  async reduce(store: StoreHandle, total: number): Promise<void> {
    if (this.size === 1) await awaitNative(() => native().storeTakeShards(store, total))
    else await this.#call(() => native().ranksReduce(store, total))
  }

  /**
   * Ends the exchanges of this process with the error of the others: their exchanges throw ERR_RANKS with its sentence. Returns whether another
   * process reports it: it came from there, or one of lower rank has met the same. After it the process has to end.
   */
  async fail(error: unknown): Promise<boolean> {
    if (this.size === 1 || this.#left) return false
    if (this.#told !== null) return this.#told
    if (this.#alive) clearInterval(this.#alive)
    const message = error instanceof Error ? error.message : String(error)
    this.#told = failurePattern.test(message)
    if (this.#told) return true
    const told = new Int32Array(new SharedArrayBuffer(4))
    await this.#call(() => native().ranksFail(message.slice(0, SENTENCE), told))
    return (this.#told = told[0] === 1)
  }

  /** Waits until all processes leave, and ends the use of MPI. Call it at the end of the program; a second call does nothing. */
  async leave(): Promise<void> {
    if (this.#left || this.#told !== null) return
    if (this.#alive) clearInterval(this.#alive)
    if (this.size > 1) await this.#call(() => native().ranksLeave())
    this.#left = true
  }
}

/** The processes of this process, joined once, because MPI can be initialised only once. */
let joined: Promise<Ranks> | null = null

const readOptions = optionsOf<JoinOptions>({ library: optional(string), silence: optional(number(1, 1e6)) })

/**
 * Joins the processes that a launcher (mpirun, mpiexec, srun) has started, for `createTrainer(..., { ranks })`. Without a launcher, or with one
 * process, the result has the size 1 and no MPI library is opened. Waits for all processes. A second call returns the result of the first one.
 * Throws ERR_RANKS if no MPI library of that launcher is found, or if it finds another number of processes than the launcher has started, and
 * ERR_INVALID_ARGUMENT for invalid options.
 * @example
 * const ranks = await joinRanks()
 * console.log(`process ${ranks.rank} of ${ranks.size}`)
 * await ranks.leave()
 */
export async function joinRanks(options?: JoinOptions): Promise<Ranks> {
  const { library = process.env['GATECELL_MPI'] || undefined, silence = 30 } = readOptions(
    options,
    'the options of joinRanks'
  )
  joined ??= join(library, silence)
  return await joined
}

async function join(wanted: string | undefined, silence: number): Promise<Ranks> {
  const launcher = launcherOf(process.env)
  const alone = { rank: 0, size: 1, library: null, version: null, silence }
  if (launcher === null || launcher.size === 1) return new Ranks({ ...alone, launcher })
  const search = findLibrary(launcher, wanted)
  if (search.found === null) throw noLibrary(launcher, search)
  const { path, library, version } = search.found
  const out = new Int32Array(new SharedArrayBuffer(8))
  await awaitNative(() => native().ranksJoin(path, silence, launcher.size, out))
  return new Ranks({ rank: out[0]!, size: out[1]!, launcher, library, version, silence })
}
