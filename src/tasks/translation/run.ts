// A training of a translator from files to files: its pairs, vocabularies, batches and measure.

import { filled, list, object, optional } from '../../check/index.js'
import { checkReadPairsOptions, type ReadPairsOptions } from '../../data/pairs/read.js'
import { expected } from '../../errors.js'
import { defaultsOf, givenFields, withDefaults, type Given } from '../../settings/index.js'
import { checkSameData } from '../runs/fingerprint.js'
import { prepareRun } from '../runs/run.js'
import { runFields } from '../runs/run-types.js'
import type { TrainableTask, Opened, RunData, RunOf, TrainingRunOptions } from '../runs/run-types.js'
import { checkResumed, chooseTraining, given, settleTraining, type UnsettledTraining } from '../runs/settings.js'
import { lengthsOf, sampleShapes, sentenceBatches } from './batches.js'
import type { TranslationConfig } from './config.js'
import { eachPair, fingerprintOfSamples, readTranslationPairs, sampleOfPair, type TranslationSets } from './data.js'
import { drawnLengths } from './dropout.js'
import { loadTranslator, translatorOf } from './load.js'
import { measureTranslator, type TranslationMeasure } from './measure.js'
import { translationTask } from './model.js'
import {
  sentenceSettings,
  symbolSettings,
  translationNetworkSettings,
  translationTrainingSettings,
  type SymbolChoice,
  type TranslationTraining
} from './settings.js'
import { endsOf, learnSymbols, settledSymbols, symbolsOfConfig, type TranslationSymbols } from './symbols.js'

const runGroup = {
  network: translationNetworkSettings,
  symbols: symbolSettings,
  sentences: sentenceSettings,
  training: translationTrainingSettings
}

/** Options of a training of a translator. Settings that are not given have the defaults of the task. */
export interface TranslationRunOptions extends TrainingRunOptions, Given<typeof runGroup> {
  /** Names of files, folders or patterns with pairs of sentences; - is standard input. */
  readonly data: readonly string[]
  /** Names of files that validate instead of a share of the pairs. */
  readonly validFiles?: readonly string[]
  /** Options for reading the pairs. */
  readonly read?: ReadPairsOptions
}

/** Data of a training of a translator. */
export interface TranslationRunData extends RunData {
  readonly symbols: TranslationSymbols
  readonly samples: TranslationSets
}

/** A training of a translator that is ready to start. */
export type TranslationRun = RunOf<TranslationConfig, TranslationRunData, TranslationMeasure>

/** Most different sources that the last measurement translates. */
const MEASURED_SOURCES = 1000

/** Merges the settings of a run by precedence: the caller's options, the resumed run's settings, the defaults. */
function chooseSettings(options: TranslationRunOptions, old: TranslationConfig | null) {
  const { network, symbols, sentences, training } = options
  const asked = {
    network: given(network),
    symbols: given(symbols),
    sentences: given(sentences),
    training: given(training)
  }
  if (old) checkResumed(asked, old)
  const valid = (options.validFiles?.length ?? 0) > 0 ? { valid: 0 } : {}
  return {
    network: withDefaults(translationNetworkSettings, { ...old?.network, ...asked.network }),
    symbols: settledSymbols(withDefaults(symbolSettings, { ...old?.symbols, ...asked.symbols }), {
      ...old?.symbols,
      ...asked.symbols
    }),
    sentences: withDefaults(sentenceSettings, { ...valid, ...old?.sentences, ...asked.sentences }),
    training: chooseTraining<TranslationTraining>(
      asked.training,
      old?.training,
      defaultsOf(translationTrainingSettings)
    )
  }
}

async function open(
  options: TranslationRunOptions,
  old: TranslationConfig | null
): Promise<Opened<TranslationConfig, TranslationRunData>> {
  const { training, ...settings } = chooseSettings(options, old)
  const { sentences } = settings
  checkDropout(training, settings.symbols)
  const reading = options.read ?? {}
  const pairs = await readTranslationPairs(options, sentences, reading)
  if (pairs.train.length === 0) throw noPairs(options.data)
  const symbols = old
    ? symbolsOfConfig(old.vocabulary)
    : await learnSymbols(pairs.train, settings.symbols, reading.signal)
  const sample = (pair: (typeof pairs.train)[number]) => sampleOfPair(pair, symbols, sentences.longest)
  const train = await eachPair(pairs.train, sample, reading)
  const valid = await eachPair(pairs.valid, sample, reading)
  if (train.length === 0) throw noPairs(options.data)
  const data = fingerprintOfSamples({ train, valid })
  checkSameData(old?.data, data, {
    data: 'the pairs',
    counted: 'pairs',
    found: `other pairs (${data.train} and ${data.valid})`,
    cut: 'share that validates'
  })
  const { source, validation } = await batchesOf({ train, valid }, symbols, { training, ...settings }, reading.signal)
  return {
    config: {
      ...settings,
      training: settleTraining<TranslationTraining>(training, source.stepsPerEpoch),
      vocabulary: {
        target: symbols.target.config,
        source: symbols.source === symbols.target ? null : symbols.source.config
      },
      data
    },
    data: { vocabulary: symbols.target, symbols, samples: { train, valid } },
    source,
    validation,
    counts: { pairs: { train: train.length, valid: valid.length } },
    measured: valid.length
  }
}

/** Throws ERR_INVALID_OPTION for dropout of byte pairs with a vocabulary that has none. */
function checkDropout({ bpeDropout = 0 }: Pick<TranslationTraining, 'bpeDropout'>, { vocabulary }: SymbolChoice): void {
  if (bpeDropout === 0 || vocabulary !== 'word') return
  const remedy = 'leave it out (bpeDropout), or choose the vocabulary bpe'
  throw expected('ERR_INVALID_OPTION', 'no dropout of byte pairs with a vocabulary of words', `${bpeDropout}`, remedy)
}

/** The settings that determine batches. */
interface BatchSettings extends Pick<TranslationConfig, 'network' | 'sentences'> {
  readonly training: UnsettledTraining<TranslationTraining>
}

/** Returns the batches that train, and those that validate, if there are any. */
async function batchesOf(
  { train, valid }: TranslationSets,
  symbols: TranslationSymbols,
  { network, sentences, training }: BatchSettings,
  signal: AbortSignal | undefined
): Promise<Pick<Opened<TranslationConfig, TranslationRunData>, 'source' | 'validation'>> {
  const { bpeDropout: probability = 0, seed } = training
  const dropout = { probability, seed, symbols, plain: sentences.plain }
  const drawn = probability > 0 ? { dropout, lengths: await drawnLengths(train, dropout, signal) } : null
  const shared = {
    shapes: sampleShapes([drawn?.lengths ?? lengthsOf(train), lengthsOf(valid)], training.batch),
    seed,
    ends: endsOf(symbols),
    reversed: network.attention === 'none'
  }
  return {
    source: sentenceBatches(train, { ...shared, drawn, train: true }),
    validation: valid.length > 0 ? sentenceBatches(valid, { ...shared, train: false }) : null
  }
}

function noPairs(names: readonly string[]): Error {
  const what = `at least one pair of sentences to train on in ${names.join(', ').slice(0, 200)}`
  return expected('ERR_CORPUS_EMPTY', what, 'none', 'add pairs, or let fewer validate')
}

const trainable: TrainableTask<TranslationRunOptions, TranslationConfig, TranslationRunData, TranslationMeasure> = {
  ...translationTask,
  open,
  load: async (source) => await loadTranslator(source),
  async measure({ model, config }, { samples: { valid } }, { signal }) {
    const pairs = valid.map(({ pair }) => pair)
    return await measureTranslator(translatorOf(model, config), pairs, { beam: 1, most: MEASURED_SOURCES, signal })
  }
}

const readRunOptions = object<TranslationRunOptions>({
  ...runFields,
  ...givenFields(runGroup),
  data: list(filled),
  validFiles: optional(list(filled)),
  read: optional(checkReadPairsOptions)
})

/**
 * Prepares the training of a translator: reads the pairs, learns the vocabularies, makes the network and locks the files; `fit` of the result
 * trains. Throws the errors of `readPairs`, ERR_OUT_OF_RANGE for a sentence that is too long, ERR_INVALID_OPTION for settings that contradict a
 * run that is resumed, and, for files, ERR_FILE_EXISTS, ERR_FILE_WRITE, ERR_FILE_FORMAT and ERR_BUSY.
 */
export async function prepareTranslationRun(options: TranslationRunOptions): Promise<TranslationRun> {
  return prepareRun(trainable, readRunOptions(options, 'the options of the run'))
}
