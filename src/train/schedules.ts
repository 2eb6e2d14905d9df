// Learning-rate schedules: a factor on the optimiser's rate. Each step's factor is a function of the step, the share of
// the run that is done, and (plateau) of the validations so far, so a resumed run goes on with the same rates.

import { GatecellError } from '../errors.js'
import { expectNumber } from '../graph/check.js'

export interface Schedule {
  /** Default 'constant'. 'cosine' falls from 1 to `final`; 'plateau' falls by `factor` whenever validation stops gaining. */
  kind: 'constant' | 'cosine' | 'plateau'
  /** Linear rise from 0 at the start: a number of steps, or below 1 a share of the run. Default 0. */
  warmup?: number
  /** cosine: factor at the end; default 0.02. */
  final?: number
  /** plateau: default 0.5. */
  factor?: number
  /** plateau: validations without a gain before the rate falls; default 2. */
  patience?: number
  /** plateau: smallest factor; default 0.001. */
  minimum?: number
}

/** What 'plateau' remembers; part of a checkpoint. */
export interface PlateauState {
  factor: number
  /** Validations since the last gain or fall. */
  bad: number
}

/** Fills in the defaults; throws ERR_INVALID_ARGUMENT. `bounded`: the run's length is known in steps or seconds. */
export function checkSchedule(schedule: Schedule, bounded: boolean): Required<Schedule> {
  const { kind } = schedule
  if (!['constant', 'cosine', 'plateau'].includes(kind)) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `Expected constant, cosine or plateau as schedule but received ${String(kind)}.`
    )
  }
  const full = { warmup: 0, final: 0.02, factor: 0.5, patience: 2, minimum: 0.001, ...schedule }
  expectNumber('schedule', 'warmup', full.warmup, 0, 2 ** 53)
  for (const name of ['final', 'factor', 'minimum'] as const) expectNumber('schedule', name, full[name], 0, 1)
  expectNumber('schedule', 'patience', full.patience, 0, 2 ** 31, true)
  const needsEnd = kind === 'cosine' || (full.warmup > 0 && full.warmup < 1)
  if (needsEnd && !bounded) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      'Expected a run of known length for this schedule: give steps, timeLimit, or epochs with data that knows its steps per epoch.'
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
  return kind === 'plateau' ? rise * at.plateau.factor : rise
}

/** The state after one validation that was or was not the best so far. */
export function afterValidation(schedule: Required<Schedule>, state: PlateauState, gained: boolean): PlateauState {
  if (schedule.kind !== 'plateau' || gained) return { ...state, bad: 0 }
  if (state.bad < schedule.patience) return { ...state, bad: state.bad + 1 }
  return { factor: Math.max(schedule.minimum, state.factor * schedule.factor), bad: 0 }
}
