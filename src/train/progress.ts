// The progress of a run, which a checkpoint stores next to its arrays, the snapshot of a run, and its restoration. Neither times nor
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
import { expected } from '../errors.js'
import { optimizerNames, type OptimizerName } from '../graph/opcodes.js'
import type { NamedTensor } from '../graph/parameter-arenas.js'
import type { MomentGroup } from '../graph/parameter-groups.js'
import { checkLoaded, type LoadedTensors } from '../graph/loaded-tensors.js'
import type { JsonObject, JsonValue } from '../io/json.js'
import type { Batch } from '../data/batching/source.js'
import type { Model } from '../model.js'
import type { SkippedSteps, TrainingGroup } from './groups.js'
import { expectUsableTensors } from './not-finite.js'
import { smooth } from './metrics.js'
import { squaresOf } from './optimizers.js'
import { monitorKey, type Measured, type Monitor } from './reports.js'
import type { PlateauState } from './schedules.js'
import type { CarriedStates } from './step-plan.js'

/** The progress of a run as plain JSON. */
export interface Progress {
  /** Steps made. */
  step: number
  /** Finished passes over the data. */
  epoch: number
  /** Position of the next batch, as the source of the data defines it; null at the start. */
  cursor: JsonValue
  /** Number of symbols trained on. */
  count: number
  /** Exponential mean of the loss, decay 0.98; null before the first step. */
  smoothedLoss: number | null
  /** Best validation so far, those at the end of a run included: that of the 'best' checkpoint. */
  best: Measured | null
  /** Last validation. */
  validation: Measured | null
  /**
   * Lowest monitored figure (negated if higher is better) of the regular validations, those every `validateEvery` steps, for patience
   * and plateau.
   */
  lowest: number | null
  /** Regular validations since the lowest one. */
  bad: number
  plateau: PlateauState
  /** Seed of dropout masks. */
  seed: number
  optimizer: OptimizerName
  /** Seconds of training; with a time limit only. */
  elapsed?: number
  /** Number of steps that the averaged weights contain; absent without an average. */
  averaged?: number
  /** The monitored metric, its name with - before it if higher is better; absent if the loss is monitored. */
  monitor?: string
  /** Present if the rates are those of a function. */
  rateFunction?: boolean
  /** Groups of parameters; absent if there are none. */
  groups?: readonly TrainingGroup[]
  /** Number of steps at which each parameter was frozen; absent if there were none. */
  skipped?: SkippedSteps
  /** Number of shards of a batch; absent if batches are not cut. */
  shards?: number
}

/** A run at one step, for src/io/checkpoint.ts to write. The arrays are live views, valid until the next step. */
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

/** A run from a file, as src/io/checkpoint.ts reads it. */
export interface Resumable {
  progress: JsonObject
  weights: LoadedTensors
  moment1?: LoadedTensors
  moment2?: LoadedTensors
  moment3?: LoadedTensors
  state?: LoadedTensors
  average?: LoadedTensors
}

/** Checks that a value has the parts of a checkpoint. */
export const checkResumable: Check<Resumable> = open<Resumable>({
  progress: (value, name) => (checkObject(value, name), value),
  weights: checkLoaded,
  moment1: optional(checkLoaded),
  moment2: optional(checkLoaded),
  moment3: optional(checkLoaded),
  state: optional(checkLoaded),
  average: optional(checkLoaded)
})

/** Returns the progress before the first step. */
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

/** Returns the progress after a step with this loss and number of symbols, whose last batch was `last`. */
export function afterStep(
  progress: Progress,
  loss: number,
  count: number,
  { epoch, cursor }: Pick<Batch, 'epoch' | 'cursor'>
): Progress {
  const smoothedLoss = smooth(progress.smoothedLoss, loss)
  return { ...progress, step: progress.step + 1, epoch, cursor, count: progress.count + count, smoothedLoss }
}

/** Returns the snapshot of a run: its progress, the weights and moments of `model`, and the carried states. */
export function takeSnapshot(
  model: Model,
  progress: Progress,
  moments: readonly MomentGroup[],
  carried: CarriedStates
): Snapshot {
  const snapshot: Snapshot = {
    task: model.name,
    config: model.config,
    progress: { ...progress } as unknown as JsonObject,
    weights: model.parameters.list()
  }
  for (const group of moments) snapshot[group] = model.parameters.list(group)
  const state = Object.entries(carried.states).map(([name, data]) => ({
    name,
    shape: carried.shapes.states[name]!,
    data
  }))
  if (state.length > 0) snapshot.state = state
  if (progress.averaged) snapshot.average = model.parameters.list('average')
  return snapshot
}

/**
 * Restores weights, moments and, if the run averaged before and still does, averaged weights, and returns the progress. A run that resumes
 * with an average for the first time starts it at its next step. Throws, before anything is written, ERR_INVALID_ARGUMENT if the checkpoint
 * has other settings than `settings`, lacks a part or has a negative mean of squares, ERR_INVALID_SHAPE if a tensor does not fit, and
 * ERR_NOT_FINITE if a value is not finite.
 */
export function restoreRun(
  model: Model,
  from: Resumable,
  settings: {
    seed: number | undefined
    optimizer: OptimizerName
    average: number | undefined
    monitor: Monitor
    shards: number | undefined
  },
  moments: readonly MomentGroup[]
): Progress {
  const { averaged, ...progress } = readProgress(from.progress)
  if (settings.seed !== undefined && progress.seed !== settings.seed)
    refuse(`seed ${settings.seed}`, `seed ${progress.seed}`)
  if (progress.shards !== settings.shards)
    refuse(`${settings.shards ?? 'no'} shards of a batch`, `${progress.shards ?? 'none'}`)
  if (progress.optimizer !== settings.optimizer) refuse(`the optimizer ${settings.optimizer}`, progress.optimizer)
  const monitor = monitorKey(settings.monitor)
  if (progress.best !== null && (progress.monitor ?? 'loss') !== monitor)
    refuse(`${monitor} as monitored figure`, progress.monitor ?? 'loss')
  const groups = moments.map((group) => {
    const tensors = from[group]
    if (!tensors || tensors.size === 0) refuse(`the state of the optimizer (${group})`, 'none')
    return { group, tensors }
  })
  const continues = settings.average !== undefined && averaged
  if (continues && !from.average?.size) refuse('averaged weights', 'none')
  const squares = squaresOf(settings.optimizer)
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

/** Copies carried states into `states`. Throws ERR_INVALID_SHAPE if they are of another batch size. */
export function restoreStates(states: Readonly<Record<string, Float32Array>>, from: Resumable): void {
  for (const [name, view] of Object.entries(states)) {
    const source = from.state?.get(name)?.data
    if (!types.isFloat32Array(source) || source.length !== view.length) {
      const wanted = `a checkpoint with ${view.length} values of the state "${name}"`
      throw expected('ERR_INVALID_SHAPE', wanted, 'others', 'resume with the batch size that it was made with')
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
  rateFunction: optional(boolean),
  shards: optional(integer(1, 1024))
})

function readProgress(value: JsonObject): Progress {
  return { ...firstProgress(0, 'adam'), ...readFields(value, 'the progress of the run to resume') }
}

function refuse(what: string, found: string): never {
  const remedy = 'resume with the settings that it was made with'
  throw expected('ERR_INVALID_ARGUMENT', `a checkpoint with ${what} to resume from`, `one with ${found}`, remedy)
}
