// A training of a writer from files to files: what it brings to a training on ink.

import { boolean, object, optional } from '../../check/index.js'
import { inkAugmentations } from '../../data/ink/augment.js'
import { vocabularyFromText, type Vocabulary } from '../../data/text/vocabulary.js'
import { GatecellError } from '../../errors.js'
import type { InkConfig } from '../ink/config.js'
import { prepareRun, type RunResult } from '../runs/run.js'
import { inkApplication, inkRunFields, type InkRun, type InkRunOptions } from '../ink/application.js'
import type { InkSets } from '../../data/ink/split.js'
import { fitMemoryless } from '../../metrics/gaussian-mixture.js'
import type { GenerationConfig } from './config.js'
import { generationSource, offsetDeviation, offsetsOf, pointsPerSymbol, writtenInk, type WrittenInk } from './data.js'
import { measureGeneration, type GenerationMeasure } from './evaluate.js'
import { loadWriter } from './load.js'
import { generationTask } from './model.js'
import {
  generationRunSettings,
  networkDefaults,
  normalisationDefaults,
  trainingDefaults,
  writersAugmentation,
  type GenerationNetwork
} from './settings.js'

export interface GenerationRunOptions extends InkRunOptions<GenerationNetwork> {
  /** false: draws without a text. Default: with texts where every sample has one. */
  text?: boolean
}

export type GenerationResult = RunResult<GenerationMeasure>
export type GenerationRun = InkRun<GenerationConfig, WrittenInk, GenerationMeasure>

function writing({ text }: GenerationRunOptions) {
  return inkApplication<GenerationNetwork, GenerationConfig, WrittenInk, GenerationMeasure>({
    ...generationTask,
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
    load: loadWriter,
    measure: measureGeneration
  })
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
  throw new GatecellError(
    'ERR_INVALID_INK',
    'Expected ink with texts to write from but no sample has one: add texts, or train a model that draws.'
  )
}

const readRunOptions = object<GenerationRunOptions>({ ...inkRunFields(generationRunSettings), text: optional(boolean) })

/** Makes a training ready. Throws what prepareRun and readInk throw. */
export async function prepareGenerationRun(runOptions: GenerationRunOptions): Promise<GenerationRun> {
  const options = readRunOptions(runOptions, 'the options of the run')
  return prepareRun(writing(options), options)
}
