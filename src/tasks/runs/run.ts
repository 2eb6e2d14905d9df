// A training from files to files, whatever it trains. An application is its data, its model and its metric; here are the
// rest: resuming, a trainer that validates and saves, what it will take, its reports, the measure of the best weights.

import { setImmediate } from 'node:timers/promises'
import type { Vocabulary } from '../../data/text/vocabulary.js'
import type { JsonObject } from '../../io/json.js'
import {
  awaitable,
  callback,
  choice,
  filled,
  integer,
  methods,
  nullable,
  number,
  object,
  optional
} from '../../check/index.js'
import { options as optionsOf, signal as signalOf, type Fields } from '../../check/index.js'
import { GatecellError } from '../../errors.js'
import { defineModel, type Model } from '../../model.js'
import type { BatchSource, EpochSource } from '../../data/batching/source.js'
import { orAborted } from '../../train/limits.js'
import type { TrainerOptions } from '../../train/options.js'
import type { Resumable } from '../../train/progress.js'
import type { Report, Summary } from '../../train/reports.js'
import { createTrainer, type Trainer } from '../../train/trainer.js'
import { configToJson, givenFields } from '../../settings/index.js'
import type { LoadedModel } from './load.js'
import { readRun, type TaskModel } from './model-file.js'
import { checkMemory, type MemoryLimits } from './memory-limit.js'
import { openRunFiles, type RunFiles, type RunMode } from './files.js'
import type { RunLog } from './log.js'
import { tellMemory, type RunMemory } from './memory.js'
import { given, processSettings, type ProcessSettings, type Training } from './settings.js'

/** What every training is told, besides what its application asks for. */
export interface RunOptions extends ProcessSettings {
  /** The model's file. */
  out: string
  /** Where the files exist: refuse (default), resume, replace. */
  mode?: RunMode
  /** Memory limits of the process in bytes; default: those of the system. */
  memoryLimits?: MemoryLimits
}

/** Checks of the options that every training has. */
export const runFields: Fields<RunOptions> = {
  out: filled,
  mode: optional(choice('new', 'resume', 'force')),
  ...givenFields(processSettings),
  memoryLimits: optional(
    object<MemoryLimits>({
      group: nullable(number(0, Infinity)),
      addressSpace: nullable(number(0, Infinity)),
      addressed: number(0)
    })
  )
}

export interface RunConfig {
  readonly training?: Training
}

/** Data that are part of the run for those who look at it. */
export interface RunData {
  readonly vocabulary: Vocabulary | null
}

/** Data and settings of a run, ready to train on. */
export interface Opened<C extends RunConfig, D extends RunData> {
  readonly config: C
  readonly data: D
  readonly source: EpochSource
  readonly validation: BatchSource | null
  /** What there is to train on and to validate, for logs. */
  readonly counts: JsonObject
  /** Symbols or samples that the measure looks at; 0: there is nothing to measure on. */
  readonly measured: number
  close?(): void
}

/** O: options; C: configuration; D: data; M: measure of a trained model. */
export interface Application<O extends RunOptions, C extends RunConfig, D extends RunData, M> extends TaskModel<C> {
  /**
   * Reads the data and settles every setting: what the options say, else what `old`, the run that is resumed, began with,
   * else the defaults. ERR_INVALID_OPTION where a resumed run is told otherwise than it began.
   */
  open(options: O, old: C | null): Promise<Opened<C, D>>
  load(path: string): Promise<LoadedModel<C>>
  /** Measures a model on the validation data. */
  measure(loaded: LoadedModel<C>, data: D, options: { signal: AbortSignal | undefined }): Promise<M>
}

/** A training that is ready; until `fit` nothing is written but the locks of its files, which `dispose` releases. */
export interface Run<M> {
  readonly config: RunConfig
  readonly model: Model
  readonly trainer: Trainer
  readonly files: RunFiles
  readonly stepsPerEpoch: number
  /** The checkpoint that the run resumes from, the step of it, and whether `fit` must write a missing model again; null: a new run. */
  readonly resumed: { path: string; step: number; remakes: boolean } | null
  /** What the run will take at most, before it starts. */
  readonly memory: RunMemory
  /** Its settings as one JSON object, for logs. */
  describe(threads: number): JsonObject
  /** Trains; reports come as they are made, between steps. */
  fit(options?: FitRunOptions): Promise<RunResult<M>>
  dispose(): void
}

/** A run with what its application knows of it. */
export type RunOf<C extends RunConfig, D extends RunData, M> = Run<M> & Readonly<D> & { readonly config: C }

export interface RunResult<M> {
  summary: Summary
  /** The best weights on the validation data; null without validation data or after an abort. */
  valid: M | null
  /** The abort came after the training was complete and saved, in the last measurement. */
  measurementAborted: boolean
}

export interface FitRunOptions {
  /** Ends the training after the step under way; what was learned is saved. */
  signal?: AbortSignal
  /** Called between two steps: the model may be used meanwhile. */
  onReport?: (report: Report) => void | Promise<void>
  /** Called before the last measurement, which takes a while, with the number of symbols or samples that it looks at. */
  onMeasure?: (count: number) => void
  log?: RunLog
}

const readFitOptions = optionsOf<FitRunOptions>({
  signal: optional(signalOf),
  onReport: optional(callback()),
  onMeasure: optional(callback()),
  log: optional(methods<RunLog>([]))
})

/**
 * Prepares a training. Throws the errors of reading the data and of making a plan; ERR_FILE_EXISTS, ERR_FILE_WRITE and
 * ERR_FILE_FORMAT; ERR_OUT_OF_MEMORY if it does not fit; ERR_BUSY if another training writes the same files; ERR_INVALID_OPTION if
 * an option contradicts a setting that a resumed run must keep.
 */
export async function prepareRun<O extends RunOptions, C extends RunConfig, D extends RunData, M>(
  application: Application<O, C, D, M>,
  options: O
): Promise<RunOf<C, D, M>> {
  const files = await openRunFiles(options.out, options.mode ?? 'new')
  let opened: Opened<C, D> | null = null
  let model: Model | null = null
  const dispose = () => {
    model?.dispose()
    opened?.close?.()
    files.release()
  }
  try {
    const { resumable } = files
    const resume = resumable === null ? null : await readRun(application, resumable)
    if (resume) await files.resume(resume)
    const ready = (opened = await application.open(options, resume && resume.settings))
    const { config, data, source, validation } = ready
    const { seed, precision } = config.training!
    const { threads = 0, device = 'cpu' } = options
    // The last piece of the data and the plan of a step each hold the event loop for some milliseconds.
    await setImmediate()
    const before = process.memoryUsage.rss()
    model = defineModel(application.definition(config), { seed, threads, precision, device, initialize: false })
    const told = trainerOptions(ready, files, resume, options)
    if (told.average !== undefined) model.parameters.addAverage()
    const memory = tellMemory(before, model, { source, validation, optimizer: told.optimizer, average: told.average })
    // Before the weights get their first values: memory that nobody has written to is not in use yet.
    checkMemory(memory, options.memoryLimits)
    model.parameters.initialize(seed)
    const trainer = createTrainer(model, source, told)
    const run: RunOf<C, D, M> = {
      ...data,
      config,
      model,
      trainer,
      files,
      stepsPerEpoch: source.stepsPerEpoch,
      resumed: resume && { path: resumable!, step: trainer.progress.step, remakes: files.remakes },
      memory,
      describe: (threads) => describeRun(application.task, ready, run, integer(0)(threads, 'threads')),
      fit: async (fitOptions) => fitRun(application, ready, run, readFitOptions(fitOptions, 'the options of fit')),
      dispose
    }
    return run
  } catch (error) {
    dispose()
    throw error
  }
}

function trainerOptions<C extends RunConfig, D extends RunData>(
  { config, validation }: Opened<C, D>,
  files: RunFiles,
  resume: Resumable | null,
  { checkpointEvery = config.training!.validEvery }: RunOptions
): TrainerOptions & Required<Pick<TrainerOptions, 'optimizer'>> {
  const { optimizer: kind, learningRate, schedule, warmup, clip, seed, validEvery: validateEvery } = config.training!
  const { patience, steps, epochs, timeLimit, weightDecay, average } = config.training!
  return {
    optimizer: { kind, learningRate, ...given({ weightDecay }), ...(kind === 'sgd' && { momentum: 0.9 }) },
    schedule: { kind: schedule, warmup },
    clip,
    seed,
    validateEvery,
    ...given({ patience, steps, epochs, timeLimit, average }),
    ...(validation && { validation }),
    checkpoint: (snapshot, kind) => files.save(snapshot, kind),
    checkpointEvery,
    ...(resume && { resume })
  }
}

function describeRun<C extends RunConfig, D extends RunData>(
  task: string,
  { config, data: { vocabulary }, counts }: Opened<C, D>,
  { model, stepsPerEpoch, memory, resumed }: Run<unknown>,
  threads: number
): JsonObject {
  // The symbols and the fingerprint of the data are in the checkpoint.
  const { vocabulary: _, data: __, ...settings } = configToJson(config)
  return {
    task,
    vocabulary: vocabulary && { kind: vocabulary.kind, size: vocabulary.size },
    ...settings,
    ...counts,
    steps_per_epoch: stepsPerEpoch,
    parameters: model.parameterCount,
    memory_bytes: figures(memory),
    threads,
    resumed_from: resumed?.step ?? null,
    ...(resumed?.remakes && { remade_model: true })
  }
}

function figures({ device: _, ...bytes }: RunMemory): JsonObject {
  return { ...bytes }
}

/** Trains, then measures the best weights. */
async function fitRun<O extends RunOptions, C extends RunConfig, D extends RunData, M>(
  application: Application<O, C, D, M>,
  { data, measured }: Opened<C, D>,
  { trainer, files }: Run<M>,
  options: FitRunOptions
): Promise<RunResult<M>> {
  const summary = await train(trainer, files, options)
  if (summary.stopped === 'abort' || measured === 0) return { summary, valid: null, measurementAborted: false }
  options.onMeasure?.(measured)
  using best = await application.load(files.model)
  try {
    const valid = await application.measure(best, data, { signal: options.signal })
    return { summary, valid, measurementAborted: false }
  } catch (error) {
    const aborted = error instanceof GatecellError && error.code === 'ERR_ABORTED' && options.signal?.aborted === true
    if (!aborted) throw error
    return { summary, valid: null, measurementAborted: true }
  }
}

/** Removes the files that are replaced, passes reports on, and logs them and the last validation. */
async function train(trainer: Trainer, files: RunFiles, options: FitRunOptions): Promise<Summary> {
  const { signal, onReport, log } = options
  // The checkpoint of the start has the first weights. A run that is aborted before they are computed leaves all files as they are.
  if ((await orAborted(trainer.model.ready({ signal }))) !== 'abort') await files.begin(trainer.snapshot())
  const reports = trainer.reports({ ...(signal && { signal }), onAbort: 'return' })
  let reported = -1
  let next = await reports.next()
  for (; !next.done; next = await reports.next()) {
    reported = next.value.validation?.step ?? reported
    try {
      log?.report(next.value)
      await awaitable(onReport?.(next.value), 'the result of onReport')
    } catch (error) {
      await reports.return(undefined as never) // ends the fit, so that the model can be disposed of
      throw error
    }
  }
  const summary = next.value
  const unreported = summary.validation && summary.validation.step !== reported
  if (summary.stopped !== 'abort' && unreported) log?.validation(summary.validation!)
  return summary
}
