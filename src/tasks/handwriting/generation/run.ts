// A training of a writer from files to files: ink, network, batches, validation, checkpoints, resume.

import { inkAugmentations, scaledAugmentation, type InkAugmentation } from '../../../data/ink/augment.js'
import { medianSize, type InkNormalisation } from '../../../data/ink/shape.js'
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
import { checkSameInk, describeInk, openInk, type InkSets, type InkSource, type InkSplit } from '../samples.js'
import type { Baselines } from './baselines.js'
import { generationConfigFromJson, type GenerationConfig, type GenerationNetwork } from './config.js'
import { generationSource, offsetDeviation, writtenInk, type WrittenInk } from './data.js'
import { baselinesOf, measureGeneration, type GenerationMeasure } from './evaluate.js'
import { loadWriter } from './load.js'
import { generationModel, GENERATION_TASK } from './model.js'

export const networkDefaults = { hidden: 200, layers: 3, gaussians: 20, window: 10, pointsPerSymbol: 25 } as const

export const trainingDefaults = {
  batch: 16,
  optimizer: 'adam',
  learningRate: 2e-3,
  schedule: 'cosine',
  warmup: 0.02,
  clip: 5,
  seed: 0,
  precision: 'f32',
  epochs: 20
} as const

/** The pen's own points: they carry the speed of the hand. */
const normalisationDefaults = { scale: 'sample', deslant: false, resample: 'none', step: 1 } as const

/** No point is left out and no stroke turned round: how the hand moves is what is learned. */
function writersAugmentation(strength: number): InkAugmentation {
  return { ...scaledAugmentation(strength), dropout: 0, reverse: 0 }
}

export interface GenerationRunOptions extends InkSource {
  out: string
  mode?: RunMode
  /** false: draws without a text. Default: with texts where every sample has one. */
  text?: boolean
  network?: Partial<GenerationNetwork>
  training?: Partial<Training>
  normalisation?: Partial<Omit<InkNormalisation, 'unit' | 'deslant' | 'scale'>>
  /** 0 (default): none; or a strength, or the settings themselves. */
  augmentation?: number | InkAugmentation
  split?: Partial<InkSplit>
  onBad?: (error: GatecellError) => void
  checkpointEvery?: number
  threads?: number
  /** Where it runs; default: cpu. */
  device?: Device
}

export interface GenerationRun {
  readonly model: Model
  readonly vocabulary: Vocabulary | null
  readonly config: GenerationConfig
  readonly samples: { readonly train: readonly WrittenInk[]; readonly valid: readonly WrittenInk[] }
  readonly stepsPerEpoch: number
  readonly trainer: Trainer
  readonly files: RunFiles
  readonly resumed: { path: string; step: number } | null
  readonly memory: RunMemory
  fit(options?: FitRunOptions): Promise<GenerationResult>
  dispose(): void
}

export interface GenerationResult {
  summary: Summary
  /** The best weights on the validation samples; null without them or after an abort. */
  valid: (GenerationMeasure & Baselines) | null
}

/** Makes a training ready; throws as prepareRecognitionRun does. */
export async function prepareGenerationRun(options: GenerationRunOptions): Promise<GenerationRun> {
  const files = await openRunFiles(options.out, options.mode ?? 'new')
  const resume = files.resumable === null ? null : await readRun(files.resumable, GENERATION_TASK)
  const old = resume && generationConfigFromJson(resume.config, files.resumable!)
  const settings = chooseSettings(options, old)
  const { onBad } = options
  const ink = await openInk({ ...options, read: { ...options.read, ...(onBad && { onBad }) } }, settings.split)
  const data = describeInk(ink)
  if (old?.data) checkSameInk(old.data, data)
  const vocabulary = chooseVocabulary(options, old, ink)
  const normalisation = { ...settings.normalisation, unit: old?.normalisation.unit ?? medianSize(ink.train) }
  const train = writtenInk(ink.train, vocabulary, { normalisation }, onBad)
  const valid = writtenInk(ink.valid, vocabulary, { normalisation }, onBad)
  const deviation = old?.deviation ?? offsetDeviation(train, { normalisation })
  const { network, training, augmentation, split } = settings
  const how = { normalisation, augmentation, deviation }
  const symbols = [...train, ...valid].reduce((most, sample) => Math.max(most, sample.symbols.length), 0)
  const { batch, seed } = training
  const source = generationSource(train, how, { batch, seed, train: true, symbols })
  const validation = valid.length > 0 ? generationSource(valid, how, { batch, train: false, symbols }) : null
  const validEvery = training.validEvery ?? Math.min(1000, source.stepsPerEpoch)
  const config: GenerationConfig = {
    vocabulary: vocabulary?.config ?? null,
    network,
    ...how,
    split,
    training: { ...training, validEvery },
    data
  }
  const before = process.memoryUsage.rss()
  const model = generationModel(config, {
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
      fit: (fitOptions = {}) => fit(trainer, files, { train, valid }, fitOptions),
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
  { train, valid }: { train: readonly WrittenInk[]; valid: readonly WrittenInk[] },
  options: FitRunOptions
): Promise<GenerationResult> {
  const summary = await fitRun(trainer, files, options)
  if (summary.stopped === 'abort' || valid.length === 0) return { summary, valid: null }
  using best = await loadWriter(files.model)
  const measure = await measureGeneration(best.model, best.config, valid, { signal: options.signal })
  return { summary, valid: { ...measure, ...baselinesOf(best.config, train, valid) } }
}

function chooseVocabulary(
  options: GenerationRunOptions,
  old: GenerationConfig | null,
  ink: InkSets
): Vocabulary | null {
  if (old) return old.vocabulary && vocabularyFromConfig(old.vocabulary)
  const texts = [...ink.train, ...ink.valid].map(({ text }) => text ?? '')
  const all = texts.every((text) => text !== '')
  const { text = all } = options
  if (!text) return null
  if (texts.some((one) => one !== '')) return vocabularyFromText(texts.join(''))
  throw new GatecellError('ERR_INVALID_INK', 'Expected ink with texts to write from but no sample has one.')
}

function chooseSettings(options: GenerationRunOptions, old: GenerationConfig | null) {
  const { augmentation: asked } = options
  const said = {
    network: given(options.network),
    training: given(options.training),
    normalisation: given(options.normalisation),
    split: given(options.split)
  }
  const augmentation = typeof asked === 'number' ? writersAugmentation(asked) : asked
  if (old) {
    const { batch, optimizer, seed, precision } = said.training
    const before = { ...old.network, ...old.normalisation, ...old.split, ...old.training, ...old.augmentation }
    const now = { ...said.network, ...said.normalisation, ...said.split, batch, optimizer, seed, precision }
    checkUnchanged({ ...now, ...augmentation }, before)
  }
  const named = typeof said.split.where === 'string' || (options.validFiles?.length ?? 0) > 0
  return {
    network: { ...networkDefaults, ...old?.network, ...said.network },
    normalisation: { ...normalisationDefaults, ...old?.normalisation, ...said.normalisation },
    augmentation: augmentation ?? old?.augmentation ?? inkAugmentations.none,
    split: { valid: named ? 0 : 0.1, where: null, ...old?.split, ...said.split },
    training: chooseTraining<Training>(said.training, old?.training, trainingDefaults)
  }
}

/** A run's settings as one JSON object, for logs. */
export function describeGenerationRun(run: GenerationRun, threads: number): JsonObject {
  const { config, samples, memory, vocabulary, model } = run
  return {
    task: GENERATION_TASK,
    vocabulary: vocabulary && { kind: vocabulary.kind, size: vocabulary.size },
    network: { ...config.network },
    normalisation: { ...config.normalisation },
    augmentation: { ...config.augmentation },
    deviation: config.deviation,
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
