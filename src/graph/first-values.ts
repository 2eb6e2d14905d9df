// First values of parameters, computed on demand: in turns that leave the event loop free, or all at once. They are a function of only
// (seed, name), so a caller that needs them sooner computes them again and gets the same bits.

import { setImmediate } from 'node:timers/promises'
import { expected } from '../errors.js'
import { createRandom } from '../random.js'
import { piecesOf, type NativePiece, type Pieces } from './initializers.js'
import type { ParameterSpec } from './parameter-specs.js'
import type { Shape } from './shape.js'

/** A parameter that has no values yet. */
export interface Start {
  readonly name: string
  readonly shape: Shape
  readonly data: Float32Array
  readonly pieces: Pieces
  /** Estimated nanoseconds. */
  readonly cost: number
  readonly seed: number
}

/** Options of `ready`. */
export interface ReadyOptions {
  /** Aborts the computation of first values; the values that are computed stay. */
  signal?: AbortSignal | undefined
}

/** Milliseconds that one turn of the event loop spends on first values. */
const TURN_MS = 4
/** Estimated nanoseconds that a synchronous access may wait for first values. */
const LONGEST_WAIT = 1e9

type Work = Generator<NativePiece | null, void, undefined>

const begin = ({ pieces, data, shape, seed, name }: Start): Work => pieces(data, shape, createRandom(seed, name))

/** The parameters of one store that have no values yet. */
export class FirstValues {
  readonly #starts = new Map<string, Start>()
  /** The work that `turn` has begun, and its parameter. */
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

  /** Begins the first values of a parameter: those of the library's initializers are computed later, another initializer runs at once. */
  begin({ name, shape, initialize }: ParameterSpec, data: Float32Array, seed: number): void {
    const later = piecesOf(initialize)
    if (later) return this.add({ name, shape, data, pieces: later.pieces, cost: later.cost(shape), seed })
    initialize(data, shape, createRandom(seed, name))
    this.drop(name)
  }

  /** Adds a parameter whose values are to be computed; replaces one of the same name. */
  add(start: Start): void {
    this.#starts.set(start.name, start)
  }

  /** Removes a parameter that got its values in another way. */
  drop(name: string): void {
    this.#starts.delete(name)
    if (this.#work?.of.name === name) this.#work = null
  }

  clear(): void {
    this.#starts.clear()
    this.#work = null
  }

  /**
   * Computes the values of `name`, or of all parameters, on this thread. Throws ERR_NOT_READY if that would take longer than about a
   * second.
   */
  settle(name?: string): void {
    const wanted = name === undefined ? this.all : this.all.filter((start) => start.name === name)
    const cost = wanted.reduce((sum, start) => sum + start.cost, 0)
    if (cost > LONGEST_WAIT) {
      const found = `${name === undefined ? 'some' : `those of "${name}"`} that take about ${Math.ceil(cost / 1e9)} s to compute`
      throw expected('ERR_NOT_READY', 'first values that are computed', found, 'await model.ready() first')
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
        // The event loop turns during this wait, and the start may be dropped or settled: then its work is given up.
        if (value) return await value.async()
      } catch (error) {
        this.#work = null // a generator that has thrown ends: the next turn begins a new one
        throw error
      }
    } while (performance.now() < end)
    await setImmediate()
  }
}
