// A training of a writer from files to files: what it brings to a training on ink.

import { inkAugmentations } from '../../../data/ink/augment.js'
import { vocabularyFromText, type Vocabulary } from '../../../data/vocabulary.js'
import { GatecellError } from '../../../errors.js'
import type { InkConfig } from '../config.js'
import { prepareInkRun, type InkResult, type InkRun, type InkRunOptions, type InkTask } from '../prepare.js'
import type { InkSets } from '../samples.js'
import { fitMemoryless } from './baselines.js'
import { generationConfigFromJson, type GenerationConfig, type GenerationNetwork } from './config.js'
import { generationSource, offsetDeviation, offsetsOf, pointsPerSymbol, writtenInk, type WrittenInk } from './data.js'
import { networkDefaults, normalisationDefaults, trainingDefaults, writersAugmentation } from './defaults.js'
import { measureGeneration, type GenerationMeasure } from './evaluate.js'
import { loadWriter } from './load.js'
import { generationModel, GENERATION_TASK } from './model.js'

export interface GenerationRunOptions extends InkRunOptions<GenerationNetwork> {
  /** false: draws without a text. Default: with texts where every sample has one. */
  text?: boolean
}

export type GenerationResult = InkResult<GenerationMeasure>
export type GenerationRun = InkRun<GenerationConfig, WrittenInk, GenerationMeasure>

type WritingTask = InkTask<GenerationNetwork, GenerationConfig, WrittenInk, GenerationMeasure>

function writing({ text }: GenerationRunOptions): WritingTask {
  return {
    name: GENERATION_TASK,
    configFromJson: generationConfigFromJson,
    networkDefaults,
    trainingDefaults,
    augmentationDefault: inkAugmentations.none,
    augmentation: writersAugmentation,
    normalisationDefaults: () => normalisationDefaults,
    vocabulary: (ink) => learnVocabulary(ink, text),
    samples: writtenInk,
    complete: (config, train, old) => ({ ...config, ...(old ? learnedOf(old) : learnFrom(train, config)) }),
    columns: ({ symbols }) => symbols.length,
    source: generationSource,
    model: generationModel,
    async measure(path, { valid }, signal) {
      using best = await loadWriter(path)
      return await measureGeneration(best.model, best.config, valid, { signal })
    }
  }
}

/** What the training data say about the ink. */
type Learned = Pick<GenerationConfig, 'deviation' | 'pointsPerSymbol' | 'memoryless'>

function learnFrom(train: readonly WrittenInk[], config: InkConfig<GenerationNetwork>): Learned {
  const deviation = offsetDeviation(train, config)
  const rows = train.map((sample) => offsetsOf(sample, { ...config, deviation }))
  const memoryless = fitMemoryless(rows, config.network.gaussians)
  return { deviation, pointsPerSymbol: pointsPerSymbol(train), memoryless }
}

function learnedOf({ deviation, pointsPerSymbol, memoryless }: GenerationConfig): Learned {
  return { deviation, pointsPerSymbol, memoryless }
}

/** The symbols of all texts; null: it draws without. ERR_INVALID_INK where texts are wanted and no sample has one. */
function learnVocabulary({ train, valid }: InkSets, wanted?: boolean): Vocabulary | null {
  const texts = [...train, ...valid].map(({ text }) => text ?? '')
  if (!(wanted ?? texts.every((text) => text !== ''))) return null
  if (texts.some((text) => text !== '')) return vocabularyFromText(texts.join(''))
  throw new GatecellError('ERR_INVALID_INK', 'Expected ink with texts to write from but no sample has one.')
}

/** Makes a training ready; throws what prepareInkRun throws. */
export function prepareGenerationRun(options: GenerationRunOptions): Promise<GenerationRun> {
  return prepareInkRun(writing(options), options)
}
