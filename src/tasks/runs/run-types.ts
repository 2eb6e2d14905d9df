// The types of a training from files to files, and the checks of its options.

import {
  callback,
  choice,
  filled,
  methods,
  nullable,
  number,
  object,
  optional,
  options as optionsOf,
  signal as signalOf,
  string,
  type Fields
} from '../../check/index.js'
import type { BatchSource, EpochSource } from '../../data/batching/source.js'
import type { Vocabulary } from '../../data/text/vocabulary.js'
import type { CheckpointFile } from '../../io/checkpoint.js'
import type { JsonObject } from '../../io/json.js'
import type { Model } from '../../model.js'
import { checkRanks, type Ranks } from '../../ranks/ranks.js'
import { givenFields } from '../../settings/index.js'
import type { Report, Summary } from '../../train/reports.js'
import type { Trainer } from '../../train/trainer.js'
import type { RunFiles, RunMode } from './files.js'
import type { InitialWeights } from './initial-weights.js'
import type { LoadedModel } from './load.js'
import type { RunLog } from './log.js'
import type { MemoryLimits } from './memory-limit.js'
import type { RunMemory } from './memory.js'
import type { TaskModel } from './model-file.js'
import { processSettings, type ProcessSettings, type Training } from './settings.js'

/** Options of every training. A task adds its own. */
export interface TrainingRunOptions extends ProcessSettings {
  /** Name of the model's file. The state of the run is stored next to it, see `lastPath`. */
  out: string
  /** Treatment of files that exist: 'new' (default) refuses them, 'resume' continues their run, 'force' replaces them. */
  mode?: RunMode
  /** The processes that train together, from `joinRanks`; only rank 0 writes files. Default: this process only. */
  ranks?: Ranks
  /** Memory limits of the process, in bytes; default: those that the system reports. */
  memoryLimits?: MemoryLimits
}

/** Checks of the options that every training has. */
export const runFields: Fields<TrainingRunOptions> = {
  out: filled,
  mode: optional(choice('new', 'resume', 'force')),
  ...givenFields(processSettings),
  ranks: optional(checkRanks),
  memoryLimits: optional(
    object<MemoryLimits>({
      group: nullable(number(0, Infinity)),
      addressSpace: nullable(number(0, Infinity)),
      addressed: number(0)
    })
  )
}

/** The part of a configuration that every training has. */
export interface RunConfig {
  /** Settings of the training; models that were not made by a training may lack them. */
  readonly training?: Training
}

/** Data of a run that its callers can use. */
export interface RunData {
  /** The vocabulary of the network, with its special tokens; null for a network without texts. */
  readonly vocabulary: Vocabulary | null
}

/** Data and settings of a run, ready to train on. */
export interface Opened<C extends RunConfig, D extends RunData> {
  readonly config: C
  readonly data: D
  readonly source: EpochSource
  readonly validation: BatchSource | null
  /** Numbers of symbols or samples to train on and to validate, for logs. */
  readonly counts: JsonObject
  /** Number of symbols or samples that the last measurement reads. 0 leaves it out. */
  readonly measured: number
  /** Releases the data, for example a temporary file. */
  close?(): void
}

/**
 * The parts of a training that differ between tasks. O: its options; C: the configuration; D: the data; M: the measure of a trained
 * model.
 */
export interface TrainableTask<
  O extends TrainingRunOptions,
  C extends RunConfig,
  D extends RunData,
  M
> extends TaskModel<C> {
  /**
   * Opens the data and resolves all settings: the options first, then `old`, the configuration of the run that is resumed, then the defaults.
   * Throws ERR_INVALID_OPTION if an option contradicts a setting that cannot change on resume.
   */
  open(options: O, old: C | null): Promise<Opened<C, D>>
  /** Loads a model from its file. */
  load(source: string | CheckpointFile): Promise<LoadedModel<C>>
  /** Measures a model on the validation data. */
  measure(loaded: LoadedModel<C>, data: D, options: { signal: AbortSignal | undefined }): Promise<M>
}

/** A training that is ready to start. Until `fit` it writes only the locks of its files, which `dispose` releases. */
export interface Run<M> {
  readonly config: RunConfig
  readonly model: Model
  readonly trainer: Trainer
  readonly files: RunFiles
  readonly stepsPerEpoch: number
  /**
   * The checkpoint from which the run is resumed, its step, and whether the model's file is missing, so that `fit` writes it again; null for a
   * new run.
   */
  readonly resumed: { path: string; step: number; remakes: boolean } | null
  /** The weights that the run began with, if they are those of another model; else null. */
  readonly initial: InitialWeights | null
  /** Estimate of the peak memory of the run. */
  readonly memory: RunMemory
  /** Returns the settings of the run as one JSON object, for logs. `threads` is the number of threads, an integer from 0 on. */
  describe(threads: number): JsonObject
  /**
   * Trains, saves checkpoints, and measures the best weights. Throws ERR_NOT_FINITE if the loss or the gradient is not finite, ERR_FILE_WRITE
   * if a file cannot be written, and the errors of the callbacks. An abort ends the training without an error.
   */
  fit(options?: FitRunOptions): Promise<RunResult<M>>
  /** Frees the model and the data, and releases the locks of the files. */
  dispose(): void
}

/** A run with the configuration and data of its task. */
export type RunOf<C extends RunConfig, D extends RunData, M> = Run<M> & Readonly<D> & { readonly config: C }

/** The result of a training. M: the measure of a trained model. */
export interface RunResult<M> {
  /** Summary of the trainer. */
  summary: Summary
  /** The measure of the best weights on the validation data; null without validation data or after an abort. */
  valid: M | null
  /** Whether the abort came in the last measurement, when the training was complete and saved. */
  measurementAborted: boolean
}

/** Options of `Run.fit`. */
export interface FitRunOptions {
  /** Signal that ends the training after the step under way. The state of the run is saved. */
  signal?: AbortSignal
  /** Called with each report between two steps. The next step waits for its result; the model may be used meanwhile. */
  onReport?: (report: Report) => void | Promise<void>
  /** Called before the last measurement, which may take long, with the number of symbols or samples that it reads. */
  onMeasure?: (count: number) => void
  /** Log that records the reports and validations; default: none. */
  log?: RunLog
}

/** Checks the options of `Run.fit`. */
export const readFitOptions = optionsOf<FitRunOptions>({
  signal: optional(signalOf),
  onReport: optional(callback()),
  onMeasure: optional(callback()),
  log: optional(methods<RunLog>(['report', 'validation', 'note', 'close'], { folder: string }))
})
