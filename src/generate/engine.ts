// The plans that all streams of one model share. A stream is only a value; the plans of the engine hold the state of the stream that
// made the last synchronous call, and return it when another stream makes one. Blocks of generate() and prime() run in seats: sets of
// plans that one stream has for one block, which runs on the engine's thread.

import { setImmediate } from 'node:timers/promises'
import { abortError, throwIfAborted } from '../graph/abort.js'
import type { ParameterStore } from '../graph/parameters.js'
import { createSteps, MOST_DRAWS, type Steps, type TokenModel } from './steps.js'

/** The stream whose state is in the plans. */
export interface Owner {
  /** The plans go to another stream: copy your state out of them. */
  leave(): void
}

export interface StepEngine extends Steps {
  owner: Owner | null
  readonly seats: Seats
}

const engines = new WeakMap<TokenModel, StepEngine>()

/** Returns the engine of `model`, made at the first call. Throws ERR_UNSUPPORTED if the model does not define a stream of tokens. */
export function engineOf(model: TokenModel): StepEngine {
  let engine = engines.get(model)
  if (!engine || engine.plan.disposed) {
    engine = { ...createSteps(model), owner: null, seats: new Seats(model.parameters, () => createSteps(model)) }
    engines.set(model, engine)
  }
  return engine
}

/** Two, so that the block of the next stream is prepared while the block of one runs. */
const SEATS = 2
/** Milliseconds that all streams of the process have between two turns of the event loop. */
const TURN_MS = 4
/** Milliseconds of a block if no other stream waits; the more streams wait, the shorter it is, down to 1 / SMALLEST_SHARE of it. */
export const BLOCK_MS = 4
const SMALLEST_SHARE = 4

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

/** The seats of one model, given to its streams in the order of their calls. */
export class Seats {
  readonly #parameters: ParameterStore
  readonly #create: () => Steps
  readonly #free: Steps[] = []
  readonly #waiting: ((seat: Steps) => void)[] = []
  #made = 0

  constructor(parameters: ParameterStore, create: () => Steps) {
    this.#parameters = parameters
    this.#create = create
  }

  /**
   * Runs `block` in a seat, in the order of calls, with the weights of one step: a fit of the model that is under way waits
   * meanwhile. Throws ERR_ABORTED and what `block` throws.
   */
  async run<R>(signal: AbortSignal | undefined, block: (seat: Steps) => Promise<R>): Promise<R> {
    if (!this.#parameters.isReady) await this.#parameters.ready({ signal })
    // The weights are claimed before the seat: nothing can change them between the call and the block.
    return this.#parameters.operations.reading(signal, async () => {
      const seat = await this.#take(signal)
      try {
        await nextTurn()
        throwIfAborted(signal)
        return await block(seat)
      } finally {
        this.#give(seat)
      }
    })
  }

  /** Tokens of the next block of a stream, after one of `count` tokens that took `milliseconds`: at most twice as many. */
  nextBlock(count: number, milliseconds: number): number {
    const share = BLOCK_MS / Math.min(SMALLEST_SHARE, this.#waiting.length + 1)
    return Math.max(1, Math.min(MOST_DRAWS, 2 * count, Math.floor((count * share) / Math.max(milliseconds, 1e-3))))
  }

  /** Returns a free seat, or waits for one. Throws ERR_ABORTED as soon as `signal` is aborted, and leaves the queue. */
  async #take(signal: AbortSignal | undefined): Promise<Steps> {
    throwIfAborted(signal)
    const seat = this.#free.pop()
    if (seat) return seat
    if (this.#made === SEATS) return this.#wait(signal)
    this.#made++
    try {
      return this.#create()
    } catch (error) {
      this.#made--
      throw error
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<Steps> {
    return new Promise((resolve, reject) => {
      const take = (seat: Steps) => {
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

  #give(seat: Steps): void {
    const next = this.#waiting.shift()
    if (next) next(seat)
    else this.#free.push(seat)
  }
}
