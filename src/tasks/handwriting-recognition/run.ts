// A training of a reader from files to files: what it brings to a training on ink.

import { object } from '../../check/index.js'
import { scaledAugmentation } from '../../data/ink/augment.js'
import { vocabularyFromText } from '../../data/text/vocabulary.js'
import { GatecellError } from '../../errors.js'
import { prepareRun, type RunResult } from '../runs/run.js'
import { inkApplication, inkRunFields, type InkRun, type InkRunOptions } from '../ink/application.js'
import { textOf } from '../ink/samples.js'
import type { RecognitionConfig } from './config.js'
import { labelInk, recognitionSource, type LabelledInk } from './data.js'
import { measureRecognition, type RecognitionMeasure } from './evaluate.js'
import { loadReader } from './load.js'
import { recognitionTask } from './model.js'
import {
  augmentationDefault,
  forwardNormalisation,
  networkDefaults,
  normalisationDefaults,
  recognitionRunSettings,
  trainingDefaults,
  type RecognitionNetwork
} from './settings.js'

export type RecognitionRunOptions = InkRunOptions<RecognitionNetwork>
export type RecognitionResult = RunResult<RecognitionMeasure>
export type RecognitionRun = InkRun<RecognitionConfig, LabelledInk, RecognitionMeasure>

const reading = inkApplication<RecognitionNetwork, RecognitionConfig, LabelledInk, RecognitionMeasure>({
  ...recognitionTask,
  networkDefaults,
  trainingDefaults,
  augmentationDefault,
  augmentation: scaledAugmentation,
  normalisationDefaults: ({ bidirectional }) => (bidirectional ? normalisationDefaults : forwardNormalisation),
  check({ bidirectional }, { scale, deslant, level, smooth }) {
    if (bidirectional || (scale === 'fixed' && !deslant && !level && smooth === 0)) return
    throw new GatecellError(
      'ERR_INVALID_OPTION',
      'Expected a fixed scale without deslanting, levelling and smoothing for a network that reads while the pen moves but received other settings: leave these settings out, or train a network of both directions'
    )
  },
  vocabulary({ train, valid }) {
    const samples = [...train, ...valid]
    const texts = samples.flatMap(({ text }) => text ?? [])
    if (texts.every((text) => text === '')) textOf(samples[0]!)
    return vocabularyFromText(texts.join(''))
  },
  samples: (ink, vocabulary, how, onBad) => labelInk(ink, vocabulary!, how, onBad),
  complete: (config) => ({ ...config, vocabulary: config.vocabulary! }),
  columns: ({ labels }) => labels.length,
  source: recognitionSource,
  load: loadReader,
  measure: measureRecognition
})

const readRunOptions = object<RecognitionRunOptions>(inkRunFields(recognitionRunSettings))

/** Makes a training ready. Throws what prepareRun and readInk throw, and ERR_TARGET_TOO_LONG. */
export async function prepareRecognitionRun(options: RecognitionRunOptions): Promise<RecognitionRun> {
  return prepareRun(reading, readRunOptions(options, 'the options of the run'))
}
