// What helps a reader besides the ink: a list of words, and a text model of our own. Tokens are the reader's labels: ids of
// its vocabulary plus one.

import type { Vocabulary } from '../../../data/vocabulary.js'
import { GatecellError } from '../../../errors.js'
import { combineScorers, lexiconScorer, streamScorer, type Scorer } from '../../../sample/scorers.js'
import type { LoadedText } from '../../text/index.js'

/**
 * Allows only these words, with single spaces between them where the vocabulary has one. Words that the vocabulary cannot
 * spell are left out; ERR_UNKNOWN_SYMBOL if none is left.
 */
export function lexicon(words: readonly string[], vocabulary: Vocabulary): Scorer {
  const spelled = words.flatMap((word) => {
    const labels = labelsOf(word, vocabulary)
    return labels && word !== '' && !word.includes(' ') ? [labels] : []
  })
  if (spelled.length === 0) {
    throw new GatecellError(
      'ERR_UNKNOWN_SYMBOL',
      `Expected a lexicon with words of the ${vocabulary.size} symbols that the model reads but none of ${words.length} is.`
    )
  }
  const space = labelsOf(' ', vocabulary)?.[0]
  return lexiconScorer(spelled, space === undefined ? {} : { separator: space })
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
 * words or lines. Symbols that the text model does not know are not read.
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
