// What a trainer is told, checked once.

import { anything, callback, choice, integer, list, number, optional, options as optionsOf } from '../check/index.js'
import { seed as seedOf, string, type Check } from '../check/index.js'
import { GatecellError, show } from '../errors.js'
import { readSource, type BatchSource } from '../data/batching/source.js'
import { checkOptimizer, type Optimizer } from './optimizers.js'
import { readMetrics, type Metrics } from './evaluate.js'
import type { TrainingGroup } from './groups.js'
import { checkResumable, type Resumable, type Snapshot } from './progress.js'
import type { Monitor } from './reports.js'
import { checkedRates, checkSchedule, type RateFunction, type Schedule } from './schedules.js'

export interface TrainerOptions {
  /** Default: Adam at 2e-3. */
  optimizer?: Optimizer
  /** The rates of the steps: a schedule, or a function of the step that returns the rate. Default: constant. */
  schedule?: Schedule | RateFunction
  /** Global norm that gradients are clipped to (Pascanu, Mikolov, Bengio 2013); 0: none. Default 1. */
  clip?: number
  /**
   * Decay per step of an exponential average of the weights, 1e-6 to 0.9999999; default: no average. The average begins as a copy of the
   * weights after the first step (torch.optim.swa_utils). Validations measure the averaged weights; the trained ones stay in the model,
   * and a snapshot has both. Useful with schedules whose rate does not fall to 0; under `cosine` an average gains nothing. Takes memory
   * for two more arrays of the size of the weights.
   */
  average?: number
  /**
   * Batches of a step, 1 to 65536; default 1. The step takes the mean of their gradients, weighted by what each loss counts, which is
   * the gradient of one batch of all of them together up to rounding. Memory is that of one batch and one more array of the size of the
   * weights. Dropout masks differ from batch to batch. `steps`, rates and reports count steps, not batches. At the end of the data a
   * step may have fewer batches; an abort gives the unfinished step up, and a run that resumes begins it again.
   */
  accumulate?: number
  /**
   * Groups of parameters by name, with a rate or a weight decay of their own, or frozen; default none, or those of the run that is
   * resumed. `trainer.setGroups` changes them between fits.
   * @example
   * createTrainer(model, data, { groups: [{ parameters: 'encoder.*', rate: 0.1 }, { parameters: 'embedding.weight', frozen: true }] })
   */
  groups?: readonly TrainingGroup[]
  /** Seed of dropout masks; default 0, or that of the run that is resumed. */
  seed?: number
  /** Ends after this many steps in all, those before a resume included. */
  steps?: number
  /** Ends after this many passes over the data. */
  epochs?: number
  /** Ends after this many seconds of training; validation and checkpoints do not count. */
  timeLimit?: number
  /** Held-out data, read as `evaluate` reads it. */
  validation?: BatchSource
  /**
   * Steps between validations; default an epoch, but at most 1000 steps. The end of a run is validated too, unless it was
   * aborted; such a validation may give the best model, but patience and the plateau schedule do not count it.
   */
  validateEvery?: number
  /** Metrics of the validations next to the loss, by name: `{ accuracy: accuracy() }`. Default none. */
  metrics?: Metrics
  /**
   * The figure that `patience`, the plateau schedule and the choice of the best weights go by: 'loss' (default) or the name of one of
   * `metrics`. A run that resumes must monitor the same figure.
   */
  monitor?: string
  /** Which value of the monitored figure is the better one; default that of the metric, for the loss 'lower'. */
  better?: 'higher' | 'lower'
  /** Ends after this many regular validations (those every `validateEvery` steps) without a better monitored figure. */
  patience?: number
  /** Steps between reports; default: a report about every second. */
  reportEvery?: number
  /**
   * Called with 'last' every `checkpointEvery` steps, at the end and, where the end is validated, once more with the result;
   * with 'best' after each new best validation; awaited.
   */
  checkpoint?: (snapshot: Snapshot, kind: 'last' | 'best') => void | Promise<void>
  checkpointEvery?: number
  /** A checkpoint to resume from: the same batches, masks and rates follow as if the run had never stopped. */
  resume?: Resumable
}

const count = integer(1)
const readOptions = optionsOf<TrainerOptions>({
  optimizer: optional(anything), // checkOptimizer has its fields
  schedule: optional(anything), // checkSchedule has its fields
  clip: optional(number(0, 1e9)),
  average: optional(number(1e-6, 0.9999999)),
  accumulate: optional(integer(1, 65536)),
  groups: optional(list(anything as Check<TrainingGroup>)), // resolveGroups has their fields
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

/** Throws ERR_INVALID_ARGUMENT where an option is out of range. */
export function checkOptions(trainerOptions: TrainerOptions, stepsPerEpoch: number | undefined) {
  const options = readOptions(trainerOptions, 'the options of the trainer')
  const { steps, epochs, timeLimit, validation, patience, clip = 1, accumulate = 1 } = options
  if (patience !== undefined && !validation) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      'trainer: expected validation data for early stopping by patience but there is none: pass validation, or leave patience out.'
    )
  }
  const bounded =
    steps !== undefined || timeLimit !== undefined || (epochs !== undefined && stepsPerEpoch !== undefined)
  const optimizer = checkOptimizer(options.optimizer ?? { kind: 'adam' })
  const rateOf = typeof options.schedule === 'function' ? checkedRates(options.schedule) : null
  const described = rateOf || options.schedule === undefined ? { kind: 'constant' as const } : options.schedule
  const schedule = checkSchedule(described as Schedule, bounded)
  if (schedule.kind === 'plateau' && !validation) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      'trainer: expected validation data for the plateau schedule but there is none: pass validation, or choose another schedule.'
    )
  }
  const validateEvery =
    options.validateEvery ??
    Math.max(1, Math.min(stepsPerEpoch === undefined ? 1000 : Math.ceil(stepsPerEpoch / accumulate), 1000))
  const monitor = monitorOf(options)
  const scheduled = options.schedule !== undefined
  return { ...options, rateOf, scheduled, monitor, clip, accumulate, optimizer, schedule, validateEvery }
}

function monitorOf({ monitor = 'loss', better, metrics = {}, validation }: TrainerOptions): Monitor {
  const measured = monitor === 'loss' || Object.hasOwn(metrics, monitor)
  if (!measured || ((monitor !== 'loss' || better !== undefined) && !validation)) {
    const names = ['loss', ...Object.keys(metrics)].join(', ')
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `trainer: expected validation data and one of ${names} to monitor but received ${show(monitor)}: pass validation, and name a metric of metrics.`
    )
  }
  return { name: monitor, better: better ?? (monitor === 'loss' ? 'lower' : metrics[monitor]!.better) }
}
