// A training from files to files, whatever it trains: the model, a trainer that validates, saves and resumes, what it will
// take, and its reports. It is made ready first, so that its memory can be told before it starts.

import type { Vocabulary } from '../data/vocabulary.js'
import type { Device } from '../graph/opcodes.js'
import type { JsonObject } from '../io/json.js'
import type { Model, ModelOptions } from '../model.js'
import type { BatchSource } from '../train/data.js'
import type { TrainerOptions } from '../train/options.js'
import type { Resumable } from '../train/progress.js'
import type { Report, Summary } from '../train/reports.js'
import { createTrainer, type Trainer } from '../train/trainer.js'
import type { RunFiles } from './run-files.js'
import type { RunLog } from './run-log.js'
import { tellMemory, type RunMemory } from './run-memory.js'
import { given, type Training } from './training.js'

/** A training that is ready; nothing is written until `fit`. */
export interface Run<R extends { summary: Summary }> {
  readonly model: Model
  readonly trainer: Trainer
  readonly files: RunFiles
  readonly stepsPerEpoch: number
  /** The file and step that it goes on from. */
  readonly resumed: { path: string; step: number } | null
  /** What the run will take at most, before it starts. */
  readonly memory: RunMemory
  /** Its settings as one JSON object, for logs. */
  describe(threads: number): JsonObject
  /** Trains; reports come as they are made, between steps. */
  fit(options?: FitRunOptions): Promise<R>
  dispose(): void
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

/** What an application brings to its run. */
export interface RunParts {
  readonly task: string
  readonly config: { readonly training?: Training }
  readonly vocabulary: Vocabulary | null
  /** What there is to train on and to validate, for logs. */
  readonly counts: JsonObject
  readonly files: RunFiles
  readonly resume: Resumable | null
  readonly source: BatchSource
  readonly stepsPerEpoch: number
  readonly validation: BatchSource | null
  model(options: ModelOptions): Model
}

export interface RunOptions {
  /** Steps between checkpoints of where the run stands; default: those between validations. */
  checkpointEvery?: number
  threads?: number
  /** Where it trains; default 'cpu'. */
  device?: Device
}

/** Makes model and trainer ready. Throws what making a plan throws. */
export function readyRun(parts: RunParts, options: RunOptions): Omit<Run<never>, 'fit'> {
  const { files, resume, source, validation, stepsPerEpoch } = parts
  const training = parts.config.training!
  const before = process.memoryUsage.rss()
  const { seed, precision, validEvery } = training
  const { threads = 0, device = 'cpu', checkpointEvery = validEvery } = options
  const model = parts.model({ seed, threads, precision, device })
  try {
    const trainer = createTrainer(model, source, {
      ...trainerOptions(training),
      ...(validation && { validation }),
      checkpoint: (snapshot, kind) => files.save(snapshot, kind),
      checkpointEvery,
      ...(resume && { resume })
    })
    const run = {
      model,
      trainer,
      files,
      stepsPerEpoch,
      resumed: resume && { path: files.resumable!, step: trainer.progress.step },
      memory: tellMemory(before, model, trainer, validation),
      describe: (threads: number) => describeRun(parts, run, threads),
      dispose: () => model.dispose()
    }
    return run
  } catch (error) {
    model.dispose()
    throw error
  }
}

function trainerOptions(training: Training): TrainerOptions {
  const { optimizer: kind, learningRate, schedule, warmup, clip, seed, validEvery: validateEvery } = training
  const { patience, steps, epochs, timeLimit } = training
  return {
    optimizer: { kind, learningRate, ...(kind === 'sgd' && { momentum: 0.9 }) },
    schedule: { kind: schedule, warmup },
    clip,
    seed,
    validateEvery,
    ...given({ patience, steps, epochs, timeLimit })
  }
}

function describeRun(
  { task, config, vocabulary, counts }: RunParts,
  { model, memory, resumed, stepsPerEpoch }: Pick<Run<never>, 'model' | 'memory' | 'resumed' | 'stepsPerEpoch'>,
  threads: number
): JsonObject {
  // The symbols and the fingerprint of the data are in the checkpoint.
  const { vocabulary: _, data: __, ...settings } = config as Record<string, unknown>
  return {
    task,
    vocabulary: vocabulary && { kind: vocabulary.kind, size: vocabulary.size },
    ...(JSON.parse(JSON.stringify(settings)) as JsonObject),
    ...counts,
    steps_per_epoch: stepsPerEpoch,
    parameters: model.parameterCount,
    memory_bytes: { ...memory },
    threads,
    resumed_from: resumed?.step ?? null
  }
}

/** Trains from files to files: removes what is replaced, hands reports on, logs them and the last validation. */
export async function fitRun(trainer: Trainer, files: RunFiles, options: FitRunOptions): Promise<Summary> {
  const { signal, onReport, log } = options
  await files.begin()
  const reports = trainer.reports({ ...(signal && { signal }), onAbort: 'return' })
  let reported = -1
  let next = await reports.next()
  for (; !next.done; next = await reports.next()) {
    reported = next.value.validation?.step ?? reported
    log?.report(next.value)
    await onReport?.(next.value)
  }
  const summary = next.value
  const unreported = summary.validation && summary.validation.step !== reported
  if (summary.stopped !== 'abort' && unreported) log?.validation(summary.validation!)
  return summary
}
