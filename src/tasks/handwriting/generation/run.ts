// A training of a writer from files to files: what it brings to a training on ink.

import { inkAugmentations } from '../../../data/ink/augment.js'
import { vocabularyFromText, type Vocabulary } from '../../../data/vocabulary.js'
import { GatecellError } from '../../../errors.js'
import { prepareInkRun, type InkResult, type InkRun, type InkRunOptions, type InkTask } from '../prepare.js'
import type { InkSets } from '../samples.js'
import type { Baselines } from './baselines.js'
import { generationConfigFromJson, type GenerationConfig, type GenerationNetwork } from './config.js'
import { generationSource, offsetDeviation, writtenInk, type WrittenInk } from './data.js'
import { networkDefaults, normalisationDefaults, trainingDefaults, writersAugmentation } from './defaults.js'
import { baselinesOf, measureGeneration, type GenerationMeasure } from './evaluate.js'
import { loadWriter } from './load.js'
import { generationModel, GENERATION_TASK } from './model.js'

export interface GenerationRunOptions extends InkRunOptions<GenerationNetwork> {
  /** false: draws without a text. Default: with texts where every sample has one. */
  text?: boolean
}

type Measure = GenerationMeasure & Baselines
export type GenerationResult = InkResult<Measure>
export type GenerationRun = InkRun<GenerationConfig, WrittenInk, Measure>

function writing({ text }: GenerationRunOptions): InkTask<GenerationNetwork, GenerationConfig, WrittenInk, Measure> {
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
    complete: (config, train, old) => ({ ...config, deviation: old?.deviation ?? offsetDeviation(train, config) }),
    columns: ({ symbols }) => symbols.length,
    source: generationSource,
    model: generationModel,
    async measure(path, { train, valid }, signal) {
      using best = await loadWriter(path)
      const measure = await measureGeneration(best.model, best.config, valid, { signal })
      return { ...measure, ...baselinesOf(best.config, train, valid) }
    }
  }
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
