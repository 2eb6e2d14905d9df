// A training of a writer from files to files: its settings, samples, network and measure.

import { boolean, object, optional } from '../../../check/index.js'
import { inkAugmentations } from '../../../data/ink/augment.js'
import { vocabularyFromText, type Vocabulary } from '../../../data/text/vocabulary.js'
import { expected } from '../../../errors.js'
import type { InkConfig } from '../../ink/config.js'
import { prepareRun } from '../../runs/run.js'
import type { RunResult } from '../../runs/run-types.js'
import { trainableInkTask, inkRunFields, type InkRun, type InkRunOptions } from '../../ink/training.js'
import type { InkSets } from '../../../data/ink/split.js'
import { fitMemoryless } from '../../../metrics/gaussian-mixture.js'
import type { SynthesisConfig } from '../config.js'
import { synthesisSource, offsetDeviation, offsetsOf, pointsPerSymbol, writtenInk, type WrittenInk } from '../data.js'
import { measureSynthesis, type SynthesisMeasure } from './evaluate.js'
import { loadWriter } from '../use/load.js'
import { synthesisTask } from '../model.js'
import { writerVocabularies } from '../symbols.js'
import {
  synthesisRunSettings,
  writerNetworkDefaults,
  writerNormalisationDefaults,
  writersAugmentation,
  writerTrainingDefaults,
  type SynthesisNetwork
} from '../settings.js'

/** Options of `prepareSynthesisRun`: files, the settings of the network, the ink and the training, and a signal. */
export interface SynthesisRunOptions extends InkRunOptions<SynthesisNetwork> {
  /** Whether the network learns to write texts; false: it learns to draw. Default: true if every sample has a text. */
  text?: boolean
}

/** The result of a training of a writer: its summary and the measure of the best weights. */
export type SynthesisResult = RunResult<SynthesisMeasure>
/** A training of a writer that is ready to start, with its samples. */
export type SynthesisRun = InkRun<SynthesisConfig, WrittenInk, SynthesisMeasure>

function writing({ text }: SynthesisRunOptions) {
  return trainableInkTask<SynthesisNetwork, SynthesisConfig, WrittenInk, SynthesisMeasure>({
    ...synthesisTask,
    networkDefaults: writerNetworkDefaults,
    trainingDefaults: writerTrainingDefaults,
    augmentationDefault: inkAugmentations.none,
    augmentation: writersAugmentation,
    normalisationDefaults: () => writerNormalisationDefaults,
    vocabulary: (ink) => learnVocabulary(ink, text),
    encoding: (texts) => writerVocabularies.add(texts),
    samples: writtenInk,
    complete: (config, train, old) => ({ ...config, ...(old ? learnedOf(old) : learnFrom(train, config)) }),
    targetLength: ({ symbols }) => symbols.length,
    source: synthesisSource,
    load: loadWriter,
    measure: measureSynthesis
  })
}

/** Statistics of the training data that the configuration stores. */
type Learned = Pick<SynthesisConfig, 'deviation' | 'pointsPerSymbol' | 'memoryless'>

function learnFrom(train: readonly WrittenInk[], config: InkConfig<SynthesisNetwork>): Learned {
  const deviation = offsetDeviation(train, config)
  const rows = train.map((sample) => offsetsOf(sample, { ...config, deviation }))
  const memoryless = fitMemoryless(rows, config.network.gaussians)
  return { deviation, pointsPerSymbol: pointsPerSymbol(train), memoryless }
}

function learnedOf({ deviation, pointsPerSymbol, memoryless }: SynthesisConfig): Learned {
  return { deviation, pointsPerSymbol, memoryless }
}

/**
 * Returns the vocabulary of all texts; null if the network draws without a text. Throws ERR_INVALID_INK if texts are wanted but no sample
 * has one.
 */
function learnVocabulary({ train, valid }: InkSets, wanted?: boolean): Vocabulary | null {
  const texts = [...train, ...valid].map(({ text }) => text ?? '')
  if (!(wanted ?? texts.every((text) => text !== ''))) return null
  if (texts.some((text) => text !== '')) return vocabularyFromText(texts.join(''))
  throw expected('ERR_INVALID_INK', 'ink with texts to write from', 'none', 'add texts, or train a model that draws')
}

const readRunOptions = object<SynthesisRunOptions>({ ...inkRunFields(synthesisRunSettings), text: optional(boolean) })

/**
 * Prepares the training of a writer: reads the ink, chooses the settings, makes the network and locks the files; `fit` of the result trains.
 * Throws ERR_INVALID_OPTION for settings that contradict a run that is resumed, ERR_INVALID_INK and ERR_UNKNOWN_SYMBOL for samples that
 * cannot be used (unless `onBad` takes them), ERR_CORPUS_EMPTY without samples, and, for files, ERR_FILE_NOT_FOUND,
 * ERR_FILE_EXISTS, ERR_FILE_WRITE, ERR_FILE_FORMAT and ERR_BUSY.
 *
 * @example
 * const run = await prepareSynthesisRun({ data: ['words.ndjson'], out: 'writer.safetensors', training: { epochs: 30 } })
 * const { valid } = await run.fit({ onReport: ({ step, loss }) => console.log(step, loss) })
 * run.dispose()
 * console.log(valid?.nats)
 */
export async function prepareSynthesisRun(runOptions: SynthesisRunOptions): Promise<SynthesisRun> {
  const options = readRunOptions(runOptions, 'the options of the run')
  return prepareRun(writing(options), options)
}
