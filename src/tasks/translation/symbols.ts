// The symbols of sentences: byte pairs or words that are learned from the sentences to train on. A space is put before each sentence, so that its
// first word has the same symbols as anywhere else.

import { trainBpe } from '../../data/text/bpe-training.js'
import { createPace } from '../../data/files/pace.js'
import { vocabularyFromConfig, type Vocabulary } from '../../data/text/vocabulary.js'
import { vocabularyOfWords } from '../../data/text/word-vocabulary.js'
import { wordCounts, wordsOf } from '../../data/text/words.js'
import { plainSentence } from '../../data/pairs/pairs.js'
import { expected } from '../../errors.js'
import type { TranslationVocabularies } from './config.js'
import type { SymbolChoice } from './settings.js'

/** Number of sentences that are joined to one text for the training of byte pairs. */
const TEXT_SENTENCES = 1000

/** The vocabularies of both languages, which may be the same. */
export interface TranslationSymbols {
  readonly source: Vocabulary
  readonly target: Vocabulary
}

/** Ids of the special tokens of translations. */
export interface SentenceEnds {
  readonly begin: number
  readonly end: number
}

/** Returns the text that is encoded for a sentence: a space and the sentence, by `plainSentence` if `plain`; null if the sentence is empty. */
export function symbolText(text: string, plain: boolean): string | null {
  const own = plain ? plainSentence(text) : text.trim()
  return own === '' ? null : ` ${own}`
}

/** Default of the most symbols of a vocabulary of words. */
const MOST_WORDS = 16_000
/** A word that occurs once is unknown, and teaches the network which words it does not know. */
const LEAST_COUNT = 2

type Signal = AbortSignal | undefined
type Sentences = readonly string[]

/** Learns the words that occur in a list at least twice, so that a name in a pair is not known for its copy in the translation. */
async function learnWords(lists: readonly Sentences[], size: number, signal: Signal): Promise<Vocabulary> {
  const pace = createPace(signal)
  const known = new Map<string, number>()
  for (const sentences of lists) {
    const counts = wordCounts()
    for (const sentence of sentences) {
      counts.add(wordsOf(sentence, false, true))
      if (pace.due()) await pace.turn()
    }
    for (const [word, count] of counts.all) if (count >= LEAST_COUNT) known.set(word, (known.get(word) ?? 0) + count)
  }
  if (known.size === 0) {
    const what = 'a word that occurs twice in the sentences to train on'
    throw expected('ERR_CORPUS_EMPTY', what, 'none', 'give more pairs, or choose the vocabulary bpe')
  }
  return vocabularyOfWords(known, { size, spaces: true, special: ['unknown', 'begin', 'end'] })
}

async function learnBytePairs(lists: readonly Sentences[], size: number, signal: Signal): Promise<Vocabulary> {
  const sentences = lists.flat()
  const texts = function* () {
    for (let at = 0; at < sentences.length; at += TEXT_SENTENCES)
      yield sentences.slice(at, at + TEXT_SENTENCES).join('\n')
  }
  return await trainBpe(texts(), { size, special: ['begin', 'end'], ...(signal && { signal }) })
}

/** Returns the settings of symbols, with the default size of a vocabulary of words if none is given. */
export function settledSymbols(choice: SymbolChoice, given: Partial<SymbolChoice>): SymbolChoice {
  return choice.vocabulary === 'word' && given.size === undefined ? { ...choice, size: MOST_WORDS } : choice
}

/**
 * Makes the vocabularies of pairs whose texts `symbolText` returned. Throws the errors of `trainBpe`, and ERR_CORPUS_EMPTY and ERR_OUT_OF_RANGE
 * for too few and too many words.
 */
export async function learnSymbols(
  pairs: readonly { readonly source: string; readonly target: string }[],
  { size, separate, vocabulary = 'bpe' }: SymbolChoice,
  signal: Signal
): Promise<TranslationSymbols> {
  const learn = vocabulary === 'word' ? learnWords : learnBytePairs
  const sources = [...new Set(pairs.map(({ source }) => source))]
  const targets = [...new Set(pairs.map(({ target }) => target))]
  if (separate) return { source: await learn([sources], size, signal), target: await learn([targets], size, signal) }
  const both = await learn([sources, targets], size, signal)
  return { source: both, target: both }
}

/** Returns the vocabularies in a configuration. */
export function symbolsOfConfig({ source, target }: TranslationVocabularies): TranslationSymbols {
  const own = vocabularyFromConfig(target)
  return { target: own, source: source ? vocabularyFromConfig(source) : own }
}

/** Returns the ids with which translations begin and end. */
export function endsOf({ target }: TranslationSymbols): SentenceEnds {
  return { begin: target.idOf('begin'), end: target.idOf('end') }
}

/** Returns the text of each symbol of an encoded text; an unknown one has the text that it stands for. */
export function symbolTexts(vocabulary: Vocabulary, text: string, ids: Int32Array): string[] {
  const { config } = vocabulary
  if (config.kind === 'word') return wordsOf(text, config.lowerCase, config.spaces)
  return Array.from(ids, (id) => vocabulary.symbol(id))
}
