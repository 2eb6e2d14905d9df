// The measure of a translator: BLEU and chrF of its translations, of each different source against all of its references, and pair by pair.

import { callback, list, open, optional, options as optionsOf, signal as signalOf, string } from '../../check/index.js'
import { groupBySource, type SentencePair } from '../../data/pairs/pairs.js'
import { bleu, type Bleu } from '../../metrics/translation/bleu.js'
import { chrf, type Chrf } from '../../metrics/translation/chrf.js'
import type { BleuTokenizer } from '../../metrics/translation/tokenizers.js'
import { givenFields } from '../../settings/index.js'
import { checkTranslator, type Translator } from './load.js'
import { translationEvaluationSettings } from './use-settings.js'

/** Options of `measureTranslator`. */
export interface MeasureTranslatorOptions {
  /** Width of the beam search, from 1 to 128; default 5. */
  readonly beam?: number
  /** Exponent of the length penalty, from 0 to 10; default 1. */
  readonly lengthPenalty?: number
  /** Factor of the coverage penalty, from 0 to 100; default 0. */
  readonly coveragePenalty?: number
  /** Most nats by which a followed hypothesis is below the best one of its length, from 0 to 1e6; default 3 (see `BeamOptions`). */
  readonly prune?: number
  /** Most different sources that are translated, from 1 on; default: all. */
  readonly most?: number
  /** Tokeniser of BLEU, see sacreBLEU; default '13a'. */
  readonly tokenizer?: BleuTokenizer
  readonly signal?: AbortSignal | undefined
  /** Called with the finished share, 0 to 1. */
  readonly onProgress?: (done: number) => void
}

/** The measure of a translator. */
export interface TranslationMeasure {
  /** Number of different sources. */
  readonly sources: number
  /** Number of pairs: each source once for each of its references. */
  readonly pairs: number
  /** BLEU of the translation of each different source against all of its references. */
  readonly bleu: Bleu
  /** chrF2 of the same. */
  readonly chrf: Chrf
  /** BLEU of each pair by itself, against one reference. */
  readonly bleuByPair: Bleu
  /** Share of the translations that are equal to a reference, 0 to 1. */
  readonly exact: number
  /** Number of translations that were cut off before their end. */
  readonly unfinished: number
  readonly seconds: number
  /** The translations in the order of the sources. */
  readonly translations: readonly { readonly source: string; readonly text: string }[]
}

/** Sources that are translated between two reports of progress. */
const PIECE = 512

const { beam, lengthPenalty, coveragePenalty, prune, most, tokenizer } = translationEvaluationSettings
const readOptions = optionsOf<MeasureTranslatorOptions>({
  ...givenFields({ beam, lengthPenalty, coveragePenalty, prune, most, tokenizer }),
  signal: optional(signalOf),
  onProgress: optional(callback())
})
const readPairs = list(open<MeasuredPair>({ source: string, target: string }), 1)

/** A sentence and one of its translations, the reference. */
export type MeasuredPair = Pick<SentencePair, 'source' | 'target'>

/**
 * Measures a translator on at least one pair: translates each different source and compares the translation with all of its references. Throws
 * ERR_INVALID_ARGUMENT for invalid arguments, what `translate` throws, ERR_ABORTED soon after `signal` aborts, and the errors of `onProgress`.
 *
 * @example
 * using translator = await loadTranslator('french.safetensors')
 * const { bleu, chrf } = await measureTranslator(translator, await readPairs(['pairs.tsv']), { beam: 1 })
 * console.log(bleu.score, bleu.signature, chrf.score)
 */
export async function measureTranslator(
  translator: Translator,
  pairs: readonly MeasuredPair[],
  options: MeasureTranslatorOptions = {}
): Promise<TranslationMeasure> {
  checkTranslator(translator, 'the translator')
  const { tokenizer = '13a', most = Infinity, onProgress, ...search } = readOptions(options, 'the options')
  const begin = performance.now()
  const groups = groupBySource(readPairs(pairs, 'the pairs')).slice(0, most)
  const texts: string[] = []
  let unfinished = 0
  for (let at = 0; at < groups.length; at += PIECE) {
    const own = groups.slice(at, at + PIECE).map(({ source }) => source)
    const found = await translator.translate(own, search)
    for (const [best] of found) {
      texts.push(best!.text)
      if (!best!.ended) unfinished++
    }
    onProgress?.(texts.length / groups.length)
  }
  const references = groups.map(({ targets }) => targets)
  const single = groups.flatMap(({ targets }, i) => targets.map((target) => ({ text: texts[i]!, target })))
  return {
    sources: groups.length,
    pairs: single.length,
    bleu: bleu(texts, references, { tokenizer }),
    chrf: chrf(texts, references),
    bleuByPair: bleu(single.map(({ text }) => text), single.map(({ target }) => [target]), { tokenizer }), // prettier-ignore
    exact: texts.filter((text, i) => references[i]!.includes(text)).length / texts.length,
    unfinished,
    seconds: (performance.now() - begin) / 1000,
    translations: groups.map(({ source }, i) => ({ source, text: texts[i]! }))
  }
}
