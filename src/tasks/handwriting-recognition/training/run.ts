// A training of a reader from files to files: its settings, samples, network and measure.

import { object } from '../../../check/index.js'
import { scaledAugmentation } from '../../../data/ink/augment.js'
import { vocabularyFromText } from '../../../data/text/vocabulary.js'
import { expected } from '../../../errors.js'
import { prepareRun } from '../../runs/run.js'
import type { RunResult } from '../../runs/run-types.js'
import { trainableInkTask, inkRunFields, type InkRun, type InkRunOptions } from '../../ink/training.js'
import { textOf } from '../../ink/samples.js'
import type { RecognitionConfig } from '../config.js'
import { labelInk, recognitionSource, type LabelledInk } from '../data.js'
import { measureRecognition, type RecognitionMeasure } from './evaluate.js'
import { readerVocabularies } from '../labels.js'
import { loadReader } from '../use/load.js'
import { recognitionTask } from '../model.js'
import {
  augmentationDefault,
  forwardNormalisation,
  readerNetworkDefaults,
  readerNormalisationDefaults,
  readerTrainingDefaults,
  recognitionRunSettings,
  type RecognitionNetwork
} from '../settings.js'

/** Options of `prepareRecognitionRun`: files, the settings of the network, the ink and the training, and a signal. */
export type RecognitionRunOptions = InkRunOptions<RecognitionNetwork>
/** The result of a training of a reader: its summary and the measure of the best weights. */
export type RecognitionResult = RunResult<RecognitionMeasure>
/** A training of a reader that is ready to start, with its samples. */
export type RecognitionRun = InkRun<RecognitionConfig, LabelledInk, RecognitionMeasure>

const reading = trainableInkTask<RecognitionNetwork, RecognitionConfig, LabelledInk, RecognitionMeasure>({
  ...recognitionTask,
  networkDefaults: readerNetworkDefaults,
  trainingDefaults: readerTrainingDefaults,
  augmentationDefault,
  augmentation: scaledAugmentation,
  normalisationDefaults: ({ bidirectional }) => (bidirectional ? readerNormalisationDefaults : forwardNormalisation),
  check({ bidirectional }, { scale, deslant, level, smooth }) {
    if (bidirectional || (scale === 'fixed' && !deslant && !level && smooth === 0)) return
    throw expected(
      'ERR_INVALID_OPTION',
      'a fixed scale without deslanting, levelling and smoothing for a network that reads while the pen moves',
      'other settings',
      'leave these settings out, or train a network of both directions'
    )
  },
  vocabulary({ train, valid }) {
    const samples = [...train, ...valid]
    const texts = samples.flatMap(({ text }) => text ?? [])
    if (texts.every((text) => text === '')) textOf(samples[0]!)
    return vocabularyFromText(texts.join(''))
  },
  encoding: (texts) => readerVocabularies.add(texts),
  samples: (ink, vocabulary, how, onBad) => labelInk(ink, vocabulary!, how, onBad),
  complete: (config) => ({ ...config, vocabulary: config.vocabulary! }),
  targetLength: ({ labels }) => labels.length,
  source: recognitionSource,
  load: loadReader,
  measure: measureRecognition
})

const readRunOptions = object<RecognitionRunOptions>(inkRunFields(recognitionRunSettings))

/**
 * Prepares the training of a reader: reads the ink, chooses the settings, makes the network and locks the files; `fit` of the result trains.
 * Throws ERR_INVALID_OPTION for settings that do not go together or that contradict a run that is resumed, ERR_INVALID_INK,
 * ERR_UNKNOWN_SYMBOL and ERR_TARGET_TOO_LONG for samples that cannot be used (unless `onBad` takes them), ERR_CORPUS_EMPTY without samples,
 * and, for files, ERR_FILE_NOT_FOUND, ERR_FILE_EXISTS, ERR_FILE_WRITE, ERR_FILE_FORMAT and ERR_BUSY.
 *
 * @example
 * const run = await prepareRecognitionRun({ data: ['words.ndjson'], out: 'reader.safetensors', training: { epochs: 30 } })
 * const { valid } = await run.fit({ onReport: ({ step, loss }) => console.log(step, loss) })
 * run.dispose()
 * console.log(valid?.cer)
 */
export async function prepareRecognitionRun(options: RecognitionRunOptions): Promise<RecognitionRun> {
  return prepareRun(reading, readRunOptions(options, 'the options of the run'))
}
