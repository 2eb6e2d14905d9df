// Vocabularies of words. A word is a run of letters, marks, digits and underscores of any script, with apostrophes inside ("don't" is one
// word); every other character that is not white space is a word of its own; white space only separates. Decoded words are joined by one
// space, so a text does not come back exactly: use byte pairs where it must.

import { boolean, integer, numbers, optional, options as optionsOf, string, uint8Array } from '../../check/index.js'
import { expected, show } from '../../errors.js'
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
import { utf8Reader } from './utf8.js'
import { byteCount, checkRoom, skipsSpecial, type Decoder, type Encoder, type Vocabulary } from './vocabulary-types.js'

/** Options of `wordVocabulary`. */
export interface WordVocabularyOptions {
  /** Whether words are taken in lower case; default false. */
  readonly lowerCase?: boolean
  /** Words that are rarer are unknown; default 1. */
  readonly minCount?: number
  /** Most ids, special tokens included; the rarest words are left out. Default: no limit. */
  readonly size?: number
  /** Special tokens, which have the first ids in this order; default: `['unknown']`. Without `unknown`, unknown words are errors. */
  readonly special?: readonly SpecialToken[]
}

const readOptions = optionsOf<WordVocabularyOptions>({
  lowerCase: optional(boolean),
  minCount: optional(integer(1)),
  size: optional(integer(1, 2 ** 31 - 1)),
  special: optional(specialTokens)
})

const WORD = /[\p{L}\p{M}\p{N}_]+(?:['’][\p{L}\p{M}\p{N}_]+)*|[^\s\p{L}\p{M}\p{N}_]/gu
const MAX_NAMED = 8

const wordsOf = (text: string, lowerCase: boolean): string[] =>
  (lowerCase ? text.toLowerCase() : text).match(WORD) ?? []

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
  const { lowerCase = false, minCount = 1, size = Infinity, special = ['unknown'] } = given
  const counts = new Map<string, number>()
  for (const word of wordsOf(text, lowerCase)) counts.set(word, (counts.get(word) ?? 0) + 1)
  if (counts.size === 0) throw expected('ERR_CORPUS_EMPTY', 'text to make a vocabulary of', 'none', 'give more data')
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
  return wordsVocabulary(kept, lowerCase, special)
}

/** Returns the vocabulary of a configuration. Calls `refuse` unless its words are words that differ. */
export function wordsFromConfig(
  config: Readonly<Record<string, unknown>>,
  special: readonly SpecialToken[],
  refuse: (what: string, found: unknown) => never
): Vocabulary {
  const { words, lowerCase } = config
  if (typeof lowerCase !== 'boolean') return refuse('true or false as lowerCase', lowerCase)
  if (!Array.isArray(words) || words.length === 0) return refuse('a list of words', words)
  for (const word of words as unknown[]) {
    const found = typeof word === 'string' ? wordsOf(word, lowerCase) : []
    if (found.length !== 1 || found[0] !== word) return refuse('words', word)
  }
  if (new Set(words).size < words.length) return refuse('words that differ', words)
  return wordsVocabulary(words as string[], lowerCase, special)
}

function wordsVocabulary(words: readonly string[], lowerCase: boolean, special: readonly SpecialToken[]): Vocabulary {
  const first = special.length
  const size = first + words.length
  const table = firstSpecials(special)
  const ids = new Map(words.map((word, index) => [word, first + index]))
  const encode = (text: string, remedy = 'leave them out, or make the vocabulary with the special token unknown') => {
    const missing = new Set<string>()
    const found = wordsOf(text, lowerCase).map((word) => {
      const id = ids.get(word) ?? table.unknownId
      if (id < 0) missing.add(word)
      return id
    })
    if (missing.size === 0) return Int32Array.from(found)
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
        const space = started && text !== '' ? ' ' : ''
        started ||= text !== ''
        return space + text
      },
      end: () => ''
    }
  }
  return {
    kind: 'word',
    size,
    unknownId: table.unknownId,
    special: table.tokens,
    config: { kind: 'word', words, lowerCase, ...specialConfig(special) },
    idOf: table.idOf,
    encode(text, remedy) {
      refuseSurrogates(string(text, 'the text'))
      return encode(text, optional(string)(remedy, 'the remedy'))
    },
    decode: (list, options) => Array.from(numbers(list, 'the ids'), decoder(skipsSpecial(options)).write).join(''),
    symbol(id) {
      const token = table.at(id)
      return token === undefined ? textOf(id, false) : specialNames[token]
    },
    decoder: (options) => decoder(skipsSpecial(options)),
    encoder: () => pieceEncoder(encode)
  }
}

/** Returns the place of the last white space, -1 if there is none. */
function lastSpace(text: string): number {
  let at = text.length - 1
  while (at >= 0 && !/\s/u.test(text[at]!)) at--
  return at
}

/** Returns an encoder that holds back the text after the last white space, whose last word may go further. */
function pieceEncoder(encode: (text: string) => Int32Array): Encoder {
  const reader = utf8Reader()
  let held = ''
  // The reader holds at most three bytes of one character.
  const room = (bytes: number): number => held.length + bytes + 1
  const put = (ids: Int32Array, into: Int32Array): number => {
    into.set(ids)
    return ids.length
  }
  return {
    room: (bytes) => room(byteCount(bytes, 'the number of bytes')),
    write(bytes, into) {
      checkRoom(into, room(uint8Array(bytes, 'the bytes').length))
      const codePoints = new Int32Array(bytes.length)
      let text = held
      const count = reader.write(bytes, codePoints)
      for (let at = 0; at < count; at++) text += String.fromCodePoint(codePoints[at]!)
      const end = lastSpace(text)
      const ids = encode(end < 0 ? '' : text.slice(0, end))
      held = end < 0 ? text : text.slice(end)
      return put(ids, into)
    },
    end(into = new Int32Array(room(0))) {
      checkRoom(into, room(0))
      reader.end()
      const ids = encode(held)
      held = ''
      return put(ids, into)
    }
  }
}
