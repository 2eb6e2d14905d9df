// Settings of a text model and its training. The defaults were found by experiments on Tiny Shakespeare.

import { defaultVocabularySizes, MAX_VOCABULARY_SIZE } from '../../data/text/vocabulary-sizes.js'
import { vocabularyKinds } from '../../data/text/vocabulary-types.js'
import { defaultsOf, MAX_SIZE, setting, type Group, type Values } from '../../settings/index.js'
import type { Optimizer } from '../../train/optimizers.js'
import { processSettings, trainingSettings } from '../runs/settings.js'

const size = { min: 1, max: MAX_SIZE } as const
const probability = { min: 0, max: 0.999, argument: '<p>', default: 0 } as const

/** Declarations of the settings of the network. */
export const textNetworkSettings = {
  hidden: setting.integer({ ...size, default: 256, help: 'units of each LSTM layer' }),
  layers: setting.integer({ min: 1, max: 1000, default: 2, help: 'LSTM layers' }),
  cell: setting.choice(['lstm', 'gru', 'rnn'], {
    absent: true,
    defaultText: 'lstm',
    argument: '<cell>',
    help: 'cell of the layers: LSTM, GRU (Cho et al. 2014), or the plain one with tanh (Elman 1990)'
  }),
  embedding: setting.integer({ ...size, defaultText: 'as hidden', help: 'width of the embeddings of the symbols' }),
  dropout: setting.number({ ...probability, help: 'probability of dropout between the layers and after the last one' }),
  variational: setting.flag({
    default: false,
    help: 'variational dropout: one mask for all steps of a sequence (Gal and Ghahramani 2016)'
  }),
  recurrentDropout: setting.number({
    ...probability,
    help: "probability of dropout on h where it enters its own layer's next step, one mask a sequence (Gal and Ghahramani 2016)"
  }),
  zoneout: setting.number({
    ...probability,
    help: 'probability that a unit of h and of c keeps its value of the step before (Krueger et al. 2017)'
  })
} satisfies Group

/** Declarations of the shares into which the text is cut by position. */
export const textSplitSettings = {
  valid: setting.number({
    min: 0,
    below: 1,
    argument: '<share>',
    default: 0.1,
    help: 'share of the text, at its end, that validates'
  }),
  test: setting.number({
    min: 0,
    below: 1,
    argument: '<share>',
    default: 0,
    help: 'share after it for tests, not trained on'
  })
} satisfies Group

/** Declarations of the settings of the training. */
export const textTrainingSettings = {
  ...trainingSettings({
    batch: 24,
    epochs: 10,
    clip: 1,
    learningRate: 'by optimizer and hidden',
    data: 'text',
    seeded: 'weights, data order and dropout',
    precision: 'f32; bf16 with the device cuda'
  }),
  length: setting.integer({
    ...size,
    default: 64,
    unit: 'steps',
    help: 'steps of truncated back-propagation; the state is carried from batch to batch'
  }),
  labelSmoothing: setting.number({
    min: 0,
    max: 1,
    argument: '<share>',
    absent: true,
    defaultText: '0',
    help: "share of a symbol's probability that training spreads over all symbols; validation is without it"
  })
} satisfies Group

const { word, bpe } = defaultVocabularySizes

/** Declarations of the settings of the vocabulary. A resumed run keeps the vocabulary with which it began. */
export const textVocabularySettings = {
  vocabulary: setting.choice(vocabularyKinds, {
    defaultText: 'character; with a tokenizer bpe',
    argument: '<kind>',
    help: 'symbols: characters (Unicode code points), bytes, or words or byte pairs (bpe) of the text to train on'
  }),
  vocabularySize: setting.integer({
    min: 2,
    max: MAX_VOCABULARY_SIZE,
    unit: 'symbols',
    defaultText: `at most ${word} words or ${bpe} byte pairs`,
    help: 'size of a vocabulary of words, <unk> included, or of byte pairs, the 256 bytes included'
  }),
  minCount: setting.integer({
    min: 1,
    defaultText: '1; of words and byte pairs 2',
    help: 'characters or words that are rarer than this share one <unk>; of byte pairs the count that a pair needs to be merged'
  }),
  tokenizer: setting.path({
    absent: true,
    help: "tokenizer.json of Hugging Face's tokenizers with a byte-level BPE, whose vocabulary is used as it is"
  })
} satisfies Group

/** All settings of a training of a text model. */
export const textRunSettings = {
  network: textNetworkSettings,
  ...textVocabularySettings,
  split: textSplitSettings,
  training: textTrainingSettings,
  corpus: {
    cacheDir: setting.path({
      folder: true,
      defaultText: "the system's temporary folder",
      help: 'folder for the symbols of texts above 64 MB'
    })
  },
  ...processSettings
} satisfies Group

/** Settings of the network. */
export type TextNetwork = Values<typeof textNetworkSettings>
/** The shares into which the text is cut by position. */
export type TextSplit = Values<typeof textSplitSettings>
/** Settings of the training, which a checkpoint stores for a resumed run. */
export type TextTraining = Values<typeof textTrainingSettings>

/** Defaults of the network. */
export const networkDefaults = defaultsOf(textNetworkSettings)

/**
 * Returns the default peak learning rate for an optimizer and a network: found at 64, 128, 256 and 512 units. Small networks take larger
 * steps.
 */
export function defaultLearningRate(optimizer: Optimizer['kind'], { hidden }: Pick<TextNetwork, 'hidden'>): number {
  const adam = 1e-2 * (256 / hidden) ** (hidden > 256 ? 1.5 : 0.5)
  return { sgd: 1, rmsprop: adam / 4, adam, adamw: adam }[optimizer]
}
