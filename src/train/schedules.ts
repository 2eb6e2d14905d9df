// Learning-rate schedules: a factor on the optimizer's rate. docs/conventions.md compares them with torch.optim.lr_scheduler. Each step's factor is a function of the step, the share of
// the run that is done, and (plateau) of the validations so far, so a resumed run goes on with the same rates.

import { choice, integer, number, object, optional, syncFunction } from '../check/index.js'
import { GatecellError } from '../errors.js'

export interface Schedule {
  /**
   * 'cosine' falls from 1 to `final` over the whole run, 'plateau' is multiplied by `factor` whenever validation stops
   * gaining, 'step' is multiplied by `factor` every `every` steps.
   */
  kind: 'constant' | 'cosine' | 'plateau' | 'step'
  /** Linear rise from 0 at the start: a number of steps, or below 1 a share of the run. Default 0. */
  warmup?: number
  /** cosine: factor at the end; default 0.02. */
  final?: number
  /** plateau, step: 0 to 1; default 0.5, for step 0.1. */
  factor?: number
  /** step: number of steps between two falls; default 1000. */
  every?: number
  /** plateau: number of validations without a gain that are passed over; the next one lowers the rate. Default 2. */
  patience?: number
  /** plateau: a validation gains if its loss is below best - threshold * |best|; 0 to 1, default 0: any gain counts. */
  threshold?: number
  /** plateau: smallest factor; default 0.001. */
  minimum?: number
}

/**
 * A schedule as a function: the learning rate of a step, which is counted from 0; finite and at least 0. The optimizer's `learningRate` has
 * no part in it. A checkpoint cannot keep a function, so a run that resumes is given it again.
 * @example
 * createTrainer(model, data, { steps: 1000, schedule: (step) => 0.01 / Math.sqrt(step + 1) })
 */
export type RateFunction = (step: number) => number

/** What 'plateau' remembers; part of a checkpoint. */
export interface PlateauState {
  factor: number
  /** Validations since the last gain or fall. */
  bad: number
  /** Loss of the last gain; only with a threshold above 0. */
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

/** Returns a function that checks the rates of `given`: ERR_INVALID_ARGUMENT for a rate that is negative or not finite. */
export function checkedRates(given: unknown): RateFunction {
  const rateOf = checkFunction(given, 'the schedule')
  return (step) => checkRate(rateOf(step), `the rate that the schedule returns for step ${step}`)
}

/** Fills in the defaults; throws ERR_INVALID_ARGUMENT. `bounded`: the run's length is known in steps or seconds. */
export function checkSchedule(schedule: Schedule, bounded: boolean): Required<Schedule> {
  const given = readSchedule(schedule, 'the schedule')
  const { kind } = given
  const defaults = { warmup: 0, final: 0.02, every: 1000, patience: 2, threshold: 0, minimum: 0.001 }
  const full = { ...defaults, factor: kind === 'step' ? 0.1 : 0.5, ...given }
  const needsEnd = kind === 'cosine' || (full.warmup > 0 && full.warmup < 1)
  if (needsEnd && !bounded) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      'Expected a run of known length for this schedule but received none: give steps, timeLimit, or epochs with data that knows its steps per epoch.'
    )
  }
  return full
}

/**
 * The factor for one step. `done`: share of the run before this step, in [0, 1]; `share`: what one step is of the run
 * (0 where unknown).
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

/** Returns the state after a validation with this loss; `isBest`: it is the lowest so far. */
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
