// Vocabularies of Unicode code points, in the order of their numbers. A symbol outside of the vocabulary is an error that names it,
// unless the vocabulary has `<unk>`. Nothing is dropped or replaced in silence.

import { int32Array, integer, mapOf, numbers, optional, options as optionsOf, string } from '../../check/index.js'
import { expected, type GatecellError } from '../../errors.js'
import { ownVocabulary } from './check-vocabulary.js'
import { codePointsOf, describeCodePoint, refuseSurrogates } from './characters.js'
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
import { byteCount, checkByteRoom, skipsSpecial, type Vocabulary } from './vocabulary-types.js'

/** Options of vocabularies that are made from counts. */
export interface CharacterVocabularyOptions {
  /** Symbols that are rarer are unknown: they share the id of `<unk>`. 1, the default, keeps all. */
  readonly minCount?: number
  /**
   * Special tokens, which have the first ids in this order; default: none. `unknown` may be one of them; without it, a minimum count
   * above 1 makes `<unk>` the last id.
   */
  readonly special?: readonly SpecialToken[]
}

const MAX_NAMED = 8
const TEXT_REMEDY = 'leave them out, or train with data that has them or with a minimum count'

const readOptions = optionsOf<CharacterVocabularyOptions>({
  minCount: optional(integer(1)),
  special: optional(specialTokens)
})
const codePointOf = integer(0, 0x10ffff)
const countOf = integer(0)

function unknownSymbols(found: ReadonlySet<number>, size: number, remedy: string): GatecellError {
  const named = [...found].slice(0, MAX_NAMED).map(describeCodePoint).join(', ')
  const more = found.size > MAX_NAMED ? ` and ${found.size - MAX_NAMED} more` : ''
  return expected('ERR_UNKNOWN_SYMBOL', `only the ${size} symbols of the vocabulary`, `${named}${more}`, remedy)
}

/**
 * Returns the vocabulary of the code points that were counted: special tokens, then code points in increasing order, then `<unk>` if a
 * minimum count makes it. Throws ERR_CORPUS_EMPTY without counts, ERR_INVALID_ARGUMENT for a minimum count that leaves nothing.
 *
 * @example
 * characterVocabulary(new Map([[97, 5], [98, 1]]), { minCount: 2 }).size // 2: a and <unk>
 */
export function characterVocabulary(
  counts: ReadonlyMap<number, number>,
  options: CharacterVocabularyOptions = {}
): Vocabulary {
  const { minCount = 1, special = [] } = readOptions(options, 'the options of the vocabulary')
  // Read into an array once, so that a Map whose methods were overridden cannot give other values the second time.
  const counted = [...mapOf<unknown, unknown>()(counts, 'the counts')].map(
    ([codePoint, count]) => [codePointOf(codePoint, 'a code point'), countOf(count, 'a count')] as const
  )
  if (counted.length === 0) throw expected('ERR_CORPUS_EMPTY', 'text to make a vocabulary of', 'none', 'give more data')
  const kept = counted.filter(([, count]) => count >= minCount).map(([codePoint]) => codePoint)
  if (kept.length === 0) {
    throw expected(
      'ERR_INVALID_ARGUMENT',
      'a minimum count that some symbol reaches',
      `${minCount}`,
      'choose a smaller one'
    )
  }
  return charactersOf(Int32Array.from(kept).sort(), minCount > 1 && !special.includes('unknown'), special)
}

/**
 * Counts the code points of a text and returns their vocabulary, as `characterVocabulary` does.
 *
 * @example
 * const letters = vocabularyFromText('hello', { special: ['blank'] })
 * letters.idOf('blank') // 0
 * letters.encode('hell') // Int32Array [2, 1, 3, 3]
 */
export function vocabularyFromText(text: string, options: CharacterVocabularyOptions = {}): Vocabulary {
  string(text, 'the text')
  const counts = new Map<number, number>()
  for (const codePoint of codePointsOf(text)) counts.set(codePoint, (counts.get(codePoint) ?? 0) + 1)
  refuseSurrogates(text)
  return characterVocabulary(counts, options)
}

/** Returns a function that replaces the first `length` code points of a buffer by ids, in place. */
function translator(codePoints: Int32Array, first: number, unknownId: number, size: number) {
  const ids = new Int32Array(codePoints[codePoints.length - 1]! + 1).fill(unknownId)
  codePoints.forEach((codePoint, index) => (ids[codePoint] = first + index))
  return (buffer: Int32Array, length: number, remedy = TEXT_REMEDY): void => {
    let missing: Set<number> | undefined
    for (let at = 0; at < length; at++) {
      const codePoint = buffer[at]!
      const id = codePoint < ids.length ? ids[codePoint]! : unknownId
      if (id < 0) (missing ??= new Set()).add(codePoint)
      else buffer[at] = id
    }
    if (missing !== undefined) throw unknownSymbols(missing, size, remedy)
  }
}

/** Returns the vocabulary of code points in increasing order. `unknown`: the last id is `<unk>`. */
export function charactersOf(codePoints: Int32Array, unknown: boolean, special: readonly SpecialToken[]): Vocabulary {
  const first = special.length
  const size = first + codePoints.length + (unknown ? 1 : 0)
  const table = firstSpecials(special, unknown ? size - 1 : -1)
  const texts = Array.from(codePoints, (codePoint) => String.fromCodePoint(codePoint))
  const translate = translator(codePoints, first, table.unknownId, size)
  const textOf = (skip: boolean) => (id: number) => {
    const token = table.at(id)
    if (token !== undefined) return specialText(token, skip)
    return (typeof id === 'number' ? texts[id - first] : undefined) ?? refuseId(id, size)
  }
  const shown = textOf(false)
  return ownVocabulary({
    kind: 'character',
    size,
    unknownId: table.unknownId,
    special: table.tokens,
    config: { kind: 'character', symbols: texts.join(''), unknown, ...specialConfig(special) },
    idOf: table.idOf,
    encode(text, remedy) {
      string(text, 'the text')
      optional(string)(remedy, 'the remedy')
      const buffer = codePointsOf(text)
      translate(buffer, buffer.length, remedy)
      return buffer
    },
    decode: (ids, options) => Array.from(numbers(ids, 'the ids'), textOf(skipsSpecial(options))).join(''),
    symbol(id) {
      const token = table.at(id)
      return token === undefined ? shown(id) : specialNames[token]
    },
    decoder: (options) => ({ write: textOf(skipsSpecial(options)), end: () => '' }),
    encoder() {
      const reader = utf8Reader()
      return {
        room: (bytes) => byteCount(bytes, 'the number of bytes'),
        write(bytes, into) {
          checkByteRoom(bytes, into)
          const length = reader.write(bytes, into)
          translate(into, length)
          return length
        },
        end(into) {
          optional(int32Array())(into, 'into')
          reader.end()
          return 0
        }
      }
    }
  })
}
