// The progress of a run that a checkpoint holds next to its arrays, the snapshot of a run, and its restoration. Neither times nor
// thread counts are part of it, so that the same steps give the same bytes; only a run with a time limit keeps its elapsed seconds.

import { types } from 'node:util'
import {
  anything,
  boolean,
  checkObject,
  choice,
  integer,
  list,
  nullable,
  number,
  open,
  optional,
  record,
  seed,
  string
} from '../check/index.js'
import type { Check } from '../check/index.js'
import { GatecellError } from '../errors.js'
import { optimizerNames, type OptimizerName } from '../graph/opcodes.js'
import type { MomentGroup, NamedTensor } from '../graph/parameter-arenas.js'
import { checkLoaded, type LoadedTensors } from '../graph/loaded-tensors.js'
import type { Plan } from '../graph/plan.js'
import type { JsonObject, JsonValue } from '../io/json.js'
import type { Model } from '../model.js'
import type { SkippedSteps, TrainingGroup } from './groups.js'
import { expectUsableTensors } from './not-finite.js'
import { squaresOf } from './optimizers.js'
import { monitorKey, type Measured, type Monitor } from './reports.js'
import type { PlateauState } from './schedules.js'

export interface Progress {
  /** Steps made. */
  step: number
  epoch: number
  /** Where the next batch starts; null at the start. */
  cursor: JsonValue
  /** Symbols trained on. */
  count: number
  /** Exponential mean of the loss, decay 0.98; null before the first step. */
  smoothedLoss: number | null
  /** Best validation so far, those at the end of a run included: that of the 'best' checkpoint. */
  best: Measured | null
  /** Last validation. */
  validation: Measured | null
  /**
   * Lowest monitored figure (negated if higher is better) of the regular validations, those every `validateEvery` steps; patience and
   * plateau go by it.
   */
  lowest: number | null
  /** Regular validations since the lowest one. */
  bad: number
  plateau: PlateauState
  seed: number
  optimizer: OptimizerName
  /** Seconds of training; with a time limit only. */
  elapsed?: number
  /** Number of steps that the averaged weights contain; absent without an average. */
  averaged?: number
  /** The monitored metric, its name with - before it if higher is better; absent if the loss is monitored. */
  monitor?: string
  /** true: the rates are those of a function; absent otherwise. */
  rateFunction?: boolean
  /** Groups of parameters, where there are any. */
  groups?: readonly TrainingGroup[]
  /** Steps at which parameters were frozen; absent if there were none. */
  skipped?: SkippedSteps
}

/** A run at one step: what src/io/checkpoint.ts writes. The arrays are live views, valid until the next step. */
export interface Snapshot {
  task: string
  config: JsonObject
  progress: JsonObject
  weights: NamedTensor[]
  moment1?: NamedTensor[]
  moment2?: NamedTensor[]
  moment3?: NamedTensor[]
  state?: NamedTensor[]
  /** The averaged weights, which were validated; absent without an average. */
  average?: NamedTensor[]
}

/** A run as src/io/checkpoint.ts reads it. */
export interface Resumable {
  progress: JsonObject
  weights: LoadedTensors
  moment1?: LoadedTensors
  moment2?: LoadedTensors
  moment3?: LoadedTensors
  state?: LoadedTensors
  average?: LoadedTensors
}

/** Throws ERR_INVALID_ARGUMENT unless `value` has the parts of a checkpoint. */
export const checkResumable: Check<Resumable> = open<Resumable>({
  progress: (value, name) => (checkObject(value, name), value),
  weights: checkLoaded,
  moment1: optional(checkLoaded),
  moment2: optional(checkLoaded),
  moment3: optional(checkLoaded),
  state: optional(checkLoaded),
  average: optional(checkLoaded)
})

export function firstProgress(seed: number, optimizer: OptimizerName): Progress {
  return {
    step: 0,
    epoch: 0,
    cursor: null,
    count: 0,
    smoothedLoss: null,
    best: null,
    validation: null,
    lowest: null,
    bad: 0,
    plateau: { factor: 1, bad: 0 },
    seed,
    optimizer
  }
}

export function takeSnapshot(
  model: Model,
  progress: Progress,
  moments: readonly MomentGroup[],
  plan: Pick<Plan, 'states' | 'shapes'>
): Snapshot {
  const snapshot: Snapshot = {
    task: model.name,
    config: model.config,
    progress: { ...progress } as unknown as JsonObject,
    weights: model.parameters.list()
  }
  for (const group of moments) snapshot[group] = model.parameters.list(group)
  const state = Object.entries(plan.states).map(([name, data]) => ({ name, shape: plan.shapes.states[name]!, data }))
  if (state.length > 0) snapshot.state = state
  if (progress.averaged) snapshot.average = model.parameters.list('average')
  return snapshot
}

/**
 * Puts weights, moments and, if the run averaged before and still does, averaged weights back, and returns the progress. A run
 * that resumes with an average for the first time starts it at its next step. Throws before anything is written if the parts do not fit
 * or have values that are not finite, or if a mean of squares is negative.
 */
export function restoreRun(
  model: Model,
  from: Resumable,
  expected: { seed: number | undefined; optimizer: OptimizerName; average: number | undefined; monitor: Monitor },
  moments: readonly MomentGroup[]
): Progress {
  const { averaged, ...progress } = readProgress(from.progress)
  if (expected.seed !== undefined && progress.seed !== expected.seed)
    refuse(`seed ${expected.seed}`, `seed ${progress.seed}`)
  if (progress.optimizer !== expected.optimizer) refuse(`the optimizer ${expected.optimizer}`, progress.optimizer)
  const monitor = monitorKey(expected.monitor)
  if (progress.best !== null && (progress.monitor ?? 'loss') !== monitor)
    refuse(`${monitor} as monitored figure`, progress.monitor ?? 'loss')
  const groups = moments.map((group) => {
    const tensors = from[group]
    if (!tensors || tensors.size === 0) refuse(`the state of the optimizer (${group})`, 'none')
    return { group, tensors }
  })
  const continues = expected.average !== undefined && averaged
  if (continues && !from.average?.size) refuse('averaged weights', 'none')
  const squares = squaresOf(expected.optimizer)
  for (const group of ['weights', ...moments, 'state', 'average'] as const) {
    const kind = (squares as readonly string[]).includes(group) ? 'squares' : 'any'
    if (from[group]) expectUsableTensors(group, from[group], kind)
  }
  model.parameters.load(from.weights)
  model.parameters.clearOptimizer()
  for (const { group, tensors } of groups) model.parameters.load(tensors, group)
  if (!continues) return progress
  model.parameters.load(from.average!, 'average')
  return { ...progress, averaged }
}

/** Copies carried states into `states`; throws ERR_INVALID_SHAPE if they are of another batch size. */
export function restoreStates(states: Readonly<Record<string, Float32Array>>, from: Resumable): void {
  for (const [name, view] of Object.entries(states)) {
    const source = from.state?.get(name)?.data
    if (!types.isFloat32Array(source) || source.length !== view.length) {
      throw new GatecellError(
        'ERR_INVALID_SHAPE',
        `Expected a checkpoint with ${view.length} values of the state "${name}" but it has others; resume with the batch size it was made with.`
      )
    }
  }
  for (const [name, view] of Object.entries(states)) view.set(from.state!.get(name)!.data as Float32Array)
}

const count = integer(0)
const measured = nullable(open<Measured>({ loss: number(), step: count, metrics: optional(record(number())) }))
const readFields = open<Progress>({
  step: count,
  epoch: count,
  cursor: anything, // the source of the data checks it
  count: number(0),
  smoothedLoss: nullable(number()),
  best: measured,
  lowest: optional(nullable(number())),
  validation: optional(measured),
  bad: count,
  plateau: open<PlateauState>({ factor: number(0, 1), bad: count, best: optional(number()) }),
  seed,
  optimizer: choice(...optimizerNames),
  elapsed: optional(number(0)),
  averaged: optional(count),
  groups: optional(list(anything as Check<TrainingGroup>)), // resolveGroups has their fields
  skipped: optional(record(count)),
  monitor: optional(string),
  rateFunction: optional(boolean)
})

function readProgress(value: JsonObject): Progress {
  return { ...firstProgress(0, 'adam'), ...readFields(value, 'the progress of the run to resume') }
}

function refuse(expected: string, found: string): never {
  throw new GatecellError(
    'ERR_INVALID_ARGUMENT',
    `Expected a checkpoint with ${expected} to resume from but it has ${found}: resume with the settings that it was made with.`
  )
}
