// A training from files to files: it opens the data and the files, resumes, trains, validates, saves checkpoints, logs, and measures the best
// weights. The task supplies the data, the model and the measure.

import { setImmediate } from 'node:timers/promises'
import { awaitable, integer } from '../../check/index.js'
import { GatecellError } from '../../errors.js'
import type { JsonObject } from '../../io/json.js'
import { defineModel, type Model } from '../../model.js'
import { configToJson } from '../../settings/index.js'
import type { Ranks } from '../../ranks/ranks.js'
import { orAborted } from '../../train/limits.js'
import type { TrainerOptions } from '../../train/options.js'
import type { Resumable } from '../../train/progress.js'
import type { Summary } from '../../train/reports.js'
import { createTrainer, type Trainer } from '../../train/trainer.js'
import type { RunFiles } from './files.js'
import { initialRecord, takeInitialWeights } from './initial-weights.js'
import { checkMemory } from './memory-limit.js'
import { estimateMemory, type RunMemory } from './memory.js'
import { readRun } from './model-file.js'
import { readFitOptions } from './run-types.js'
import type {
  TrainableTask,
  FitRunOptions,
  Opened,
  Run,
  RunConfig,
  RunData,
  RunOf,
  RunResult,
  TrainingRunOptions
} from './run-types.js'
import { given } from './settings.js'
import { meet, openFilesOf, withShards } from './several.js'

/**
 * Prepares a training. Throws what `TrainableTask.open` throws, and ERR_FILE_EXISTS, ERR_FILE_WRITE or ERR_FILE_FORMAT for files that exist,
 * cannot be written or are damaged, ERR_BUSY if another training writes the same files, ERR_OUT_OF_MEMORY if the training does not fit into
 * memory, ERR_INVALID_OPTION if an option contradicts a setting that a resumed run must keep.
 */
export async function prepareRun<O extends TrainingRunOptions, C extends RunConfig, D extends RunData, M>(
  trainable: TrainableTask<O, C, D, M>,
  runOptions: O
): Promise<RunOf<C, D, M>> {
  const files = await openFilesOf(runOptions)
  let opened: Opened<C, D> | null = null
  let model: Model | null = null
  const dispose = () => {
    model?.dispose()
    opened?.close?.()
    files.release()
  }
  try {
    const { resumable } = files
    const resume = resumable === null ? null : await readRun(trainable, resumable)
    if (resume) await files.resume(resume)
    const options = withShards(runOptions, resume && resume.settings)
    const ready = (opened = await trainable.open(options, resume && resume.settings))
    const { config, data, source, validation } = ready
    const { seed, precision } = config.training!
    const { threads = 0, device = 'cpu' } = options
    // The last piece of the data and the plan of a step each hold the event loop for some milliseconds.
    await setImmediate()
    const before = process.memoryUsage.rss()
    model = defineModel(trainable.definition(config), { seed, threads, precision, device, initialize: false })
    const chosen = trainerOptions(ready, files, resume, options)
    if (chosen.average !== undefined) model.parameters.addArena('average')
    const memory = estimateMemory(before, model, { ...chosen, source, validation })
    // Checked before the weights get their first values, because memory that was not written to does not count as in use.
    checkMemory(memory, options.memoryLimits)
    model.parameters.initialize(seed)
    const { initFrom: path } = options
    const initial = resume || path === undefined ? null : await takeInitialWeights(trainable, { model, config, path })
    const trainer = createTrainer(model, source, chosen)
    const run: RunOf<C, D, M> = {
      ...data,
      config,
      model,
      trainer,
      files,
      stepsPerEpoch: source.stepsPerEpoch,
      resumed: resume && { path: resumable!, step: trainer.progress.step, remakes: files.remakes },
      initial,
      memory,
      describe: (threads) => describeRun(trainable.task, ready, run, integer(0)(threads, 'threads')),
      fit: async (fitOptions) =>
        fitRun(trainable, ready, run, { ...readFitOptions(fitOptions, 'the options of fit'), ranks: options.ranks }),
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
  { checkpointEvery = config.training!.validEvery, ranks }: TrainingRunOptions
): TrainerOptions & Required<Pick<TrainerOptions, 'optimizer'>> {
  const { optimizer: kind, learningRate, schedule, warmup, clip, seed, validEvery: validateEvery } = config.training!
  const { patience, steps, epochs, timeLimit, weightDecay, average, shards } = config.training!
  return {
    optimizer: { kind, learningRate, ...given({ weightDecay }), ...(kind === 'sgd' && { momentum: 0.9 }) },
    schedule: { kind: schedule, warmup },
    clip,
    seed,
    validateEvery,
    ...given({ patience, steps, epochs, timeLimit, average, shards, ranks }),
    ...(validation && { validation }),
    checkpoint: (snapshot, kind) => files.save(snapshot, kind),
    checkpointEvery,
    ...(resume && { resume })
  }
}

function describeRun<C extends RunConfig, D extends RunData>(
  task: string,
  { config, data: { vocabulary }, counts }: Opened<C, D>,
  { model, stepsPerEpoch, memory, resumed, initial }: Run<unknown>,
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
    ...(initial && { initial: initialRecord(initial) }),
    ...(resumed?.remakes && { remade_model: true })
  }
}

function figures({ device: _, ...bytes }: RunMemory): JsonObject {
  return { ...bytes }
}

/** Trains, then measures the best weights; of several processes rank 0 measures them. */
async function fitRun<O extends TrainingRunOptions, C extends RunConfig, D extends RunData, M>(
  trainable: TrainableTask<O, C, D, M>,
  { data, measured }: Opened<C, D>,
  { trainer, files }: Run<M>,
  options: FitRunOptions & { ranks: Ranks | undefined }
): Promise<RunResult<M>> {
  const summary = await train(trainer, files, options)
  const follows = (options.ranks?.rank ?? 0) > 0
  if (summary.stopped === 'abort' || measured === 0 || follows)
    return { summary, valid: null, measurementAborted: false }
  options.onMeasure?.(measured)
  using best = await trainable.load(files.model)
  try {
    const valid = await trainable.measure(best, data, { signal: options.signal })
    return { summary, valid, measurementAborted: false }
  } catch (error) {
    const aborted = error instanceof GatecellError && error.code === 'ERR_ABORTED' && options.signal?.aborted === true
    if (!aborted) throw error
    return { summary, valid: null, measurementAborted: true }
  }
}

/** Removes the files that are replaced, passes reports on, and logs them and the last validation. */
async function train(
  trainer: Trainer,
  files: RunFiles,
  options: FitRunOptions & { ranks: Ranks | undefined }
): Promise<Summary> {
  const { signal, onReport, log, ranks } = options
  await meet(ranks)
  // The checkpoint of the start has the first weights. A run that is aborted before they are computed leaves all files as they are.
  if ((await orAborted(trainer.model.ready({ signal: ranks && ranks.size > 1 ? undefined : signal }))) !== 'abort')
    await files.begin(trainer.snapshot())
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
