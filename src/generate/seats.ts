// Turns of all that generates with one model on the engine's thread: in the order of calls, in short blocks, between which the event loop
// turns.

import { setImmediate } from 'node:timers/promises'
import { abortError, throwIfAborted } from '../graph/abort.js'
import { operationsOf, type ParameterStore } from '../graph/parameters.js'

/** Two, so that the block of the next stream is prepared while the block of one runs. */
const SEATS = 2
/** Milliseconds that all streams of the process have between two turns of the event loop. */
const TURN_MS = 4
/** Milliseconds of a block if no other stream waits; the more streams wait, the shorter it is, down to 1 / SMALLEST_SHARE of it. */
export const BLOCK_MS = 4
const SMALLEST_SHARE = 4
/** Most steps of a block. */
export const MOST_DRAWS = 4096

let turn = performance.now()
let turning: Promise<void> | null = null

/** Lets the event loop turn if its last turn was some milliseconds ago. */
async function nextTurn(): Promise<void> {
  if (performance.now() - turn < TURN_MS) return
  turning ??= setImmediate().then(() => {
    turn = performance.now()
    turning = null
  })
  await turning
}

/** The seats of one model, given to those who run it in the order of their calls. `S`: the plans that belong to a seat. */
export class Seats<S> {
  readonly #parameters: ParameterStore
  readonly #create: () => S
  readonly #free: S[] = []
  readonly #waiting: ((seat: S) => void)[] = []
  #made = 0

  constructor(parameters: ParameterStore, create: () => S) {
    this.#parameters = parameters
    this.#create = create
  }

  /**
   * Runs `block` in a seat, in the order of calls, with the weights of one step: a fit of the model that is under way waits
   * meanwhile. Throws ERR_ABORTED and what `block` throws.
   */
  async run<R>(signal: AbortSignal | undefined, block: (seat: S) => Promise<R>): Promise<R> {
    // The weights are claimed before the seat: nothing can change them between the call and the block.
    return this.hold(signal, () => this.sit(signal, block))
  }

  /** Runs `operation`, of any number of blocks, with the weights of one step. Throws ERR_ABORTED and what `operation` throws. */
  async hold<R>(signal: AbortSignal | undefined, operation: () => Promise<R>): Promise<R> {
    if (!this.#parameters.isReady) await this.#parameters.ready({ signal })
    return operationsOf(this.#parameters).reading(signal, operation)
  }

  /** Runs `block` in a seat, within an operation that `hold` runs. Throws ERR_ABORTED and what `block` throws. */
  async sit<R>(signal: AbortSignal | undefined, block: (seat: S) => Promise<R>): Promise<R> {
    const seat = await this.#take(signal)
    try {
      await nextTurn()
      throwIfAborted(signal)
      return await block(seat)
    } finally {
      this.#give(seat)
    }
  }

  /** Steps of the next block, at most `most`, after one of `count` steps that took `milliseconds`: at most twice as many. */
  nextBlock(count: number, milliseconds: number, most = MOST_DRAWS): number {
    const share = BLOCK_MS / Math.min(SMALLEST_SHARE, this.#waiting.length + 1)
    return Math.max(1, Math.min(most, 2 * count, Math.floor((count * share) / Math.max(milliseconds, 1e-3))))
  }

  /** Returns a free seat, or waits for one. Throws ERR_ABORTED as soon as `signal` is aborted, and leaves the queue. */
  async #take(signal: AbortSignal | undefined): Promise<S> {
    throwIfAborted(signal)
    if (this.#free.length > 0) return this.#free.pop()!
    if (this.#made === SEATS) return this.#wait(signal)
    this.#made++
    try {
      return this.#create()
    } catch (error) {
      this.#made--
      throw error
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<S> {
    return new Promise((resolve, reject) => {
      const take = (seat: S) => {
        signal?.removeEventListener('abort', leave)
        resolve(seat)
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1)
        reject(abortError(signal!))
      }
      signal?.addEventListener('abort', leave, { once: true })
      this.#waiting.push(take)
    })
  }

  #give(seat: S): void {
    const next = this.#waiting.shift()
    if (next) next(seat)
    else this.#free.push(seat)
  }
}
