// Settings of a translator: the network, its vocabulary, the sentences, the training.

import { MAX_VOCABULARY_SIZE } from '../../data/text/vocabulary-sizes.js'
import { MAX_SIZE, setting, type Given, type Group, type Values } from '../../settings/index.js'
import { processSettings, trainingSettings } from '../runs/settings.js'

/** Name of the task in model files and on the command line. */
export const TRANSLATION_TASK = 'translation'

const probability = { min: 0, below: 1, argument: '<p>' } as const

/** Declarations of the settings of the network. */
export const translationNetworkSettings = {
  attention: setting.choice(['general', 'dot', 'additive', 'none'], {
    default: 'general',
    help: 'score of the attention (general and dot: Luong et al. 2015; additive: Bahdanau et al. 2015); none: the encoder leaves its last states only, and reads the source from its end (Sutskever et al. 2014)'
  }),
  hidden: setting.integer({ min: 1, max: MAX_SIZE, default: 512, help: 'units of an LSTM layer' }),
  embedding: setting.integer({ min: 1, max: MAX_SIZE, default: 256, help: 'width of the embeddings of the symbols' }),
  encoderLayers: setting.integer({
    min: 1,
    max: 64,
    default: 1,
    help: 'layers of the encoder, the first one in both directions; with the attention none it has those of the decoder'
  }),
  layers: setting.integer({ min: 2, max: 64, default: 2, help: 'layers of the decoder' }),
  layerNorm: setting.flag({ default: false, help: 'normalise the layers (Ba et al. 2016)' }),
  tied: setting.flag({
    default: true,
    flag: '--no-tied',
    help: 'the output layer has the embeddings of the symbols as its weights',
    flagHelp: 'give the output layer weights of its own'
  }),
  dropout: setting.number({ ...probability, default: 0.3, help: 'dropout between layers and before the output' }),
  inputDropout: setting.number({ ...probability, default: 0.2, help: 'dropout of the embeddings of the symbols' }),
  wordDropout: setting.number({
    ...probability,
    absent: true,
    defaultText: '0',
    help: 'probability with which a symbol of the source is unreadable in training: all of its embedding is 0'
  })
} satisfies Group

/** Declarations of the settings of the symbols. A resumed run keeps the vocabularies with which it began. */
export const symbolSettings = {
  vocabulary: setting.choice(['bpe', 'word'], {
    absent: true,
    defaultText: 'bpe',
    help: 'symbols: byte pairs, of which every text is made, or words; a rare word is unknown, and is copied from the source by the attention'
  }),
  size: setting.integer({
    min: 300,
    max: MAX_VOCABULARY_SIZE,
    flag: '--vocabulary-size',
    unit: 'symbols',
    default: 4000,
    defaultText: '4000; 16000 words',
    help: 'most symbols of a vocabulary'
  }),
  separate: setting.flag({
    default: false,
    flag: '--separate-vocabularies',
    help: 'a vocabulary for each language; otherwise both share one, and the embeddings of its symbols'
  })
} satisfies Group

/** Most symbols of a sentence, in a training and in a translation. */
export const MOST_SYMBOLS = 4096

/** Declarations of the settings of the sentences to learn from. */
export const sentenceSettings = {
  valid: setting.number({
    min: 0,
    below: 1,
    argument: '<share>',
    default: 0.02,
    defaultText: '0.02; 0 with other files that validate',
    help: 'share of the different sources that validates, chosen by a checksum of the source'
  }),
  longest: setting.integer({
    min: 4,
    max: MOST_SYMBOLS,
    default: 256,
    unit: 'symbols',
    help: 'symbols of the longest sentence'
  }),
  plain: setting.flag({
    default: true,
    flag: '--as-is',
    help: 'learn sentences with plain spaces and apostrophes',
    flagHelp: 'learn typographic spaces and apostrophes as they are'
  })
} satisfies Group

/** Declarations of the settings of the training. */
export const translationTrainingSettings = {
  ...trainingSettings({
    batch: 1536,
    batchHelp: 'symbols of the longer language per step, padding included',
    epochs: 10,
    clip: 1,
    learningRate: 0.001,
    data: 'sentences',
    seeded: 'weights, dropout and order'
  }),
  labelSmoothing: setting.number({
    min: 0,
    max: 1,
    argument: '<share>',
    default: 0.1,
    help: "share of a symbol's probability that training spreads over all symbols; validation is without it"
  }),
  bpeDropout: setting.number({
    ...probability,
    absent: true,
    defaultText: '0',
    help: 'probability with which a merge of byte pairs is left out in training (Provilkov et al. 2020), so that a sentence has other symbols in each epoch'
  })
} satisfies Group

/** Settings of everything that reads pairs of sentences. */
export const pairReadSettings = {
  columns: setting.text({
    absent: true,
    argument: '<source,target>',
    defaultText: '1,2',
    help: 'columns of TSV files with the source and its translation'
  }),
  languages: setting.text({
    absent: true,
    argument: '<source,target>',
    defaultText: 'whole names of files',
    help: 'endings of pairs of files, as en,fr: the data are then prefixes, as corpus/train'
  }),
  skipBad: setting.flag({
    default: false,
    help: 'leave out pairs that cannot be used, and name them; otherwise the first one ends the command'
  })
} satisfies Group

/** All settings of a training with those of the reading of pairs. */
export const translationRunSettings = {
  network: translationNetworkSettings,
  symbols: symbolSettings,
  sentences: sentenceSettings,
  training: translationTrainingSettings,
  ...pairReadSettings,
  ...processSettings
} satisfies Group

/** Settings of the network. */
export type TranslationNetwork = Values<typeof translationNetworkSettings>
/** Settings of the symbols. */
export type SymbolChoice = Values<typeof symbolSettings>
/** Settings of the sentences. */
export type SentenceChoice = Values<typeof sentenceSettings>
/** Settings of the training. */
export type TranslationTraining = Values<typeof translationTrainingSettings>
/** Options of a training. */
export type TranslationGiven = Given<typeof translationRunSettings>
/** Options of everything that reads pairs of sentences. */
export type PairReadGiven = Given<typeof pairReadSettings>
