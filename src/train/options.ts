// What a trainer is told, checked once.

import { anything, callback, integer, number, optional, options as optionsOf, seed as seedOf } from '../check/index.js'
import { GatecellError } from '../errors.js'
import { readSource, type BatchSource } from '../data/batching/source.js'
import { checkOptimizer, type Optimizer } from './optimizers.js'
import { checkResumable, type Resumable, type Snapshot } from './progress.js'
import { checkSchedule, type Schedule } from './schedules.js'

export interface TrainerOptions {
  /** Default: Adam at 2e-3. */
  optimizer?: Optimizer
  /** Default: constant. */
  schedule?: Schedule
  /** Global norm that gradients are clipped to (Pascanu, Mikolov, Bengio 2013); 0: none. Default 1. */
  clip?: number
  /**
   * Decay per step of an exponential average of the weights, 1e-6 to 0.9999999; default: no average. The average begins as a copy of the
   * weights after the first step (torch.optim.swa_utils). Validations measure the averaged weights; the trained ones stay in the model,
   * and a snapshot has both. Useful with schedules whose rate does not fall to 0; under `cosine` an average gains nothing. Takes memory
   * for two more arrays of the size of the weights.
   */
  average?: number
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
  /** Ends after this many regular validations (those every `validateEvery` steps) without a lower loss. */
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
  seed: optional(seedOf),
  steps: optional(count),
  epochs: optional(count),
  timeLimit: optional(number(1e-3, 1e9)),
  validation: optional(readSource),
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
  const { steps, epochs, timeLimit, validation, patience, clip = 1 } = options
  if (patience !== undefined && !validation) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      'trainer: expected validation data for early stopping by patience but there is none: pass validation, or leave patience out.'
    )
  }
  const bounded =
    steps !== undefined || timeLimit !== undefined || (epochs !== undefined && stepsPerEpoch !== undefined)
  const optimizer = checkOptimizer(options.optimizer ?? { kind: 'adam' })
  const schedule = checkSchedule(options.schedule === undefined ? { kind: 'constant' } : options.schedule, bounded)
  if (schedule.kind === 'plateau' && !validation) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      'trainer: expected validation data for the plateau schedule but there is none: pass validation, or choose another schedule.'
    )
  }
  const validateEvery = options.validateEvery ?? Math.max(1, Math.min(stepsPerEpoch ?? 1000, 1000))
  return { ...options, clip, optimizer, schedule, validateEvery }
}
