// A training of a text model from files to files: its corpus, settings, batches and measure.

import { crc32 } from 'node:zlib'
import { filled, list, object, optional } from '../../check/index.js'
import { createBatches } from '../../data/batching/windows.js'
import { openCorpus, readCorpusOptions, type Corpus, type CorpusOptions } from '../../data/text/corpus.js'
import { createPace } from '../../data/files/pace.js'
import type { Tokens } from '../../data/text/tokens.js'
import { vocabularyFromConfig, type Vocabulary } from '../../data/text/vocabulary.js'
import { tokenSource } from '../../data/batching/source.js'
import { defaultsOf, givenFields, type Given } from '../../settings/index.js'
import { checkSameData, type DataMark } from '../runs/fingerprint.js'
import { prepareRun } from '../runs/run.js'
import { runFields } from '../runs/run-types.js'
import type { Application, Opened, RunOf, RunResult, TrainingRunOptions } from '../runs/run-types.js'
import { checkResumed, chooseTraining, given, settleTraining } from '../runs/settings.js'
import type { TextConfig } from './config.js'
import { evaluateText, segmentSource, type TextMeasure } from './evaluate.js'
import { loadTextModel } from './load.js'
import { textTask } from './model.js'
import {
  defaultLearningRate,
  networkDefaults,
  textSplitSettings,
  textRunSettings,
  textTrainingSettings,
  type TextNetwork,
  type TextTraining
} from './settings.js'

export interface TextRunOptions extends TrainingRunOptions, Omit<Given<typeof textRunSettings>, 'corpus'> {
  /** Files, folders, patterns, - for standard input. */
  data: readonly string[]
  /** Files that validate instead of a share. */
  validFiles?: readonly string[]
  /** Reading the corpus. */
  corpus?: Pick<CorpusOptions, 'cacheDir' | 'memoryBytes' | 'onSkip' | 'onProgress' | 'signal' | 'stdin'>
}

export interface TextRunData {
  readonly vocabulary: Vocabulary
  readonly corpus: Pick<Corpus, 'counts' | 'train' | 'valid' | 'test' | 'files' | 'cached'>
}

/** The best weights on the validation text, as one stream. */
export interface TextRunMeasure extends TextMeasure {
  /** Whether it counts the whole validation text, or its first 2^20 symbols. */
  whole: boolean
}

export type TextRun = RunOf<TextConfig, TextRunData, TextRunMeasure>
export type TextResult = RunResult<TextRunMeasure>

/** How much of a long validation text is looked at: on the way, and at the end. */
const WATCHED_SYMBOLS = 2 ** 18
const MEASURED_SYMBOLS = 2 ** 20
/** Symbols that are read at once for the fingerprint. */
const FINGERPRINT_PIECE = 2 ** 16

const writing: Application<TextRunOptions, TextConfig, TextRunData, TextRunMeasure> = {
  ...textTask,
  async open(options, old) {
    const { network, split, ...settings } = chooseSettings(options, old)
    const corpus = await openCorpus(options.data, {
      ...options.corpus,
      vocabulary: old ? vocabularyFromConfig(old.vocabulary) : (options.vocabulary ?? 'character'),
      ...split,
      ...given({ minCount: options.minCount, validFiles: options.validFiles })
    })
    try {
      const { vocabulary, train, valid, test } = corpus
      const { batch, length, seed } = settings.training
      const batches = createBatches(train, { batch, length, seed })
      const training = settleTraining<TextTraining>(settings.training, batches.stepsPerEpoch)
      const data = await markOf(train, valid, options.corpus?.signal)
      checkSameText(old?.data, data)
      return {
        config: { vocabulary: vocabulary.config, network, split, training, data },
        data: { vocabulary, corpus },
        source: tokenSource(batches),
        validation: valid.length > 0 ? segmentSource(first(valid, WATCHED_SYMBOLS)) : null,
        counts: { symbols: { train: train.length, valid: valid.length, test: test.length } },
        measured: Math.min(valid.length, MEASURED_SYMBOLS),
        close: () => corpus.close()
      } satisfies Opened<TextConfig, TextRunData>
    } catch (error) {
      corpus.close()
      throw error
    }
  },
  load: loadTextModel,
  async measure({ model }, { corpus: { valid } }, options) {
    const measured = first(valid, MEASURED_SYMBOLS)
    return { ...(await evaluateText(model, measured, options)), whole: measured.length === valid.length }
  }
}

const readTextRunOptions = object<TextRunOptions>({
  ...runFields,
  ...givenFields(textRunSettings),
  data: list(filled),
  validFiles: optional(list(filled)),
  corpus: optional(readCorpusOptions)
})

/** Makes a training ready. Throws what prepareRun and openCorpus throw, ERR_CORPUS_EMPTY for less than one batch. */
export async function prepareTextRun(options: TextRunOptions): Promise<TextRun> {
  return prepareRun(writing, readTextRunOptions(options, 'the options of the run'))
}

const defaults = { split: defaultsOf(textSplitSettings), training: defaultsOf(textTrainingSettings) }

/** Merges the settings of a run by precedence: the caller's options, the resumed run's settings, the defaults. */
function chooseSettings(options: TextRunOptions, old: TextConfig | null) {
  const said = { network: given(options.network), split: given(options.split), training: given(options.training) }
  if (old) {
    const { vocabulary } = options
    checkResumed({ ...said, vocabulary: { vocabulary } }, { ...old, vocabulary: { vocabulary: old.vocabulary.kind } })
  }
  const hidden = said.network.hidden ?? old?.network.hidden ?? networkDefaults.hidden
  const network: TextNetwork = { ...networkDefaults, hidden, embedding: hidden, ...old?.network, ...said.network }
  const { split: shares, training: trainingDefaults } = defaults
  const precision = options.device === 'cuda' ? 'bf16' : trainingDefaults.precision
  const optimizer = said.training.optimizer ?? old?.training?.optimizer ?? trainingDefaults.optimizer
  const learningRate = defaultLearningRate(optimizer, network)
  const training = chooseTraining<TextTraining>(said.training, old?.training, {
    ...trainingDefaults,
    precision,
    learningRate
  })
  const valid = (options.validFiles?.length ?? 0) > 0 ? 0 : shares.valid
  return { network, training, split: { ...shares, valid, ...old?.split, ...said.split } }
}

function checkSameText(before: DataMark | undefined, now: DataMark): void {
  const alike = before?.train === now.train && before.valid === now.valid
  const found = alike ? 'another text, or another one to validate on, of that length' : `${now.train} and ${now.valid}`
  checkSameData(before, now, { data: 'the text', counted: 'symbols', found, cut: 'shares' })
}

/** Returns the fingerprint of all symbols, which are read piece by piece from memory or from the cache. Throws ERR_ABORTED. */
async function markOf(train: Tokens, valid: Tokens, signal: AbortSignal | undefined): Promise<DataMark> {
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
