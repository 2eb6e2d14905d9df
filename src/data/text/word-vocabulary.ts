// Vocabularies of words, which words.ts cuts; white space only separates them. Decoded words are joined by one space, so a text does not
// come back exactly: use byte pairs where it must, or words with the spaces before them.

import { boolean, integer, numbers, optional, options as optionsOf, string, uint8Array } from '../../check/index.js'
import { expected, show } from '../../errors.js'
import { ownVocabulary } from './check-vocabulary.js'
import { refuseSurrogates } from './characters.js'
import {
  firstSpecials,
  refuseId,
  specialConfig,
  specialNames,
  specialText,
  specialTokens,
  type SpecialToken
} from './special-tokens.js'
import { byteCount, checkRoom, skipsSpecial, type Decoder, type Encoder, type Vocabulary } from './vocabulary-types.js'
import { wordCounts, wordReader, wordsOf } from './words.js'

/** Options of `wordVocabulary`. */
export interface WordVocabularyOptions {
  /** Whether words are taken in lower case; default false. */
  readonly lowerCase?: boolean
  /**
   * Whether a word has the space before it, so that a text of known words with single spaces comes back exactly: "a cat" has the words "a" and
   * " cat", and the first word of a text differs from the same word elsewhere. Default: false.
   */
  readonly spaces?: boolean
  /** Words that are rarer are unknown; default 1. */
  readonly minCount?: number
  /** Most ids, special tokens included; the rarest words are left out. Default: no limit. */
  readonly size?: number
  /** Special tokens, which have the first ids in this order; default: `['unknown']`. Without `unknown`, unknown words are errors. */
  readonly special?: readonly SpecialToken[]
}

const readOptions = optionsOf<WordVocabularyOptions>({
  lowerCase: optional(boolean),
  spaces: optional(boolean),
  minCount: optional(integer(1)),
  size: optional(integer(1, 2 ** 31 - 1)),
  special: optional(specialTokens)
})

const MAX_NAMED = 8

/**
 * Returns the vocabulary of the words of a text: special tokens, then words by their counts, the most frequent first, of equal ones in the
 * order of their code units. Throws ERR_CORPUS_EMPTY without words, ERR_INVALID_ARGUMENT if the options leave none.
 *
 * @example
 * const words = wordVocabulary('The cat saw the dog.', { lowerCase: true })
 * words.encode('the bird') // Int32Array [1, 0]: the, <unk>
 */
export function wordVocabulary(text: string, options: WordVocabularyOptions = {}): Vocabulary {
  refuseSurrogates(string(text, 'the text'))
  const given = readOptions(options, 'the options of the vocabulary')
  const { lowerCase = false, spaces = false } = given
  const counts = wordCounts(Infinity)
  counts.add(wordsOf(text, lowerCase, spaces))
  return vocabularyOfWords(counts.all, given)
}

/**
 * Returns the vocabulary of counted words, which `lowerCase` does not change. Throws ERR_CORPUS_EMPTY without words, ERR_INVALID_ARGUMENT if
 * the options leave none.
 */
export function vocabularyOfWords(counts: ReadonlyMap<string, number>, options: WordVocabularyOptions): Vocabulary {
  const { lowerCase = false, spaces = false, minCount = 1, size = Infinity, special = ['unknown'] } = options
  if (counts.size === 0) throw expected('ERR_CORPUS_EMPTY', 'text with a word in it', 'none', 'give more data')
  const kept = [...counts]
    .filter(([, count]) => count >= minCount)
    .sort(([a, first], [b, second]) => second - first || (a < b ? -1 : 1))
    .slice(0, Math.max(0, size - special.length))
    .map(([word]) => word)
  if (kept.length === 0) {
    const found = `a minimum count of ${minCount} and a size of ${size}`
    throw expected(
      'ERR_INVALID_ARGUMENT',
      'options that leave a word',
      found,
      'choose a smaller count or a larger size'
    )
  }
  return wordsVocabulary(kept, { lowerCase, spaces }, special)
}

/** Returns the vocabulary of a configuration. Calls `refuse` unless its words are words that differ. */
export function wordsFromConfig(
  config: Readonly<Record<string, unknown>>,
  special: readonly SpecialToken[],
  refuse: (what: string, found: unknown) => never
): Vocabulary {
  const { words, lowerCase, spaces = false } = config
  if (typeof lowerCase !== 'boolean') return refuse('true or false as lowerCase', lowerCase)
  if (typeof spaces !== 'boolean') return refuse('true or false as spaces', spaces)
  if (!Array.isArray(words) || words.length === 0) return refuse('a list of words', words)
  for (const word of words as unknown[]) {
    const found = typeof word === 'string' ? wordsOf(word, lowerCase, spaces) : []
    if (found.length !== 1 || found[0] !== word) return refuse('words', word)
  }
  if (new Set(words).size < words.length) return refuse('words that differ', words)
  return wordsVocabulary(words as string[], { lowerCase, spaces }, special)
}

/** How words are cut. */
type Cut = Required<Pick<WordVocabularyOptions, 'lowerCase' | 'spaces'>>

function wordsVocabulary(words: readonly string[], cut: Cut, special: readonly SpecialToken[]): Vocabulary {
  const { lowerCase, spaces } = cut
  const first = special.length
  const size = first + words.length
  const table = firstSpecials(special)
  const ids = new Map(words.map((word, index) => [word, first + index]))
  const idsOf = (
    list: readonly string[],
    remedy = 'leave them out, or make the vocabulary with the special token unknown'
  ): Int32Array => {
    const missing = new Set<string>()
    const found = Int32Array.from(list, (word) => {
      const id = ids.get(word) ?? table.unknownId
      if (id < 0) missing.add(word)
      return id
    })
    if (missing.size === 0) return found
    const named = [...missing].slice(0, MAX_NAMED).map(show).join(', ')
    const more = missing.size > MAX_NAMED ? ` and ${missing.size - MAX_NAMED} more` : ''
    throw expected('ERR_UNKNOWN_SYMBOL', `only the ${words.length} words of the vocabulary`, `${named}${more}`, remedy)
  }
  const textOf = (id: number, skip: boolean): string => {
    const token = table.at(id)
    if (token !== undefined) return specialText(token, skip)
    return (typeof id === 'number' ? words[id - first] : undefined) ?? refuseId(id, size)
  }
  const decoder = (skip: boolean): Decoder => {
    let started = false
    return {
      write(id) {
        const text = textOf(id, skip)
        const space = !spaces && started && text !== '' ? ' ' : ''
        started ||= text !== ''
        return space + text
      },
      end: () => ''
    }
  }
  return ownVocabulary({
    kind: 'word',
    size,
    unknownId: table.unknownId,
    special: table.tokens,
    config: { kind: 'word', words, lowerCase, ...(spaces && { spaces }), ...specialConfig(special) },
    idOf: table.idOf,
    encode(text, remedy) {
      refuseSurrogates(string(text, 'the text'))
      return idsOf(wordsOf(text, lowerCase, spaces), optional(string)(remedy, 'the remedy'))
    },
    decode: (list, options) => Array.from(numbers(list, 'the ids'), decoder(skipsSpecial(options)).write).join(''),
    symbol(id) {
      const token = table.at(id)
      return token === undefined ? textOf(id, false) : specialNames[token]
    },
    decoder: (options) => decoder(skipsSpecial(options)),
    encoder: () => pieceEncoder(idsOf, cut)
  })
}

function pieceEncoder(idsOf: (words: readonly string[]) => Int32Array, { lowerCase, spaces }: Cut): Encoder {
  const reader = wordReader(lowerCase, spaces)
  const put = (words: readonly string[], into: Int32Array): number => {
    const ids = idsOf(words)
    into.set(ids)
    return ids.length
  }
  return {
    room: (bytes) => reader.room(byteCount(bytes, 'the number of bytes')),
    write(bytes, into) {
      checkRoom(into, reader.room(uint8Array(bytes, 'the bytes').length))
      return put(reader.write(bytes), into)
    },
    end(into = new Int32Array(reader.room(0))) {
      checkRoom(into, reader.room(0))
      return put(reader.end(), into)
    }
  }
}
