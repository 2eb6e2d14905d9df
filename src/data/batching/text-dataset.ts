// A text as batches: one call between a text with its vocabulary and createTrainer.

import { boolean, integer, object, optional, seed as seedOf, string } from '../../check/index.js'
import { expected, show } from '../../errors.js'
import { checkTokens, tokensOf, type Tokens } from '../text/tokens.js'
import { checkVocabulary } from '../text/check-vocabulary.js'
import type { Vocabulary } from '../text/vocabulary-types.js'
import type { EpochSource } from './source.js'
import { evaluationSource, tokenSource, type TokenNames } from './sources.js'
import { createBatches, createEvaluation } from './windows.js'

/** The options of `createTextDataset`. */
export interface TextDatasetOptions extends TokenNames {
  /** Number of streams into which the text is cut: rows of a batch, at least 1. */
  readonly batch: number
  /** Number of symbols of each stream in a batch, at least 1; gradients flow back as far. */
  readonly length: number
  /** Whether epoch follows epoch, for training. Default: true. false is one pass in which each symbol counts once, for validation. */
  readonly repeat?: boolean | undefined
  /** Seed of the places at which epochs begin, an integer in [0, 2^53). Default: 0. Only for training. */
  readonly seed?: number | undefined
  /** Whether each epoch but the first begins at another random place of the text. Default: true. Only for training. */
  readonly rotate?: boolean | undefined
  /**
   * Number of symbols that each stream but the first reads before its own part to warm up its state. Default: 0. Only without `repeat`; with
   * `batch: 1` the loss is exact without it.
   */
  readonly warmup?: number | undefined
}

const size = integer(1, 2 ** 31 - 1)
const readOptions = object<TextDatasetOptions>({
  batch: size,
  length: size,
  repeat: optional(boolean),
  seed: optional(seedOf),
  rotate: optional(boolean),
  warmup: optional(integer(0)),
  inputs: optional(string),
  targets: optional(string)
})

/**
 * Returns a text as batches of a model of its symbols, for `createTrainer` and `evaluate`. The text is cut into `batch` streams that run
 * next to each other, with the carried state of the model from batch to batch; the target of each symbol is the next one. `inputs` and
 * `targets` name the model's int32 tensors [length, batch]; default 'tokens' and 'targets'. The contents of a batch depend only on the seed
 * and the position, so that a resumed run continues with the very next batch. Texts larger than memory are the tokens of
 * `openCorpus`; ids of tokens need no vocabulary (null).
 * Throws ERR_INVALID_ARGUMENT for invalid values, ERR_UNKNOWN_SYMBOL if the vocabulary lacks a symbol, and ERR_CORPUS_EMPTY if the text is
 * shorter than one batch. Any vocabulary fits: of characters, bytes, words or byte pairs. Synchronous: about 5 ms of the calling thread for a
 * million characters, and several times as long for words and byte pairs; `openCorpus` encodes files without holding the event loop.
 *
 * @example
 * const data = createTextDataset('to be or not to be', vocabularyFromText('to be or not to be'), { batch: 2, length: 4 })
 */
export function createTextDataset(
  text: string | Tokens,
  vocabulary: Vocabulary,
  options: TextDatasetOptions
): EpochSource
export function createTextDataset(tokens: Tokens, vocabulary: null, options: TextDatasetOptions): EpochSource
export function createTextDataset(
  text: string | Tokens,
  vocabulary: Vocabulary | null,
  options: TextDatasetOptions
): EpochSource {
  const known = vocabulary === null && typeof text !== 'string' ? null : checkVocabulary(vocabulary, 'the vocabulary')
  const { batch, length, repeat = true, seed, rotate, warmup, ...names } = readOptions(options, optionsName)
  const without = repeat ? { warmup } : { seed, rotate }
  const useless = Object.entries(without).find(([, value]) => value !== undefined)
  if (useless) {
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `no ${useless[0]} in ${optionsName} ${repeat ? 'with' : 'without'} repeat`,
      show(useless[1]),
      'leave it out'
    )
  }
  const tokens = typeof text === 'string' ? tokensOf(known!.encode(text)) : checkTokens(text, 'the text')
  if (!repeat) return evaluationSource(createEvaluation(tokens, { batch, length, ...(warmup && { warmup }) }), names)
  const order = { ...(seed !== undefined && { seed }), ...(rotate !== undefined && { rotate }) }
  return tokenSource(createBatches(tokens, { batch, length, ...order }), names)
}

const optionsName = 'the options of createTextDataset'
