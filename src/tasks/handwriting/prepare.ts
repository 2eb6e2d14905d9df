// Trainings on ink, from files to files: what reading and writing by hand have in common. A task brings its defaults, its
// samples and batches, its network and its measure.

import type { InkAugmentation } from '../../data/ink/augment.js'
import { medianSize, type InkNormalisation } from '../../data/ink/shape.js'
import type { Ink } from '../../data/ink/strokes.js'
import { vocabularyFromConfig, type Vocabulary } from '../../data/vocabulary.js'
import type { GatecellError } from '../../errors.js'
import type { JsonObject } from '../../io/json.js'
import type { Model, ModelOptions } from '../../model.js'
import type { BatchSource } from '../../train/data.js'
import type { Summary } from '../../train/reports.js'
import { fitRun, readyRun, type Run, type RunOptions } from '../run.js'
import { openRunFiles, readRun, type RunMode } from '../run-files.js'
import { checkUnchanged, chooseTraining, given, type Training } from '../training.js'
import type { InkConfig } from './config.js'
import { checkSameInk, describeInk, openInk, type InkSets, type InkSource, type InkSplit } from './samples.js'

export interface InkRunOptions<N> extends InkSource, RunOptions {
  /** The model's file. */
  out: string
  /** Where the files exist: refuse (default), resume, replace. */
  mode?: RunMode
  network?: Partial<N>
  training?: Partial<Training>
  normalisation?: Partial<Omit<InkNormalisation, 'unit'>>
  /** 0: none, 1: the task's own; or the settings themselves. */
  augmentation?: number | InkAugmentation
  split?: Partial<InkSplit>
  /** Takes samples that cannot be used, which are left out then; without it they end the run. */
  onBad?: (error: GatecellError) => void
}

export interface InkSourceOptions {
  batch: number
  seed?: number
  /** Shuffled, varied, without end; false: one pass in order of length, as it is. */
  train: boolean
  /** Columns of the texts: of the longest one of all sources of a model, so that its plans are few; 0 without texts. */
  columns: number
}

export interface InkBatchSource extends BatchSource {
  readonly stepsPerEpoch: number
}

export interface Samples<S> {
  readonly train: readonly S[]
  readonly valid: readonly S[]
}

/** N: the network's settings; C: the configuration; S: a sample, made ready; M: the measure of a trained model. */
export interface InkTask<N, C extends InkConfig<N>, S, M> {
  readonly name: string
  configFromJson(json: JsonObject, path: string): C
  readonly networkDefaults: N
  readonly trainingDefaults: Omit<Training, 'validEvery'>
  normalisationDefaults(network: N): Omit<InkNormalisation, 'unit'>
  /** ERR_INVALID_OPTION for settings that do not go together. */
  check?(network: N, normalisation: Omit<InkNormalisation, 'unit'>): void
  readonly augmentationDefault: InkAugmentation
  augmentation(strength: number): InkAugmentation
  vocabulary(ink: InkSets): Vocabulary | null
  samples(
    ink: readonly Ink[],
    vocabulary: Vocabulary | null,
    how: Pick<InkConfig<N>, 'normalisation'>,
    onBad?: (error: GatecellError) => void
  ): S[]
  /** The whole configuration; `old`: of the run that is resumed. */
  complete(config: InkConfig<N>, train: readonly S[], old: C | null): C
  /** Symbols of a sample's text, as they are counted for the columns. */
  columns(sample: S): number
  source(samples: readonly S[], config: C, options: InkSourceOptions): InkBatchSource
  model(config: C, options: ModelOptions): Model
  /** Measures the model of a file on the validation samples. */
  measure(path: string, samples: Samples<S>, signal: AbortSignal | undefined): Promise<M>
}

export interface InkResult<M> {
  summary: Summary
  /** The best weights on the validation samples; null without them or after an abort. */
  valid: M | null
}

export interface InkRun<C, S, M> extends Run<InkResult<M>> {
  readonly vocabulary: Vocabulary | null
  readonly config: C
  readonly samples: Samples<S>
}

/** Share of the samples that validates. */
const VALID_SHARE = 0.1

/**
 * Makes a training ready. Throws what reading the ink and making samples of it throws, ERR_FILE_EXISTS, ERR_FILE_WRITE,
 * ERR_FILE_FORMAT, ERR_INVALID_OPTION where a resumed run is told otherwise than it began.
 */
export async function prepareInkRun<N extends object, C extends InkConfig<N>, S, M>(
  task: InkTask<N, C, S, M>,
  options: InkRunOptions<N>
): Promise<InkRun<C, S, M>> {
  const files = await openRunFiles(options.out, options.mode ?? 'new')
  const resume = files.resumable === null ? null : await readRun(files.resumable, task.name)
  const old = resume && task.configFromJson(resume.config, files.resumable!)
  const { training, ...settings } = chooseSettings(task, options, old)
  const { onBad } = options
  const ink = await openInk({ ...options, read: { ...options.read, ...(onBad && { onBad }) } }, settings.split)
  const data = describeInk(ink)
  if (old?.data) checkSameInk(old.data, data)
  const vocabulary = old ? old.vocabulary && vocabularyFromConfig(old.vocabulary) : task.vocabulary(ink)
  const normalisation = { ...settings.normalisation, unit: old?.normalisation.unit ?? medianSize(ink.train) }
  const train = task.samples(ink.train, vocabulary, { normalisation }, onBad)
  const valid = task.samples(ink.valid, vocabulary, { normalisation }, onBad)
  const described = { vocabulary: vocabulary?.config ?? null, ...settings, normalisation, data }
  const columns = [...train, ...valid].reduce((most, sample) => Math.max(most, task.columns(sample)), 0)
  const { batch, seed } = training
  const plain = task.complete(described, train, old)
  const source = task.source(train, plain, { batch, seed, train: true, columns })
  const validation = valid.length > 0 ? task.source(valid, plain, { batch, train: false, columns }) : null
  const { stepsPerEpoch } = source
  const config = {
    ...plain,
    training: { ...training, validEvery: training.validEvery ?? Math.min(1000, stepsPerEpoch) }
  }
  const samples = { train, valid }
  const run = readyRun(
    {
      task: task.name,
      config,
      vocabulary,
      counts: { samples: { train: train.length, valid: valid.length } },
      files,
      resume,
      source,
      stepsPerEpoch,
      validation,
      model: (modelOptions) => task.model(config, modelOptions)
    },
    options
  )
  return {
    ...run,
    vocabulary,
    config,
    samples,
    async fit(fitOptions = {}) {
      const summary = await fitRun(run.trainer, files, fitOptions)
      if (summary.stopped === 'abort' || valid.length === 0) return { summary, valid: null }
      fitOptions.onMeasure?.(valid.length)
      return { summary, valid: await task.measure(files.model, samples, fitOptions.signal) }
    }
  }
}

/** Settings of the run: what the caller says, else what a resumed run began with, else the defaults. */
function chooseSettings<N extends object, C extends InkConfig<N>, S, M>(
  task: InkTask<N, C, S, M>,
  options: InkRunOptions<N>,
  old: C | null
) {
  const { augmentation: asked } = options
  const said = {
    network: given(options.network),
    training: given(options.training),
    normalisation: given(options.normalisation),
    split: given(options.split)
  }
  const augmentation = typeof asked === 'number' ? task.augmentation(asked) : asked
  if (old) {
    const { batch, optimizer, seed, precision } = said.training
    const before = { ...old.network, ...old.normalisation, ...old.split, ...old.training, ...old.augmentation }
    const now = { ...said.network, ...said.normalisation, ...said.split, batch, optimizer, seed, precision }
    checkUnchanged({ ...now, ...augmentation }, before)
  }
  const network: N = { ...task.networkDefaults, ...old?.network, ...said.network }
  const normalisation = { ...task.normalisationDefaults(network), ...old?.normalisation, ...said.normalisation }
  task.check?.(network, normalisation)
  const named = typeof said.split.where === 'string' || (options.validFiles?.length ?? 0) > 0
  return {
    network,
    normalisation,
    augmentation: augmentation ?? old?.augmentation ?? task.augmentationDefault,
    split: { valid: named ? 0 : VALID_SHARE, where: null, ...old?.split, ...said.split },
    training: chooseTraining<Training>(said.training, old?.training, task.trainingDefaults)
  }
}
