// Scorers for readers of ink: a list of words, and a text model. Their tokens are the labels of the reader, ids of its vocabulary.

import type { Vocabulary } from '../../data/text/vocabulary.js'
import { counted, expected } from '../../errors.js'
import { combineScorers, lexiconScorer, streamScorer, type Scorer } from '../../generate/scorers.js'
import type { LoadedText } from '../text/index.js'
import { checkReaderVocabulary } from './labels.js'

/** A lexicon as a scorer, and the words that it does not have. */
export interface Lexicon {
  readonly scorer: Scorer
  /** Words that were left out because they have a symbol that the vocabulary does not have. */
  readonly omitted: readonly string[]
}

/**
 * Returns a scorer that allows only these words, with single spaces between them if the vocabulary has a space. `vocabulary` is that of the
 * reader. An entry of several words, such as "New York", allows each of its words. White space around words and empty entries are ignored.
 * Throws ERR_UNKNOWN_SYMBOL if the vocabulary has the symbols of none of the words, ERR_INVALID_ARGUMENT for a vocabulary without the blank.
 */
export function lexicon(entries: readonly string[], vocabulary: Vocabulary): Lexicon {
  checkReaderVocabulary(vocabulary, 'the vocabulary')
  const words = new Set(entries.flatMap((entry) => entry.split(/\s+/u)).filter((word) => word !== ''))
  const omitted: string[] = []
  const spelled: Int32Array[] = []
  for (const word of words) {
    const labels = labelsOf(word, vocabulary)
    if (labels) spelled.push(labels)
    else omitted.push(word)
  }
  if (spelled.length === 0) {
    throw expected(
      'ERR_UNKNOWN_SYMBOL',
      `a lexicon with words of the ${symbolCount(vocabulary)} symbols that the model reads`,
      `${counted(words.size, 'word')} with other symbols`,
      "check the file's language and encoding"
    )
  }
  const space = labelsOf(' ', vocabulary)?.[0]
  return { scorer: lexiconScorer(spelled, space === undefined ? {} : { separator: space }), omitted }
}

/** Returns the number of ids that stand for text. */
function symbolCount({ size, special }: Vocabulary): number {
  return size - special.length
}

/** Returns the ids of a text; null if the vocabulary does not have all of its symbols. */
function labelsOf(text: string, vocabulary: Vocabulary): Int32Array | null {
  try {
    return vocabulary.encode(text)
  } catch {
    return null
  }
}

/**
 * Returns a scorer that rates readings by a text model, as text between two ends of words or lines. The nats of the text model are multiplied
 * by `weight`, and each symbol gets `insertion` nats more. `vocabulary` is that of the reader; symbols that the text model does not have are
 * never read. Throws ERR_UNKNOWN_SYMBOL if the two models have no symbol except white space in common, ERR_INVALID_ARGUMENT for a vocabulary
 * without the blank.
 */
export function textScorer(
  text: LoadedText,
  vocabulary: Vocabulary,
  options: { weight: number; insertion: number }
): Scorer {
  checkReaderVocabulary(vocabulary, 'the vocabulary')
  const textOf = (label: number) => vocabulary.decode([label], { skipSpecial: true })
  const tokens = new Map<number, number>()
  for (let label = 0; label < vocabulary.size; label++) {
    const known = idOf(textOf(label), text.vocabulary)
    if (known !== null) tokens.set(label, known)
  }
  const letters = [...tokens.keys()].filter((label) => textOf(label).trim() !== '')
  if (letters.length === 0) {
    throw expected(
      'ERR_UNKNOWN_SYMBOL',
      `a text model with symbols of the reader's ${symbolCount(vocabulary)}`,
      `one of ${text.vocabulary.size} without any of them`,
      'train it on text in the script that the reader reads'
    )
  }
  const breaks = ['\n', ' '].flatMap((symbol) => idOf(symbol, text.vocabulary) ?? [])
  const stream = text.model.stream()
  stream.feed([breaks[0] ?? 0])
  const scorer = streamScorer(stream, { tokenOf: (token) => tokens.get(token) ?? -1, ends: breaks })
  return combineScorers([{ scorer, weight: options.weight }], options.insertion)
}

/** Returns the id of a symbol; null if the vocabulary does not have one id for it. */
function idOf(symbol: string, vocabulary: Vocabulary): number | null {
  const [id, ...more] = labelsOf(symbol, vocabulary) ?? []
  return id === undefined || more.length > 0 || id === vocabulary.unknownId ? null : id
}
