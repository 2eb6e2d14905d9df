// Schedules of the learning rate: a factor on the optimizer's rate. docs/conventions.md compares them with torch.optim.lr_scheduler. The
// factor of a step is a function of the step, of the finished share of the run and, for 'plateau', of the validations so far, so a resumed
// run continues with the same rates.

import { choice, integer, number, object, optional, syncFunction } from '../check/index.js'
import { expected } from '../errors.js'

/**
 * A schedule of the learning rate.
 * @example
 * createTrainer(model, data, { steps: 1000, schedule: { kind: 'cosine', warmup: 100 } })
 */
export interface Schedule {
  /**
   * The factor of 'constant' is 1; that of 'cosine' falls from 1 to `final` over the whole run (Loshchilov and Hutter 2017, without restarts);
   * that of 'plateau' is multiplied by `factor` when validations stop improving, and that of 'step' every `every` steps.
   */
  kind: 'constant' | 'cosine' | 'plateau' | 'step'
  /** Length of the linear rise from 0 at the start: a number of steps, or if below 1 a share of the run. Default 0. */
  warmup?: number
  /** cosine: factor at the end, 0 to 1. Default 0.02. */
  final?: number
  /** plateau, step: factor of a fall, 0 to 1. Default 0.5, for step 0.1. */
  factor?: number
  /** step: number of steps between two falls, at least 1. Default 1000. */
  every?: number
  /** plateau: number of validations without improvement before the one that lowers the rate. Default 2. */
  patience?: number
  /** plateau: a validation improves if its monitored figure is below best - threshold * |best|, 0 to 1. Default 0: below the best. */
  threshold?: number
  /** plateau: smallest factor, 0 to 1. Default 0.001. */
  minimum?: number
}

/**
 * A schedule as a function: the learning rate of a step, which is counted from 0; finite and at least 0. The optimizer's `learningRate` has
 * no part in it. A checkpoint cannot keep a function, so a run that resumes is given it again.
 * @example
 * createTrainer(model, data, { steps: 1000, schedule: (step) => 0.01 / Math.sqrt(step + 1) })
 */
export type RateFunction = (step: number) => number

/** The state of 'plateau', which is part of a checkpoint. */
export interface PlateauState {
  /** Present factor. */
  factor: number
  /** Number of validations since the last improvement or fall. */
  bad: number
  /** Monitored figure of the last improvement; only with a threshold above 0. */
  best?: number
}

const share = optional(number(0, 1))
const readSchedule = object<Schedule>({
  kind: choice('constant', 'cosine', 'plateau', 'step'),
  warmup: optional(number(0, 2 ** 53)),
  final: share,
  factor: share,
  every: optional(integer(1)),
  patience: optional(integer(0, 2 ** 31)),
  threshold: share,
  minimum: share
})

const checkRate = number(0)
const checkFunction = syncFunction<RateFunction>()

/** Returns `given` with a check: throws ERR_INVALID_ARGUMENT if a rate is negative or not finite. */
export function checkedRates(given: unknown): RateFunction {
  const rateOf = checkFunction(given, 'the schedule')
  return (step) => checkRate(rateOf(step), `the rate that the schedule returns for step ${step}`)
}

/**
 * Fills in the defaults. `bounded`: whether the length of the run is known in steps or seconds. Throws ERR_INVALID_ARGUMENT if a value is out of
 * range, or if the schedule needs a run of known length.
 */
export function checkSchedule(schedule: Schedule, bounded: boolean): Required<Schedule> {
  const given = readSchedule(schedule, 'the schedule')
  const { kind } = given
  const defaults = { warmup: 0, final: 0.02, every: 1000, patience: 2, threshold: 0, minimum: 0.001 }
  const full = { ...defaults, factor: kind === 'step' ? 0.1 : 0.5, ...given }
  const needsEnd = kind === 'cosine' || (full.warmup > 0 && full.warmup < 1)
  if (needsEnd && !bounded) {
    const remedy = 'pass steps, timeLimit, or epochs with data that has a number of steps per epoch'
    throw expected('ERR_INVALID_ARGUMENT', 'a run of known length for this schedule', 'one without an end', remedy)
  }
  return full
}

/**
 * Returns the factor for one step. `done`: share of the run before this step, in [0, 1]; `share`: share of one step, 0 if unknown.
 */
export function scheduleFactor(
  schedule: Required<Schedule>,
  at: { step: number; done: number; share: number; plateau: PlateauState }
): number {
  const { kind, warmup, final } = schedule
  const steps = warmup >= 1
  const rise = warmup === 0 ? 1 : Math.min(1, steps ? (at.step + 1) / warmup : (at.done + at.share) / warmup)
  if (kind === 'cosine') return rise * (final + (1 - final) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, at.done))))
  if (kind === 'step') return rise * schedule.factor ** Math.floor(at.step / schedule.every)
  return kind === 'plateau' ? rise * at.plateau.factor : rise
}

/** Returns the state after a validation with the monitored figure `loss`; `isBest`: whether it is the lowest so far. */
export function afterValidation(
  schedule: Required<Schedule>,
  state: PlateauState,
  isBest: boolean,
  loss: number
): PlateauState {
  const { threshold } = schedule
  if (schedule.kind !== 'plateau') return { ...state, bad: 0 }
  const { best = Infinity } = state
  const gained = threshold === 0 ? isBest : best === Infinity || loss < best - threshold * Math.abs(best)
  if (gained) return { ...state, bad: 0, ...(threshold > 0 && { best: loss }) }
  if (state.bad < schedule.patience) return { ...state, bad: state.bad + 1 }
  return { ...state, factor: Math.max(schedule.minimum, state.factor * schedule.factor), bad: 0 }
}
