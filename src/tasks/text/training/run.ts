// A training of a text model from files to files: its corpus, settings, batches and measure.

import { crc32 } from 'node:zlib'
import { filled, list, object, optional } from '../../../check/index.js'
import { createTextDataset } from '../../../data/batching/text-dataset.js'
import { openCorpus, readCorpusOptions, type Corpus, type CorpusOptions } from '../../../data/text/corpus.js'
import { createPace } from '../../../data/files/pace.js'
import type { Tokens } from '../../../data/text/tokens.js'
import type { Vocabulary } from '../../../data/text/vocabulary.js'
import { defaultsOf, givenFields, type Given } from '../../../settings/index.js'
import { checkSameData, type DataFingerprint } from '../../runs/fingerprint.js'
import { prepareRun } from '../../runs/run.js'
import { runFields } from '../../runs/run-types.js'
import type { Opened, RunOf, RunResult, TrainableTask, TrainingRunOptions } from '../../runs/run-types.js'
import { checkResumed, chooseTraining, given, settleTraining } from '../../runs/settings.js'
import type { TextConfig } from '../config.js'
import { bitsOfText, textFacts, type TextBits } from './bits.js'
import { evaluateText, segmentSource, type TextMeasure } from './evaluate.js'
import { loadTextModel } from '../use/load.js'
import { textTask } from '../model.js'
import { checkStoredSize, runVocabulary } from './run-vocabulary.js'
import {
  defaultLearningRate,
  networkDefaults,
  textSplitSettings,
  textRunSettings,
  textTrainingSettings,
  type TextNetwork,
  type TextTraining
} from '../settings.js'

/** Options of `prepareTextRun`. Settings that are not given have the defaults of the task. */
export interface TextRunOptions extends TrainingRunOptions, Omit<Given<typeof textRunSettings>, 'corpus'> {
  /** Names of files, folders or patterns; - is standard input. */
  data: readonly string[]
  /** Names of files that validate instead of a share of the text. */
  validFiles?: readonly string[]
  /** Options for reading the text, see `CorpusOptions`. */
  corpus?: Pick<CorpusOptions, 'cacheDir' | 'memoryBytes' | 'onSkip' | 'onProgress' | 'signal' | 'stdin'>
}

/** Data of a training of a text model. */
export interface TextRunData {
  readonly vocabulary: Vocabulary
  /** The text, cut into its parts. */
  readonly corpus: Pick<Corpus, 'counts' | 'train' | 'valid' | 'test' | 'sizes' | 'files' | 'cached'>
}

/** The measure of the best weights on the validation text, which is read as one stream. */
export interface TextRunMeasure extends TextMeasure, TextBits {
  /** Whether the whole validation text was read, or only its first 2^20 symbols. */
  whole: boolean
}

/** A training of a text model that is ready to start, with its text. */
export type TextRun = RunOf<TextConfig, TextRunData, TextRunMeasure>
/** The result of a training of a text model: its summary and the measure of the best weights. */
export type TextResult = RunResult<TextRunMeasure>

/** Most symbols of the validation text that a validation reads. */
const WATCHED_SYMBOLS = 2 ** 18
/** Most symbols of the validation text that the last measurement reads. */
const MEASURED_SYMBOLS = 2 ** 20
/** Symbols that are read at once for the fingerprint. */
const FINGERPRINT_PIECE = 2 ** 16

const writing: TrainableTask<TextRunOptions, TextConfig, TextRunData, TextRunMeasure> = {
  ...textTask,
  async open(options, old) {
    const { network, split, ...settings } = chooseSettings(options, old)
    const corpus = await openCorpus(options.data, {
      ...options.corpus,
      ...(await runVocabulary(options, old, options.corpus?.signal)),
      ...split,
      ...given({ validFiles: options.validFiles })
    })
    try {
      const { vocabulary, train, valid, test, sizes } = corpus
      checkStoredSize(vocabulary)
      const { batch, length, seed } = settings.training
      const source = createTextDataset(train, vocabulary, { batch, length, seed })
      const training = settleTraining<TextTraining>(settings.training, source.stepsPerEpoch)
      const data = await fingerprintOf(train, valid, options.corpus?.signal)
      checkSameText(old?.data, data)
      return {
        config: { vocabulary: vocabulary.config, network, split, training, data },
        data: { vocabulary, corpus },
        source,
        validation: valid.length > 0 ? segmentSource(first(valid, WATCHED_SYMBOLS)) : null,
        counts: { symbols: { train: train.length, valid: valid.length, test: test.length }, text: textCounts(sizes) },
        measured: Math.min(valid.length, MEASURED_SYMBOLS),
        close: () => corpus.close()
      } satisfies Opened<TextConfig, TextRunData>
    } catch (error) {
      corpus.close()
      throw error
    }
  },
  load: loadTextModel,
  async measure({ model }, { corpus: { valid, sizes } }, options) {
    const measured = first(valid, MEASURED_SYMBOLS)
    const measure = await evaluateText(model, measured, options)
    return { ...measure, ...bitsOfText(measure, sizes.valid), whole: measured.length === valid.length }
  }
}

const readTextRunOptions = object<TextRunOptions>({
  ...runFields,
  ...givenFields(textRunSettings),
  data: list(filled),
  validFiles: optional(list(filled)),
  corpus: optional(readCorpusOptions)
})

/**
 * Prepares the training of a text model: reads the text, chooses the settings, makes the network and locks the files; `fit` of the result
 * trains. Throws ERR_CORPUS_EMPTY if the text is shorter than one batch, ERR_CORPUS_BINARY for files that are not text, ERR_INVALID_OPTION for
 * settings that contradict a run that is resumed, ERR_OUT_OF_MEMORY if the training does not fit into memory, and, for files,
 * ERR_FILE_NOT_FOUND, ERR_FILE_EXISTS, ERR_FILE_WRITE, ERR_FILE_FORMAT and ERR_BUSY.
 *
 * @example
 * const run = await prepareTextRun({ data: ['shakespeare.txt'], out: 'shakespeare.safetensors', training: { epochs: 10 } })
 * const { valid } = await run.fit({ onReport: ({ step, loss }) => console.log(step, loss) })
 * run.dispose()
 * console.log(valid?.bits)
 */
export async function prepareTextRun(options: TextRunOptions): Promise<TextRun> {
  return prepareRun(writing, readTextRunOptions(options, 'the options of the run'))
}

const defaults = { split: defaultsOf(textSplitSettings), training: defaultsOf(textTrainingSettings) }

/** Merges the settings of a run by precedence: the caller's options, the resumed run's settings, the defaults. */
function chooseSettings(options: TextRunOptions, old: TextConfig | null) {
  const asked = { network: given(options.network), split: given(options.split), training: given(options.training) }
  if (old) checkResumed(asked, old)
  const hidden = asked.network.hidden ?? old?.network.hidden ?? networkDefaults.hidden
  const network: TextNetwork = { ...networkDefaults, hidden, embedding: hidden, ...old?.network, ...asked.network }
  const { split: shares, training: trainingDefaults } = defaults
  const precision = options.device === 'cuda' ? 'bf16' : trainingDefaults.precision
  const optimizer = asked.training.optimizer ?? old?.training?.optimizer ?? trainingDefaults.optimizer
  const learningRate = defaultLearningRate(optimizer, network)
  const training = chooseTraining<TextTraining>(asked.training, old?.training, {
    ...trainingDefaults,
    precision,
    learningRate
  })
  const valid = (options.validFiles?.length ?? 0) > 0 ? 0 : shares.valid
  return { network, training, split: { ...shares, valid, ...old?.split, ...asked.split } }
}

/** Returns the characters and bytes of the parts, for logs. */
function textCounts({ train, valid, test }: Corpus['sizes']) {
  return { train: textFacts(train), valid: textFacts(valid), test: textFacts(test) }
}

function checkSameText(before: DataFingerprint | undefined, now: DataFingerprint): void {
  const alike = before?.train === now.train && before.valid === now.valid
  const found = alike ? 'another text, or another one to validate on, of that length' : `${now.train} and ${now.valid}`
  checkSameData(before, now, { data: 'the text', counted: 'symbols', found, cut: 'shares' })
}

/** Returns the fingerprint of all symbols, which are read piece by piece from memory or from the cache. Throws ERR_ABORTED. */
async function fingerprintOf(train: Tokens, valid: Tokens, signal: AbortSignal | undefined): Promise<DataFingerprint> {
  const pace = createPace(signal)
  const ids = new Int32Array(FINGERPRINT_PIECE)
  let fingerprint = 0
  for (const tokens of [train, valid]) {
    for (let begin = 0; begin < tokens.length; begin += ids.length) {
      const length = Math.min(ids.length, tokens.length - begin)
      tokens.read(begin, length, ids)
      fingerprint = crc32(new Uint8Array(ids.buffer, 0, 4 * length), fingerprint)
      if (pace.due()) await pace.turn()
    }
  }
  return { train: train.length, valid: valid.length, fingerprint }
}

function first(tokens: Tokens, count: number): Tokens {
  return tokens.slice(0, Math.min(tokens.length, count))
}
