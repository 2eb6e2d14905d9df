// The public types of sessions, and the checks of what callers hand in.

import { boolean, float32Array, integer, list, number, numbers, object, open, optional } from '../check/index.js'
import {
  options as optionsOf,
  record,
  seed,
  signal as signalOf,
  string,
  syncFunction,
  type Check
} from '../check/index.js'
import type { View } from '../graph/shape.js'
import type { Sampler } from './samplers.js'
import type { SessionBlock, StepOutputs } from './session-plan.js'

/** Values of inputs by name; each has all elements of its input, with length and batch 1. */
export type StepInputs = Readonly<Record<string, ArrayLike<number>>>

export interface SessionOptions {
  /** Sizes of the inputs' dims besides `length` and `batch`, which are 1. */
  dims?: Readonly<Record<string, number>>
  /** First values of inputs; an input keeps its value until a step or a sampler gives it another one. Default: zeros. */
  inputs?: StepInputs
  /** Names of the outputs that `step` returns; default: all. */
  outputs?: readonly string[]
  /** Names of the outputs that `run` returns for each step, next to the samplers' values; default: none. */
  records?: readonly string[]
  /** What feeds inputs in `run`, by the name of the input. */
  samplers?: Readonly<Record<string, Sampler>>
  /** Integer in [0, 2^53), default 0: a draw is a function of the seed and the number of steps before it. */
  seed?: number
}

/** The value of a session between two steps; plain data that survives structured cloning. */
export interface SessionState {
  readonly version: 1
  /** Steps made so far. */
  readonly position: number
  readonly seed: number
  /** Carried states by name. */
  readonly states: Readonly<Record<string, Float32Array>>
  /** Inputs of the next step by name. */
  readonly inputs: Readonly<Record<string, View>>
}

export interface SessionRunOptions {
  /** Ends the run after a step that drew this token; with int32 samplers. Default: none. */
  stop?: number
  /** true: all steps see the weights of one moment, and a fit of the model waits until the run ends. Default: each block does. */
  sameWeights?: boolean
  signal?: AbortSignal | undefined
}

export interface SignalOptions {
  signal?: AbortSignal | undefined
}

/** One sequence of steps of a model with carried states: it owns the states and the inputs of the next step. */
export interface Session extends Disposable {
  /** Steps made so far; the draws of the next step are numbered by it. */
  readonly position: number
  /**
   * Makes one step on the engine's thread, with `inputs` in place of the inputs' present values, and returns the outputs: a copy of each,
   * with length and batch 1. Throws ERR_INVALID_ARGUMENT and ERR_INVALID_SHAPE for other inputs, ERR_ABORTED, ERR_DISPOSED, and what a
   * run throws (ERR_OUT_OF_RANGE for an id outside its table); after an error the states are those from before.
   */
  step(inputs?: StepInputs, options?: SignalOptions): Promise<StepOutputs>
  /** Does the same at once, on the caller's thread: for steps of microseconds. Throws ERR_BUSY while a call of the session is under way. */
  stepSync(inputs?: StepInputs): StepOutputs
  /**
   * Makes a step for each row of `inputs`, which hold [count, ...] values by name, in slices of a few milliseconds and with the weights of
   * one moment. Returns the outputs of the last step. Throws what `step` throws; after an abort the steps that were made stay.
   */
  feed(inputs: StepInputs, options?: SignalOptions): Promise<StepOutputs>
  /**
   * Makes up to `count` steps in which each sampler's value feeds its input, in a native loop on the engine's thread, and returns them in
   * blocks of a few milliseconds. Throws ERR_INVALID_ARGUMENT for a session without samplers, ERR_ABORTED and what a step throws. The
   * session holds what was returned: a caller that stops to iterate goes on from there.
   */
  run(count: number, options?: SessionRunOptions): AsyncGenerator<SessionBlock, void, undefined>
  /** Changes the seed, or the settings of samplers, from the next step on. A sampler must be of the kind of the one before. */
  set(change: { seed?: number; samplers?: Readonly<Record<string, Sampler>> }): void
  /** A copy of the session's value. */
  save(): SessionState
  /** Takes the value of `state`. Throws ERR_INVALID_SHAPE unless it is one of a session of the same model and dims. */
  restore(state: SessionState): void
  /** A session of the same kind with a copy of this one's value. */
  fork(): Session
  /** Ends the session; later calls throw ERR_DISPOSED. */
  dispose(): void
}

const sampler: Check<Sampler> = open<Sampler>({
  from: string,
  settings: list(number(), 4, 4),
  record: syncFunction()
})
const size = integer(1, 2 ** 31 - 1)
export const readSessionOptions = optionsOf<SessionOptions>({
  dims: optional(record(size)),
  inputs: optional(record(numbers)),
  outputs: optional(list(string)),
  records: optional(list(string)),
  samplers: optional(record(sampler)),
  seed: optional(seed)
})
export const readChange = object<{ seed?: number; samplers?: Readonly<Record<string, Sampler>> }>({
  seed: optional(seed),
  samplers: optional(record(sampler))
})
export const readInputs = optional(record(numbers))
export const readSignal = optionsOf<SignalOptions>({ signal: optional(signalOf) })
export const readCount = integer(0)
export const readRunOptions = optionsOf<SessionRunOptions>({
  stop: optional(integer(-1, 2 ** 31 - 1)),
  sameWeights: optional(boolean),
  signal: optional(signalOf)
})
export const readState = open<SessionState>({
  version: integer(1, 1),
  position: integer(0),
  seed,
  states: record(float32Array()),
  inputs: record(numbers)
})
