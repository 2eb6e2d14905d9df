// What helps a reader besides the ink: a list of words, and a text model of our own. Tokens are the reader's labels: ids of
// its vocabulary plus one.

import type { Vocabulary } from '../../data/text/vocabulary.js'
import { GatecellError } from '../../errors.js'
import { combineScorers, lexiconScorer, streamScorer, type Scorer } from '../../generate/scorers.js'
import type { LoadedText } from '../text/index.js'

/** A lexicon as a scorer, and the words that it could not take. */
export interface Lexicon {
  readonly scorer: Scorer
  /** Words with a symbol that the vocabulary does not have. */
  readonly omitted: readonly string[]
}

/**
 * Allows only these words, with single spaces between them if the vocabulary has a space. An entry of several words, such as
 * "New York", allows each of its words. Blanks around words and empty entries are ignored. Throws ERR_UNKNOWN_SYMBOL if the
 * vocabulary can spell none of the words.
 */
export function lexicon(entries: readonly string[], vocabulary: Vocabulary): Lexicon {
  const words = new Set(entries.flatMap((entry) => entry.split(/\s+/u)).filter((word) => word !== ''))
  const omitted: string[] = []
  const spelled: Int32Array[] = []
  for (const word of words) {
    const labels = labelsOf(word, vocabulary)
    if (labels) spelled.push(labels)
    else omitted.push(word)
  }
  if (spelled.length === 0) {
    throw new GatecellError(
      'ERR_UNKNOWN_SYMBOL',
      `Expected a lexicon with words of the ${vocabulary.size} symbols that the model reads but received ${words.size} words and none of them is: check the file's language and encoding.`
    )
  }
  const space = labelsOf(' ', vocabulary)?.[0]
  return { scorer: lexiconScorer(spelled, space === undefined ? {} : { separator: space }), omitted }
}

function labelsOf(text: string, vocabulary: Vocabulary): Int32Array | null {
  try {
    return vocabulary.encode(text).map((id) => id + 1)
  } catch {
    return null
  }
}

/**
 * Rates readings by a text model, `weight` times its nats plus `insertion` for each symbol: as text between two breaks of
 * words or lines. Symbols that the text model does not have are never read. Throws ERR_UNKNOWN_SYMBOL if the two models share
 * no symbol but spaces.
 */
export function textScorer(
  text: LoadedText,
  vocabulary: Vocabulary,
  options: { weight: number; insertion: number }
): Scorer {
  const tokens = new Map<number, number>()
  for (let id = 0; id < vocabulary.size; id++) {
    const known = idOf(vocabulary.decode([id]), text.vocabulary)
    if (known !== null) tokens.set(id + 1, known)
  }
  const letters = [...tokens.keys()].filter((token) => vocabulary.decode([token - 1]).trim() !== '')
  if (letters.length === 0) {
    throw new GatecellError(
      'ERR_UNKNOWN_SYMBOL',
      `Expected a text model with symbols of the reader's ${vocabulary.size} but received one of ${text.vocabulary.size} without any of them: train it on text in the script that the reader reads.`
    )
  }
  const breaks = ['\n', ' '].flatMap((symbol) => idOf(symbol, text.vocabulary) ?? [])
  const stream = text.model.stream()
  stream.feed([breaks[0] ?? 0])
  const scorer = streamScorer(stream, { tokenOf: (token) => tokens.get(token) ?? -1, ends: breaks })
  return combineScorers([{ scorer, weight: options.weight }], options.insertion)
}

/** The id of a symbol; null where the vocabulary has none of its own for it. */
function idOf(symbol: string, vocabulary: Vocabulary): number | null {
  const [label, ...more] = labelsOf(symbol, vocabulary) ?? []
  return label === undefined || more.length > 0 || label - 1 === vocabulary.unknownId ? null : label - 1
}
