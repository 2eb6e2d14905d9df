// A training of a reader from files to files: ink, network, batches, validation, checkpoints, resume.

import { scaledAugmentation, type InkAugmentation } from '../../../data/ink/augment.js'
import { medianSize, type InkNormalisation } from '../../../data/ink/shape.js'
import type { Ink } from '../../../data/ink/strokes.js'
import { vocabularyFromConfig, vocabularyFromText, type Vocabulary } from '../../../data/vocabulary.js'
import { GatecellError } from '../../../errors.js'
import type { Device } from '../../../graph/opcodes.js'
import type { JsonObject } from '../../../io/json.js'
import type { Model } from '../../../model.js'
import type { Summary } from '../../../train/reports.js'
import type { Trainer } from '../../../train/trainer.js'
import { openRunFiles, readRun, type RunFiles, type RunMode } from '../../run-files.js'
import { tellMemory, type RunMemory } from '../../run-memory.js'
import {
  checkUnchanged,
  chooseTraining,
  createRunTrainer,
  fitRun,
  given,
  type FitRunOptions,
  type Training
} from '../../training.js'
import { checkSameInk, describeInk, openInk, textOf, type InkSource, type InkSplit } from '../samples.js'
import { recognitionConfigFromJson, type RecognitionConfig, type RecognitionNetwork } from './config.js'
import { labelInk, recognitionSource, type LabelledInk } from './data.js'
import {
  augmentationDefault,
  networkDefaults,
  normalisationDefaults,
  trainingDefaults,
  validDefault
} from './defaults.js'
import { measureRecognition, type RecognitionMeasure } from './evaluate.js'
import { loadReader } from './load.js'
import { recognitionModel, RECOGNITION_TASK } from './model.js'

export interface RecognitionRunOptions extends InkSource {
  /** The model's file. */
  out: string
  /** Where the files exist: refuse (default), resume, replace. */
  mode?: RunMode
  network?: Partial<RecognitionNetwork>
  training?: Partial<Training>
  normalisation?: Partial<Omit<InkNormalisation, 'unit'>>
  /** 0: none, 1: the default; or the settings themselves. */
  augmentation?: number | InkAugmentation
  split?: Partial<InkSplit>
  /** Takes samples that cannot be used, which are left out then; without it they end the run. */
  onBad?: (error: GatecellError) => void
  checkpointEvery?: number
  threads?: number
  /** Where it runs; default: cpu. */
  device?: Device
}

export interface RecognitionRun {
  readonly model: Model
  readonly vocabulary: Vocabulary
  readonly config: RecognitionConfig
  readonly samples: { readonly train: readonly LabelledInk[]; readonly valid: readonly LabelledInk[] }
  readonly stepsPerEpoch: number
  readonly trainer: Trainer
  readonly files: RunFiles
  readonly resumed: { path: string; step: number } | null
  readonly memory: RunMemory
  fit(options?: FitRunOptions): Promise<RecognitionResult>
  dispose(): void
}

export interface RecognitionResult {
  summary: Summary
  /** The best weights on the validation samples; null without them or after an abort. */
  valid: RecognitionMeasure | null
}

/**
 * Makes a training ready. Throws what reading the ink throws, ERR_TARGET_TOO_LONG, ERR_FILE_EXISTS, ERR_FILE_WRITE,
 * ERR_FILE_FORMAT, ERR_INVALID_OPTION where a resumed run is told otherwise than it began.
 */
export async function prepareRecognitionRun(options: RecognitionRunOptions): Promise<RecognitionRun> {
  const files = await openRunFiles(options.out, options.mode ?? 'new')
  const resume = files.resumable === null ? null : await readRun(files.resumable, RECOGNITION_TASK)
  const old = resume && recognitionConfigFromJson(resume.config, files.resumable!)
  const settings = chooseSettings(options, old)
  const { onBad } = options
  const ink = await openInk({ ...options, read: { ...options.read, ...(onBad && { onBad }) } }, settings.split)
  const data = describeInk(ink)
  if (old?.data) checkSameInk(old.data, data)
  const vocabulary = old ? vocabularyFromConfig(old.vocabulary) : learnVocabulary([...ink.train, ...ink.valid])
  const normalisation = { ...settings.normalisation, unit: old?.normalisation.unit ?? medianSize(ink.train) }
  const train = labelInk(ink.train, vocabulary, { normalisation }, onBad)
  const valid = labelInk(ink.valid, vocabulary, { normalisation }, onBad)
  const { network, training, augmentation, split } = settings
  const how = { normalisation, augmentation }
  const labels = [...train, ...valid].reduce((most, sample) => Math.max(most, sample.labels.length), 1)
  const { batch, seed } = training
  const source = recognitionSource(train, how, { batch, seed, train: true, labels })
  const validation = valid.length > 0 ? recognitionSource(valid, how, { batch, train: false, labels }) : null
  const validEvery = training.validEvery ?? Math.min(1000, source.stepsPerEpoch)
  const config: RecognitionConfig = {
    vocabulary: vocabulary.config,
    network,
    ...how,
    split,
    training: { ...training, validEvery },
    data
  }
  const before = process.memoryUsage.rss()
  const model = recognitionModel(config, {
    seed,
    threads: options.threads ?? 0,
    precision: training.precision,
    device: options.device ?? 'cpu'
  })
  try {
    const { checkpointEvery } = options
    const run = { training: config.training!, validation, files, checkpointEvery, resume }
    const trainer = createRunTrainer(model, source, run)
    return {
      model,
      vocabulary,
      config,
      samples: { train, valid },
      stepsPerEpoch: source.stepsPerEpoch,
      trainer,
      files,
      resumed: resume && { path: files.resumable!, step: trainer.progress.step },
      memory: tellMemory(before, model, trainer, validation),
      fit: (fitOptions = {}) => fit(trainer, files, valid, fitOptions),
      dispose: () => model.dispose()
    }
  } catch (error) {
    model.dispose()
    throw error
  }
}

async function fit(
  trainer: Trainer,
  files: RunFiles,
  valid: readonly LabelledInk[],
  options: FitRunOptions
): Promise<RecognitionResult> {
  const summary = await fitRun(trainer, files, options)
  if (summary.stopped === 'abort' || valid.length === 0) return { summary, valid: null }
  using best = await loadReader(files.model)
  return { summary, valid: await measureRecognition(best.model, best.config, valid, { signal: options.signal }) }
}

/** The symbols of all texts. ERR_INVALID_INK where no sample has a text. */
function learnVocabulary(samples: readonly Ink[]): Vocabulary {
  const texts = samples.flatMap(({ text }) => text ?? [])
  if (texts.every((text) => text === '')) textOf(samples[0]!)
  return vocabularyFromText(texts.join(''))
}

/** Settings of the run: what the caller says, else what a resumed run began with, else the defaults. */
function chooseSettings(options: RecognitionRunOptions, old: RecognitionConfig | null) {
  const { augmentation: asked } = options
  const said = {
    network: given(options.network),
    training: given(options.training),
    normalisation: given(options.normalisation),
    split: given(options.split)
  }
  const augmentation = typeof asked === 'number' ? scaledAugmentation(asked) : asked
  if (old) {
    const { batch, optimizer, seed, precision } = said.training
    const before = { ...old.network, ...old.normalisation, ...old.split, ...old.training, ...old.augmentation }
    const now = {
      ...said.network,
      ...said.normalisation,
      ...said.split,
      batch,
      optimizer,
      seed,
      precision,
      ...augmentation
    }
    checkUnchanged(now, before)
  }
  const network = { ...networkDefaults, ...old?.network, ...said.network }
  // A network that reads while the pen moves knows neither the size nor the slant of what is to come.
  const causal = network.bidirectional ? {} : ({ scale: 'fixed', deslant: false } as const)
  const normalisation = { ...normalisationDefaults, ...causal, ...old?.normalisation, ...said.normalisation }
  if (!network.bidirectional && (normalisation.scale !== 'fixed' || normalisation.deslant)) {
    throw new GatecellError(
      'ERR_INVALID_OPTION',
      'Expected a fixed scale without deslanting for a network that reads while the pen moves but received others'
    )
  }
  const named = typeof said.split.where === 'string' || (options.validFiles?.length ?? 0) > 0
  const split = { valid: named ? 0 : validDefault, where: null, ...old?.split, ...said.split }
  const training = chooseTraining<Training>(said.training, old?.training, trainingDefaults)
  return {
    network,
    normalisation,
    augmentation: augmentation ?? old?.augmentation ?? augmentationDefault,
    split,
    training
  }
}

/** A run's settings as one JSON object, for logs. */
export function describeRecognitionRun(run: RecognitionRun, threads: number): JsonObject {
  const { config, samples, memory, vocabulary, model } = run
  return {
    task: RECOGNITION_TASK,
    vocabulary: { kind: vocabulary.kind, size: vocabulary.size },
    network: { ...config.network },
    normalisation: { ...config.normalisation },
    augmentation: { ...config.augmentation },
    training: { ...config.training },
    split: { ...config.split },
    samples: { train: samples.train.length, valid: samples.valid.length },
    steps_per_epoch: run.stepsPerEpoch,
    parameters: model.parameterCount,
    memory_bytes: { ...memory },
    threads,
    resumed_from: run.resumed?.step ?? null
  }
}
