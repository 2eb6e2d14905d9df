// A translator from its file: sentences in, translations out.

import {
  integer,
  invalid,
  list,
  made,
  optional,
  options as optionsOf,
  signal as signalOf,
  string
} from '../../check/index.js'
import { counted, expected, show } from '../../errors.js'
import type { CheckpointFile } from '../../io/checkpoint.js'
import type { Model } from '../../model.js'
import { givenFields, withDefaults } from '../../settings/index.js'
import { loadModel, type LoadedModel, type LoadOptions } from '../runs/load.js'
import { checkDraws, numberedDraws, type SequenceDraws, type TextDraws } from '../search.js'
import { attentionWeights, hasAttention } from './attention.js'
import type { TranslationConfig } from './config.js'
import { createDecoding, type Decoding } from './decode.js'
import { translationTask } from './model.js'
import { MOST_SYMBOLS } from './settings.js'
import { endsOf, symbolTexts, symbolsOfConfig, symbolText, type TranslationSymbols } from './symbols.js'
import { textsOf } from './texts.js'
import { searchSettings } from './use-settings.js'

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

/** Options of `Translator.translate`. */
export interface TranslateOptions {
  /** Width of the beam search, from 1 to 128; default 5. 1 is greedy. */
  beam?: number
  /** Most translations of a sentence, from 1 to 128, at most `beam`; default 1. */
  best?: number
  /** Exponent of the length penalty (Wu et al. 2016), from 0 to 10; default 1. A larger one prefers longer translations; 0 has no effect. */
  lengthPenalty?: number
  /** Factor of the coverage penalty (Wu et al. 2016), from 0 to 100; default 0. It has no effect without attention. */
  coveragePenalty?: number
  /** Most nats by which a followed hypothesis is below the best one of its length, from 0 to 1e6; default 3 (see `BeamOptions`). */
  prune?: number
  /** Most symbols of a translation, from 1 to 16,384; default: twice those of the source and ten more. */
  longest?: number
  /** Draws `best` translations instead of searching for them. Default: a search. */
  draws?: TextDraws
  signal?: AbortSignal | undefined
}

/** Where a translator looks while it writes a translation. */
export interface TranslationAttention {
  /** The symbols of the source, [S]; a symbol that begins a word has the space before it. */
  readonly source: readonly string[]
  /** The symbols of the translation and the name of the end token, [T]. */
  readonly target: readonly string[]
  /** For each symbol of the translation the weights of the symbols of the source, [T] rows of [S], each with the sum 1. */
  readonly weights: readonly Float32Array[]
}

/** Options of `Translator.attention`. */
export interface AttentionOfOptions extends Omit<TranslateOptions, 'best' | 'draws'> {
  /** A translation of the sentence; default: the one that `translate` finds. */
  translation?: string
}

/** A translator of sentences. */
export interface Translator {
  /** The vocabularies of both languages. */
  readonly symbols: TranslationSymbols
  /**
   * Translates sentences, many at a time, on the engine's thread. Returns the best translations of each, the best one first; an empty text for a
   * sentence without characters. Throws ERR_INVALID_ARGUMENT for invalid arguments, ERR_OUT_OF_RANGE for a sentence of more than 4,096 symbols, and
   * ERR_ABORTED soon after `signal` aborts.
   */
  translate(sentences: readonly string[], options?: TranslateOptions): Promise<Translation[][]>
  /**
   * Returns the weights of the attention while a translation of a sentence is read. `attentionSvg` of gatecell/plot draws them. Throws
   * ERR_UNSUPPORTED for a translator without attention, ERR_INVALID_ARGUMENT for a sentence without characters, and what `translate` throws.
   */
  attention(sentence: string, options?: AttentionOfOptions): Promise<TranslationAttention>
}

/** A translator that was loaded from a file. */
export interface LoadedTranslator extends LoadedModel<TranslationConfig>, Translator {}

/**
 * Loads a translator. Throws ERR_FILE_NOT_FOUND if the file does not exist, ERR_FILE_FORMAT if it is damaged, and ERR_WRONG_TASK if it is a model of
 * another task.
 *
 * @example
 * using translator = await loadTranslator('french.safetensors')
 * const [first, second] = await translator.translate(['Where is the station?', 'Thank you.'])
 * console.log(first[0].text, second[0].text)
 * const [others] = await translator.translate(['Thank you.'], { beam: 8, best: 3 })
 * for (const { text, nats } of others) console.log(nats.toFixed(2), text)
 */
export async function loadTranslator(
  source: string | CheckpointFile,
  options: LoadOptions = {}
): Promise<LoadedTranslator> {
  const loaded = await loadModel(translationTask, source, options, () => 1)
  const translator = { ...loaded, ...translatorOf(loaded.model, loaded.config) }
  translators.add(translator)
  return translator
}

const translators = new WeakSet<Translator>()

/** Checks that a value is a translator that `loadTranslator` or `translatorOf` returned. */
export const checkTranslator = made<Translator>('a translator that loadTranslator returned', translators)

const readSentences = list(string)
const MOST_TRANSLATED = 2 ** 14
const { best: bestOf, ...oneSearch } = givenFields(searchSettings)
const searchFields = { ...oneSearch, longest: optional(integer(1, MOST_TRANSLATED)), signal: optional(signalOf) }
const readOptions = optionsOf<TranslateOptions>({
  ...searchFields,
  best: bestOf,
  draws: optional(checkDraws)
})
const readAttention = optionsOf<AttentionOfOptions>({
  ...searchFields,
  translation: optional(string)
})

/** A sentence as it is encoded. */
interface Encoded {
  readonly text: string
  readonly ids: Int32Array
}

/** Returns a translator that runs a model. */
export function translatorOf(model: Model, config: TranslationConfig): Translator {
  const symbols = symbolsOfConfig(config.vocabulary)
  const decoding = createDecoding(model, config, symbols)
  const encode = (sentence: string, vocabulary = symbols.source): Encoded | null => {
    const text = symbolText(sentence, config.sentences.plain)
    return text === null ? null : { text, ids: checkLength(vocabulary.encode(text), text) }
  }
  const search = async (sources: readonly Encoded[], options: TranslateOptions, draws?: SequenceDraws) => {
    const { signal, longest, draws: _, ...given } = options
    const own = { ...(longest !== undefined && { longest }), ...(draws && { draws }) }
    return await decoding(
      sources.map(({ ids }) => ids),
      { ...withDefaults(searchSettings, given), ...own, signal }
    )
  }
  const translator: Translator = {
    symbols,
    async translate(sentences, options) {
      const given = readOptions(options, 'the options of translate')
      const encoded = readSentences(sentences, 'the sentences').map((sentence) => encode(sentence))
      const sources = encoded.filter((one) => one !== null)
      // An empty sentence has a number, so that the draws of those after it do not depend on whether it is left out.
      const places = encoded.flatMap((one, i) => (one === null ? [] : [i]))
      const found = await search(sources, given, given.draws && numberedDraws(given.draws, places))
      const all = found.flatMap((own, i) =>
        own.map(({ tokens }) => ({ text: sources[i]!.text, source: sources[i]!.ids, tokens }))
      )
      const texts = await textsOf({ model, config, symbols }, all, given.signal)
      const translations = found.map((own) => own.map((one) => translationOf(one, texts.shift()!)))
      return encoded.map((one) => (one === null ? [EMPTY] : translations.shift()!))
    },
    async attention(sentence, options) {
      const { translation, ...given } = readAttention(options, 'the options of attention')
      if (!hasAttention(config)) throw withoutAttention()
      const source = encode(string(sentence, 'the sentence')) ?? refuseEmpty()
      const target =
        translation === undefined
          ? Int32Array.from((await search([source], given))[0]![0]!.tokens)
          : (encode(translation, symbols.target)?.ids ?? new Int32Array(0))
      const [weights] = await attentionWeights(model, [{ source: source.ids, target }], endsOf(symbols), given.signal)
      const { end } = endsOf(symbols)
      return {
        source: symbolTexts(symbols.source, source.text, source.ids),
        target: Array.from([...target, end], (id) => symbols.target.symbol(id)),
        weights: weights!
      }
    }
  }
  translators.add(translator)
  return translator
}

function checkLength(ids: Int32Array, text: string, place = ''): Int32Array {
  if (ids.length <= MOST_SYMBOLS) return ids
  const found = `${counted(ids.length, 'symbol')} of ${show(text.trim())}`
  throw expected('ERR_OUT_OF_RANGE', `a sentence of at most ${MOST_SYMBOLS} symbols${place}`, found, 'divide it')
}

/** Throws ERR_OUT_OF_RANGE, with its place, for a sentence that `translate` refuses because it is too long. */
export function checkSentence(
  { config, symbols }: Pick<LoadedTranslator, 'config' | 'symbols'>,
  sentence: string,
  place: string
): void {
  const text = symbolText(sentence, config.sentences.plain)
  if (text !== null) checkLength(symbols.source.encode(text), text, ` at ${place}`)
}

function refuseEmpty(): never {
  throw invalid('a text with characters', 'the sentence', '')
}

function withoutAttention(): Error {
  const what = 'a translator with attention'
  return expected('ERR_UNSUPPORTED', what, 'one without it', 'train one with another attention than none')
}

const EMPTY: Translation = { text: '', nats: 0, score: 0, ended: true }

type Found = Awaited<ReturnType<Decoding>>[number][number]

function translationOf({ logProbability, score, ended }: Found, text: string): Translation {
  return { text, nats: 0 - logProbability, score, ended }
}
