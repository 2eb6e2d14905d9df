// The public types of sessions, and the checks of their arguments.

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

/** Values of inputs by name. Each has all elements of its input, whose dims `length` and `batch` are 1. */
export type StepInputs = Readonly<Record<string, ArrayLike<number>>>

/** Options of `createSession`. */
export interface SessionOptions {
  /** Sizes of the inputs' dims besides `length` and `batch`, which are 1. Each such dim needs one. */
  dims?: Readonly<Record<string, number>>
  /** First values of inputs; default: zeros. An input keeps its value until a step or a sampler gives it another one. */
  inputs?: StepInputs
  /**
   * Names of the tensors that `step` returns: outputs of the model, and all tensors that a layer or `graph.name` has named, such as
   * `lstm.cell_l0`; default: the outputs of the model.
   */
  outputs?: readonly string[]
  /** Names of the tensors that `run` returns for each step, next to the samplers' values; default: none. */
  records?: readonly string[]
  /** Samplers that feed inputs in `run`, by the name of the input; default: none. `run` needs at least one. */
  samplers?: Readonly<Record<string, Sampler>>
  /** Seed of the draws, an integer in [0, 2^53); default 0. A draw is a function of the seed and the number of steps before it. */
  seed?: number
}

/** The value of a session between two steps. It is plain data, so that structured cloning can copy it to another thread. */
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

/** Options of `Session.run` and `runTogether`. */
export interface SessionRunOptions {
  /** Token of an int32 sampler after which the run ends; default -1, which is not a token. */
  stop?: number
  /**
   * Whether all steps use the weights of one moment, so that a fit of the model waits until the run ends; default false. Otherwise the steps
   * of each block do, and a fit may take steps between two blocks.
   */
  sameWeights?: boolean
  /** Signal that aborts the run between two blocks. */
  signal?: AbortSignal | undefined
}

/** Options of calls that may be aborted. */
export interface SignalOptions {
  /** Signal that aborts the call. */
  signal?: AbortSignal | undefined
}

/** One sequence of steps of a model with carried states. It owns the states and the inputs of the next step. */
export interface Session extends Disposable {
  /** Steps made so far. Together with the seed it determines the draws of the next step. */
  readonly position: number
  /**
   * Makes one step on the engine's thread, with `inputs` in place of the inputs' present values, and returns the outputs: a copy of each,
   * with length and batch 1. Throws ERR_INVALID_ARGUMENT for inputs that the model does not have, ERR_INVALID_SHAPE for inputs of another
   * size, ERR_ABORTED if `signal` aborts, ERR_DISPOSED after `dispose`, and the errors of a run, such as ERR_OUT_OF_RANGE for an id outside
   * its table. After an error the states are those from before the step.
   */
  step(inputs?: StepInputs, options?: SignalOptions): Promise<StepOutputs>
  /**
   * Does what `step` does on the caller's thread, before it returns: for steps of microseconds. Throws what `step` throws, and ERR_BUSY
   * while a call of the session or a step of a fit is under way.
   */
  stepSync(inputs?: StepInputs): StepOutputs
  /**
   * Makes a step for each row of `inputs`, which have [count, ...] values by name, in slices of a few milliseconds and with the weights of
   * one moment. Returns the outputs of the last step. Throws what `step` throws, and ERR_INVALID_SHAPE for less than one whole step. After
   * an abort the session has the value after the last slice.
   */
  feed(inputs: StepInputs, options?: SignalOptions): Promise<StepOutputs>
  /**
   * Makes up to `count` steps in which each sampler's value feeds its input, in a native loop on the engine's thread, and yields them in
   * blocks of a few milliseconds. The session has the value after the last block that was yielded, so that a caller who stops iterating can
   * continue from there. Throws ERR_INVALID_ARGUMENT for a session without samplers, ERR_ABORTED if the signal aborts, and what a step
   * throws.
   */
  run(count: number, options?: SessionRunOptions): AsyncGenerator<SessionBlock, void, undefined>
  /**
   * Changes the seed, or the settings of samplers, from the next step on. Throws ERR_INVALID_ARGUMENT if a sampler is of another kind than
   * the present one, and ERR_BUSY while a call is under way.
   */
  set(change: { seed?: number; samplers?: Readonly<Record<string, Sampler>> }): void
  /** Returns a copy of the session's value. Throws ERR_BUSY while a call is under way. */
  save(): SessionState
  /**
   * Replaces the session's value by a copy of `state`. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE unless the state is that of a
   * session with states and inputs of the same names and sizes, and ERR_BUSY while a call is under way.
   */
  restore(state: SessionState): void
  /** Returns a session of the same kind with a copy of this one's value. Throws ERR_BUSY while a call is under way. */
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
/** Checks the options of a session. */
export const readSessionOptions = optionsOf<SessionOptions>({
  dims: optional(record(size)),
  inputs: optional(record(numbers)),
  outputs: optional(list(string)),
  records: optional(list(string)),
  samplers: optional(record(sampler)),
  seed: optional(seed)
})
/** Checks the argument of `Session.set`. */
export const readChange = object<{ seed?: number; samplers?: Readonly<Record<string, Sampler>> }>({
  seed: optional(seed),
  samplers: optional(record(sampler))
})
/** Checks values of inputs, if there are any. */
export const readInputs = optional(record(numbers))
/** Checks options of calls that may be aborted. */
export const readSignal = optionsOf<SignalOptions>({ signal: optional(signalOf) })
/** Checks a number of steps. */
export const readCount = integer(0)
/** Checks the options of a run. */
export const readRunOptions = optionsOf<SessionRunOptions>({
  stop: optional(integer(-1, 2 ** 31 - 1)),
  sameWeights: optional(boolean),
  signal: optional(signalOf)
})
/** Checks a saved value; the session compares its names and sizes with its own. */
export const readState = open<SessionState>({
  version: integer(1, 1),
  position: integer(0),
  seed,
  states: record(float32Array()),
  inputs: record(numbers)
})
