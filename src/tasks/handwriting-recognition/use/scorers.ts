// Scorers for readers of ink: a list of words, and a text model. Their tokens are the labels of the reader, ids of its vocabulary.

import { list, number, optional, options as optionsOf, string } from '../../../check/index.js'
import type { Vocabulary } from '../../../data/text/vocabulary.js'
import { counted, expected } from '../../../errors.js'
import { combineScorers, lexiconScorer, streamScorer, type Scorer } from '../../../generate/scorers.js'
import { checkLoadedText, type LoadedText } from '../../text/use/load.js'
import { readerVocabularies } from '../labels.js'

/** A lexicon as a scorer, and the words that it does not have. */
export interface Lexicon {
  readonly scorer: Scorer
  /** Words that were left out because they have a symbol that the vocabulary does not have. */
  readonly omitted: readonly string[]
}

/**
 * Returns a scorer that allows only these words, with single spaces between them if the vocabulary has a space. `vocabulary` is that of the
 * reader. An entry of several words, such as "New York", allows each of its words. White space around words and empty entries are ignored.
 * Throws ERR_UNKNOWN_SYMBOL if the vocabulary has the symbols of none of the words, ERR_INVALID_ARGUMENT for a vocabulary without the blank
 * and for entries that are not strings.
 *
 * @example
 * using reader = await loadReader('reader.safetensors')
 * const { scorer, omitted } = lexicon(['lv', 'zt', 'New York'], reader.vocabulary)
 * const ink = createInk([[[0, 0], [4, 10], [8, 0]], [[2, 4], [6, 4]]])
 * const [reading] = await reader.read(ink, { beam: 16, scorer })
 * console.log(reading?.text, omitted)
 */
export function lexicon(entries: readonly string[], readerVocabulary: Vocabulary): Lexicon {
  const vocabulary = readerVocabularies.checkVocabulary(readerVocabulary, 'the vocabulary')
  const given = list(string)(entries, 'the words')
  const words = new Set(given.flatMap((entry) => entry.split(/\s+/u)).filter((word) => word !== ''))
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

/** Options of `textScorer`. */
export interface TextScorerOptions {
  /** Factor of the nats of the text model, above 0 and at most 100; default 0.5. */
  weight?: number
  /** Nats that each symbol gets in addition, from -100 to 100; default 1. Without them short readings are preferred. */
  insertion?: number
}

const readOptions = optionsOf<TextScorerOptions>({
  weight: optional(number(Number.MIN_VALUE, 100)),
  insertion: optional(number(-100, 100))
})

/**
 * Returns a scorer that rates readings by a text model, as text between two ends of words or lines. `vocabulary` is that of the reader;
 * symbols that the text model does not have are never read. The text model must not be disposed of while the scorer is in use. Throws
 * ERR_UNSUPPORTED for a text model over words or byte pairs, whose symbols are longer than one of the reader, ERR_UNKNOWN_SYMBOL if the two models
 * have no symbol except white space in common, ERR_INVALID_ARGUMENT for a text model that `loadTextModel` did not return, a vocabulary without the
 * blank and invalid options.
 *
 * @example
 * using reader = await loadReader('reader.safetensors')
 * using text = await loadTextModel('shakespeare.safetensors')
 * const scorer = textScorer(text, reader.vocabulary, { weight: 0.5 })
 * const readings = await reader.read(createInk([[[0, 0], [4, 10], [8, 0]]]), { best: 3, scorer })
 */
export function textScorer(text: LoadedText, readerVocabulary: Vocabulary, options: TextScorerOptions = {}): Scorer {
  checkLoadedText(text, 'the text model')
  const vocabulary = readerVocabularies.checkVocabulary(readerVocabulary, 'the vocabulary')
  const { weight = 0.5, insertion = 1 } = readOptions(options, 'the options of textScorer')
  const { kind } = text.vocabulary
  if (kind === 'word' || kind === 'bpe') {
    throw expected(
      'ERR_UNSUPPORTED',
      'a text model over characters or bytes, which rates a text symbol by symbol,',
      kind === 'word' ? 'one over words' : 'one over byte pairs',
      'train one with the vocabulary character'
    )
  }
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
  return combineScorers([{ scorer, weight }], insertion)
}

/** Returns the id of a symbol; null if the vocabulary does not have one id for it. */
function idOf(symbol: string, vocabulary: Vocabulary): number | null {
  const [id, ...more] = labelsOf(symbol, vocabulary) ?? []
  return id === undefined || more.length > 0 || id === vocabulary.unknownId ? null : id
}
