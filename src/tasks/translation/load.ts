// A translator from its file: sentences in, translations out.

import type { CheckpointFile } from '../../io/checkpoint.js'
import type { SamplerSettings } from '../../generate/settings.js'
import type { Model } from '../../model.js'
import { loadModel, type LoadedModel, type LoadOptions } from '../runs/load.js'
import type { TranslationConfig } from './config.js'
import { createDecoding, type Decoding, type SentenceSearch } from './decode.js'
import { translationTask } from './model.js'
import { symbolsOfConfig, symbolText, type TranslationSymbols } from './symbols.js'

/** Settings of the draws of translations, those of a stream of tokens. */
export interface TranslationDraws extends Partial<SamplerSettings> {
  /** Number of the first sentence, from 0 on; default 0. With the seed it determines the draws, however many sentences come at once. */
  readonly first?: number
}

/** Options of translations. */
export interface TranslationOptions extends Omit<SentenceSearch, 'draws'> {
  /** Draws `best` translations, at least 1, instead of searching for them. */
  readonly draws?: TranslationDraws
}

/** A translation of a sentence. */
export interface Translation {
  readonly text: string
  /** Negative logarithm of its probability, in nats. */
  readonly nats: number
  /** The number by which translations are ordered: the logarithm of the probability, divided by the length penalty. */
  readonly score: number
  /** Whether it ends with the end token; false if it was cut off at twice the symbols of the source and ten more. */
  readonly ended: boolean
}

/** A translator of sentences. */
export interface Translator {
  readonly symbols: TranslationSymbols
  /**
   * Translates sentences, many at a time. Returns the best translations of each, the best one first; an empty text for a sentence without
   * characters. Throws ERR_ABORTED if the signal aborts.
   */
  translate(sentences: readonly string[], options: TranslationOptions): Promise<Translation[][]>
}

/** A translator that was loaded from a file. */
export interface LoadedTranslator extends LoadedModel<TranslationConfig>, Translator {}

/**
 * Loads a translator. Throws ERR_FILE_NOT_FOUND if the file does not exist, ERR_FILE_FORMAT if it is damaged, and ERR_WRONG_TASK if it is a model of
 * another task.
 */
export async function loadTranslator(
  source: string | CheckpointFile,
  options: LoadOptions = {}
): Promise<LoadedTranslator> {
  const loaded = await loadModel(translationTask, source, options, () => 1)
  return { ...loaded, ...translatorOf(loaded.model, loaded.config) }
}

/** Returns a translator that runs a model. */
export function translatorOf(model: Model, config: TranslationConfig): Translator {
  const symbols = symbolsOfConfig(config.vocabulary)
  const decoding = createDecoding(model, config, symbols)
  const { plain } = config.sentences
  return {
    symbols,
    async translate(sentences, options) {
      const texts = sentences.map((sentence) => symbolText(sentence, plain))
      const sources = texts.flatMap((text) => (text === null ? [] : [symbols.source.encode(text)]))
      const { draws, ...search } = options
      const found = await decoding(sources, { ...search, ...(draws && { draws: numbered(draws, texts) }) })
      return texts.map((text) => (text === null ? [EMPTY] : found.shift()!.map((one) => translationOf(one, symbols))))
    }
  }
}

/** Returns the draws of the sentences that are not empty, which have the numbers that they have among all of them. */
function numbered({ first = 0, ...settings }: TranslationDraws, texts: readonly (string | null)[]) {
  return { ...settings, numbers: texts.flatMap((text, i) => (text === null ? [] : [(first + i) % NUMBERS])) }
}

/** Numbers of sentences; those of longer texts begin again. */
const NUMBERS = 2 ** 24

const LINE_ENDS = /[\n\r\u2028\u2029]+/g

const EMPTY: Translation = { text: '', nats: 0, score: 0, ended: true }

type Found = Awaited<ReturnType<Decoding>>[number][number]

function translationOf({ tokens, logProbability, score, ended }: Found, { target }: TranslationSymbols): Translation {
  // The symbols have every byte, line ends too, but a sentence is one line.
  const text = target.decode(tokens, { skipSpecial: true }).replace(LINE_ENDS, ' ').trim()
  return { text, nats: 0 - logProbability, score, ended }
}
