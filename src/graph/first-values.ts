// First values of parameters, computed when they are first wanted: in turns that leave the event loop free, or in one go.
// They are a function of only (seed, name), so a caller that needs them sooner computes them again and gets the same bits.

import { setImmediate } from 'node:timers/promises'
import { GatecellError } from '../errors.js'
import { createRandom } from '../random.js'
import type { NativePiece, Pieces } from './initializers.js'
import type { Shape } from './shape.js'

/** A parameter that has no values yet. */
export interface Start {
  readonly name: string
  readonly shape: Shape
  readonly data: Float32Array
  readonly pieces: Pieces
  /** Nanoseconds, estimated. */
  readonly cost: number
  readonly seed: number
}

/** Milliseconds that one turn of the event loop gives to first values. */
const TURN_MS = 4
/** Estimated nanoseconds that a synchronous access may wait for first values. */
const LONGEST_WAIT = 1e9

type Work = Generator<NativePiece | null, void, undefined>

const begin = ({ pieces, data, shape, seed, name }: Start): Work => pieces(data, shape, createRandom(seed, name))

/** The parameters of one store that have no values yet. */
export class FirstValues {
  readonly #starts = new Map<string, Start>()
  /** The work that `turn` has begun, and the parameter that it is for. */
  #work: { of: Start; pieces: Work } | null = null
  #turn: Promise<void> | null = null

  get done(): boolean {
    return this.#starts.size === 0
  }

  get all(): readonly Start[] {
    return [...this.#starts.values()]
  }

  has(name: string): boolean {
    return this.#starts.has(name)
  }

  /** Adds a parameter whose values are to be computed; replaces one of the same name. */
  add(start: Start): void {
    this.#starts.set(start.name, start)
  }

  /** Removes a parameter that has got its values in another way. */
  drop(name: string): void {
    this.#starts.delete(name)
    if (this.#work?.of.name === name) this.#work = null
  }

  clear(): void {
    this.#starts.clear()
    this.#work = null
  }

  /**
   * Computes the values of `name`, or all, at once on this thread. Throws ERR_NOT_READY where that would take longer than about a
   * second.
   */
  settle(name?: string): void {
    const wanted = name === undefined ? this.all : this.all.filter((start) => start.name === name)
    const cost = wanted.reduce((sum, start) => sum + start.cost, 0)
    if (cost > LONGEST_WAIT) {
      const seconds = Math.ceil(cost / 1e9)
      throw new GatecellError(
        'ERR_NOT_READY',
        `Expected first values but ${name === undefined ? 'they' : `those of "${name}"`} take about ${seconds} s to compute: await model.ready() first.`
      )
    }
    for (const start of wanted) {
      for (const piece of begin(start)) piece?.sync()
      this.drop(start.name)
    }
  }

  /** Computes for one turn of the event loop. Concurrent callers share the turn. */
  turn(): Promise<void> {
    this.#turn ??= this.#advance().finally(() => (this.#turn = null))
    return this.#turn
  }

  async #advance(): Promise<void> {
    const end = performance.now() + TURN_MS
    do {
      const [start] = this.#starts.values()
      if (!start) return
      if (this.#work?.of !== start) this.#work = { of: start, pieces: begin(start) }
      const { pieces } = this.#work
      try {
        const { done, value } = pieces.next()
        if (done) this.drop(start.name)
        // A turn of the loop passes meanwhile, in which the start may be dropped or settled: then its work is given up.
        if (value) return await value.async()
      } catch (error) {
        this.#work = null // cannot go on: the next turn begins from the start
        throw error
      }
    } while (performance.now() < end)
    await setImmediate()
  }
}
