// The options of a trainer: their types, defaults and checks.

import { anything, callback, choice, integer, list, number, optional, options as optionsOf } from '../check/index.js'
import { seed as seedOf, string, type Check } from '../check/index.js'
import { expected, show } from '../errors.js'
import { readSource, type BatchSource } from '../data/batching/source.js'
import { checkOptimizer, type Optimizer } from './optimizers.js'
import { readMetrics, type Metrics } from './evaluate.js'
import type { TrainingGroup } from './groups.js'
import { checkResumable, type Resumable, type Snapshot } from './progress.js'
import { checkRanks, type Ranks } from '../ranks/ranks.js'
import type { Monitor } from './reports.js'
import { checkedRates, checkSchedule, type RateFunction, type Schedule } from './schedules.js'

/** Options of `createTrainer`. */
export interface TrainerOptions {
  /** Default: Adam with the rate 2e-3. */
  optimizer?: Optimizer
  /** The rates of the steps: a schedule, or a function of the step that returns the rate. Default: constant. */
  schedule?: Schedule | RateFunction
  /** Global norm to which gradients are clipped, 0 to 1e9 (Pascanu, Mikolov, Bengio 2013). 0 disables clipping. Default 1. */
  clip?: number
  /**
   * Decay per step of an exponential average of the weights, 1e-6 to 0.9999999; default: no average. The average begins as a copy of the
   * weights after the first step (torch.optim.swa_utils). Validations measure the averaged weights; the trained ones stay in the model,
   * and a snapshot has both. Useful with schedules whose rate does not fall to 0; under `cosine` an average brings no gain. Takes memory
   * for two more arrays of the size of the weights.
   */
  average?: number
  /**
   * Batches of a step, 1 to 65536; default 1. The step takes the mean of their gradients, weighted by the count of each loss, which is
   * the gradient of one batch of all of them together up to rounding. Memory is that of one batch and one more array of the size of the
   * weights. Dropout masks differ from batch to batch. `steps`, rates and reports count steps, not batches. At the end of the data a
   * step may have fewer batches; an abort gives the unfinished step up, and a run that resumes begins it again.
   */
  accumulate?: number
  /**
   * Number of shards into which each batch is cut by rows, a power of two from 1 to 1024. The gradients of the shards are summed as a balanced tree,
   * so that the weights are the same bits for any number of processes that divides it (`ranks`); other numbers of shards give other roundings
   * and other dropout masks. The model needs the dim `batch`, and its device is the processor. Default: 8 with several processes, else
   * none: batches are not cut. A run is resumed with the number with which it began.
   */
  shards?: number
  /**
   * The processes that train together, from `joinRanks`; each computes its part of the shards. All have the same data and options. Only rank 0
   * calls `checkpoint` and evaluates `validation`. Default: this process only.
   * @example
   * const trainer = createTrainer(model, data, { ranks: await joinRanks(), steps: 100 })
   */
  ranks?: Ranks
  /**
   * Groups of parameters by name, with a rate or a weight decay of their own, or frozen; default none, or those of the run that is
   * resumed. `trainer.setGroups` changes them between fits.
   * @example
   * createTrainer(model, data, { groups: [{ parameters: 'encoder.*', rate: 0.1 }, { parameters: 'embedding.weight', frozen: true }] })
   */
  groups?: readonly TrainingGroup[]
  /**
   * Names of tensors that `trainer.plan.outputs` has after each step, next to the loss: those of `model.plan`. A listener of the event 'report'
   * reads them. Default: none.
   */
  outputs?: readonly string[]
  /** Names of tensors whose gradients `trainer.plan.gradients` has after each step, as for `model.plan`. Default: none. */
  gradients?: readonly string[]
  /** Seed of dropout masks, an integer in [0, 2^53). Default 0, or that of the run that is resumed. */
  seed?: number
  /** Number of steps after which the run ends, at least 1, those before a resume included. Default: no limit. */
  steps?: number
  /** Number of passes over the data after which the run ends, at least 1. Default: no limit. */
  epochs?: number
  /** Seconds of training after which the run ends, 0.001 to 1e9; validations and checkpoints do not count. Default: no limit. */
  timeLimit?: number
  /** Held-out data, which `evaluate` reads. Default: no validations. */
  validation?: BatchSource
  /**
   * Steps between validations, at least 1. Default: an epoch, but at most 1000 steps. The end of a run is validated too, unless it was
   * aborted; such a validation may give the best model, but patience and the plateau schedule do not count it.
   */
  validateEvery?: number
  /** Metrics of the validations next to the loss, by name: `{ accuracy: accuracy() }`. Default none. */
  metrics?: Metrics
  /**
   * The figure for `patience`, the plateau schedule and the choice of the best weights: 'loss' (default) or the name of one of `metrics`. A run that
   * resumes must monitor the same figure.
   */
  monitor?: string
  /** Which value of the monitored figure is the better one. Default: that of the metric, for the loss 'lower'. */
  better?: 'higher' | 'lower'
  /**
   * Number of regular validations (those every `validateEvery` steps) without a better monitored figure after which the run ends, at least 1.
   * Default: no limit.
   */
  patience?: number
  /** Steps between reports, at least 1. Default: a report about every second. */
  reportEvery?: number
  /**
   * Writes a checkpoint; the training awaits it. It is called with 'last' every `checkpointEvery` steps, at the end and, if the end is
   * validated, once more with the result, and with 'best' after each new best validation. Default: no checkpoints.
   */
  checkpoint?: (snapshot: Snapshot, kind: 'last' | 'best') => void | Promise<void>
  /** Steps between calls of `checkpoint`, at least 1. Default: only at the end. */
  checkpointEvery?: number
  /** A checkpoint to resume from: the same batches, masks and rates follow as if the run had never stopped. */
  resume?: Resumable
}

/** Checks a number of shards. */
const checkShards: Check<number> = (value, name) => {
  const shards = integer(1, 1024)(value, name)
  if (Number.isInteger(Math.log2(shards))) return shards
  throw expected('ERR_INVALID_ARGUMENT', `a power of two as ${name}`, `${shards}`, 'take 8, for example')
}

const count = integer(1)
const readOptions = optionsOf<TrainerOptions>({
  optimizer: optional(anything), // checkOptimizer has its fields
  schedule: optional(anything), // checkSchedule has its fields
  clip: optional(number(0, 1e9)),
  average: optional(number(1e-6, 0.9999999)),
  accumulate: optional(integer(1, 65536)),
  shards: optional(checkShards),
  ranks: optional(checkRanks),
  groups: optional(list(anything as Check<TrainingGroup>)), // resolveGroups has their fields
  outputs: optional(list(string)),
  gradients: optional(list(string)),
  seed: optional(seedOf),
  steps: optional(count),
  epochs: optional(count),
  timeLimit: optional(number(1e-3, 1e9)),
  validation: optional(readSource),
  metrics: optional(readMetrics),
  monitor: optional(string),
  better: optional(choice('higher', 'lower')),
  validateEvery: optional(count),
  patience: optional(count),
  reportEvery: optional(count),
  checkpoint: optional(callback()),
  checkpointEvery: optional(count),
  resume: optional(checkResumable)
})

/** Options with every default in place. */
export type CheckedOptions = ReturnType<typeof checkOptions>

/** Returns the options with their defaults. Throws ERR_INVALID_ARGUMENT if an option is out of range or does not fit another one. */
export function checkOptions(trainerOptions: TrainerOptions, stepsPerEpoch: number | undefined) {
  const options = readOptions(trainerOptions, 'the options of the trainer')
  const { steps, epochs, timeLimit, validation, patience, clip = 1, accumulate = 1 } = options
  if (patience !== undefined && !validation) {
    const wanted = 'validation data for early stopping by patience'
    throw expected('ERR_INVALID_ARGUMENT', wanted, 'none', 'pass validation, or leave patience out')
  }
  const bounded =
    steps !== undefined || timeLimit !== undefined || (epochs !== undefined && stepsPerEpoch !== undefined)
  const optimizer = checkOptimizer(options.optimizer ?? { kind: 'adam' })
  const rateOf = typeof options.schedule === 'function' ? checkedRates(options.schedule) : null
  const described = rateOf || options.schedule === undefined ? { kind: 'constant' as const } : options.schedule
  const schedule = checkSchedule(described as Schedule, bounded)
  if (schedule.kind === 'plateau' && !validation) {
    const wanted = 'validation data for the plateau schedule'
    throw expected('ERR_INVALID_ARGUMENT', wanted, 'none', 'pass validation, or choose another schedule')
  }
  const validateEvery =
    options.validateEvery ??
    Math.max(1, Math.min(stepsPerEpoch === undefined ? 1000 : Math.ceil(stepsPerEpoch / accumulate), 1000))
  const monitor = monitorOf(options)
  const scheduled = options.schedule !== undefined
  const shards = shardsFor(options.shards, options.ranks)
  return { ...options, shards, rateOf, scheduled, monitor, clip, accumulate, optimizer, schedule, validateEvery }
}

/** Number of shards of a training by several processes, by default. */
export const DEFAULT_SHARDS = 8

/** Returns the number of shards for these processes; undefined if batches are not cut. Throws ERR_RANKS unless each process gets as many. */
export function shardsFor(shards: number | undefined, ranks: Ranks | undefined): number | undefined {
  const size = ranks?.size ?? 1
  const chosen = shards ?? (size > 1 ? DEFAULT_SHARDS : undefined)
  if (chosen === undefined || chosen % size === 0) return chosen
  const wanted = `a number of processes that divides the ${chosen} shards of a batch`
  throw expected('ERR_RANKS', wanted, `${size}`, 'start 1, 2, 4 ... processes, or begin the run with more shards')
}

function monitorOf({ monitor = 'loss', better, metrics = {}, validation }: TrainerOptions): Monitor {
  const measured = monitor === 'loss' || Object.hasOwn(metrics, monitor)
  if (!measured || ((monitor !== 'loss' || better !== undefined) && !validation)) {
    const names = ['loss', ...Object.keys(metrics)].join(', ')
    const wanted = `validation data and one of ${names} to monitor`
    throw expected('ERR_INVALID_ARGUMENT', wanted, show(monitor), 'pass validation, and name a metric of metrics')
  }
  return { name: monitor, better: better ?? (monitor === 'loss' ? 'lower' : metrics[monitor]!.better) }
}
