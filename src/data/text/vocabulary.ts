// Vocabularies of single symbols: Unicode code points (of one corpus, in the order of their numbers) or the 256 bytes.
// A symbol outside the vocabulary is an error that names it, unless the vocabulary was made with a minimum count: then
// rarer symbols, and unknown ones, share the id <unk>. Nothing is dropped or replaced in silence.

import {
  anything,
  choice,
  int32Array,
  integer,
  map,
  methods,
  numbers,
  optional,
  string,
  uint8Array
} from '../../check/index.js'
import { options as optionsOf } from '../../check/index.js'
import { GatecellError, isObject, show } from '../../errors.js'
import { utf8Reader } from './utf8.js'

export type VocabularyConfig =
  { readonly kind: 'character'; readonly symbols: string; readonly unknown: boolean } | { readonly kind: 'byte' }

export interface Vocabulary {
  readonly kind: 'character' | 'byte'
  /** Number of ids. */
  readonly size: number
  /** The id <unk>, or -1 where unknown symbols are errors. */
  readonly unknownId: number
  /** What vocabularyFromConfig takes; plain JSON. */
  readonly config: VocabularyConfig
  /**
   * Returns the ids of a text. Throws ERR_UNKNOWN_SYMBOL naming the symbols that are not in the vocabulary; `remedy` ends that
   * sentence where the caller knows a better one than the default, which is for texts. Synchronous: about 5 ms of the calling thread for
   * a million characters; `encoder` takes a text in pieces.
   */
  encode(text: string, remedy?: string): Int32Array
  /** The text of ids; <unk> and broken UTF-8 give U+FFFD. ERR_OUT_OF_RANGE. */
  decode(ids: ArrayLike<number>): string
  /** One symbol for people: the character, `<unk>`, or `<0x0A>` for a byte that is no printable ASCII. */
  symbol(id: number): string
  /** Ids to text one by one; the byte vocabulary holds unfinished characters back. */
  decoder(): Decoder
  /** UTF-8 bytes of a file to ids, piece by piece. */
  encoder(): Encoder
}

/** Throws ERR_INVALID_ARGUMENT unless `value` is a vocabulary, made here or by the caller. */
export const checkVocabulary = methods<Vocabulary>(['encode', 'decode', 'symbol', 'decoder', 'encoder'], {
  kind: choice('character', 'byte'),
  size: integer(1, 2 ** 31 - 1),
  unknownId: integer(-1, 2 ** 31 - 1),
  config: anything
})

export interface Decoder {
  write(id: number): string
  end(): string
}

export interface Encoder {
  /**
   * Writes ids to the front of `into` and returns their number. Throws ERR_INVALID_SHAPE if `into` is shorter than `bytes`, ERR_FILE_FORMAT
   * for bytes that are not UTF-8, ERR_UNKNOWN_SYMBOL, ERR_INVALID_ARGUMENT.
   */
  write(bytes: Uint8Array, into: Int32Array): number
  end(): void
}

const REPLACEMENT = '\ufffd'
const MAX_NAMED = 8
const TEXT_REMEDY = 'leave them out, or train with data that has them or with a minimum count'

/** A code point as messages show it: 'é' (U+00E9). */
export function describeCodePoint(codePoint: number): string {
  const number = `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`
  const visible = !/[\p{C}\p{Z}]/u.test(String.fromCodePoint(codePoint))
  return visible ? `'${String.fromCodePoint(codePoint)}' (${number})` : number
}

function unknownSymbols(found: ReadonlySet<number>, size: number, remedy: string): GatecellError {
  const named = [...found].slice(0, MAX_NAMED).map(describeCodePoint).join(', ')
  const more = found.size > MAX_NAMED ? ` and ${found.size - MAX_NAMED} more` : ''
  return new GatecellError(
    'ERR_UNKNOWN_SYMBOL',
    `Expected only the ${size} symbols of the vocabulary but received ${named}${more}: ${remedy}.`
  )
}

function outOfRange(id: unknown, size: number): GatecellError {
  return new GatecellError(
    'ERR_OUT_OF_RANGE',
    `Expected an id from 0 to ${size - 1} but received ${show(id)}: use ids of this vocabulary.`
  )
}

const readOptions = optionsOf<{ minCount?: number }>({ minCount: optional(integer(1)) })
const codePointOf = integer(0, 0x10ffff)
const countOf = integer(0)

/**
 * The vocabulary of the code points that were counted. With minCount > 1 those that are rarer share one last id, <unk>,
 * which unknown symbols get later, too. ERR_CORPUS_EMPTY where there is nothing, ERR_INVALID_ARGUMENT for a minCount
 * that leaves nothing.
 */
export function characterVocabulary(
  counts: ReadonlyMap<number, number>,
  options: { minCount?: number } = {}
): Vocabulary {
  const { minCount = 1 } = readOptions(options, 'the options of the vocabulary')
  // Read into an array once, so that a Map whose methods were overridden cannot give other values the second time.
  const counted = [...map<unknown, unknown>()(counts, 'the counts')].map(
    ([codePoint, count]) => [codePointOf(codePoint, 'a code point'), countOf(count, 'a count')] as const
  )
  if (counted.length === 0) {
    throw new GatecellError(
      'ERR_CORPUS_EMPTY',
      'Expected text to make a vocabulary of but received none: give more data.'
    )
  }
  const kept = counted.filter(([, count]) => count >= minCount).map(([codePoint]) => codePoint)
  if (kept.length === 0) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `Expected a minimum count that some symbol reaches but received ${minCount}: choose a smaller one.`
    )
  }
  return makeCharacterVocabulary(Int32Array.from(kept).sort(), minCount > 1)
}

/** Counts the code points of a text and makes their vocabulary. */
export function vocabularyFromText(text: string, options: { minCount?: number } = {}): Vocabulary {
  string(text, 'the text')
  const counts = new Map<number, number>()
  for (const symbol of text) {
    const codePoint = symbol.codePointAt(0)!
    counts.set(codePoint, (counts.get(codePoint) ?? 0) + 1)
  }
  refuseSurrogates(text)
  return characterVocabulary(counts, options)
}

function refuseSurrogates(text: string): void {
  const lone = /\p{Surrogate}/u.exec(text)
  if (lone === null) return
  const name = describeCodePoint(lone[0].codePointAt(0)!)
  throw new GatecellError(
    'ERR_UNKNOWN_SYMBOL',
    `Expected whole Unicode characters but received half of one, ${name}: cut texts between characters.`
  )
}

function makeCharacterVocabulary(codePoints: Int32Array, unknown: boolean): Vocabulary {
  const size = codePoints.length + (unknown ? 1 : 0)
  const unknownId = unknown ? size - 1 : -1
  const texts = Array.from(codePoints, (codePoint) => String.fromCodePoint(codePoint))
  const ids = new Int32Array(codePoints[codePoints.length - 1]! + 1).fill(unknownId)
  codePoints.forEach((codePoint, id) => (ids[codePoint] = id))

  /** Replaces code points by ids in place. */
  const translate = (buffer: Int32Array, length: number, remedy = TEXT_REMEDY): void => {
    let missing: Set<number> | undefined
    for (let at = 0; at < length; at++) {
      const codePoint = buffer[at]!
      const id = codePoint < ids.length ? ids[codePoint]! : unknownId
      if (id < 0) (missing ??= new Set()).add(codePoint)
      else buffer[at] = id
    }
    if (missing !== undefined) {
      throw unknownSymbols(missing, size, remedy)
    }
  }
  const text = (id: number): string => {
    const found = typeof id === 'number' ? texts[id] : undefined
    if (found !== undefined) return found
    if (unknown && id === unknownId) return REPLACEMENT
    throw outOfRange(id, size)
  }
  return {
    kind: 'character',
    size,
    unknownId,
    config: { kind: 'character', symbols: texts.join(''), unknown },
    encode(text, remedy) {
      string(text, 'the text')
      optional(string)(remedy, 'the remedy')
      const buffer = codePointsOf(text)
      translate(buffer, buffer.length, remedy)
      return buffer
    },
    decode: (ids) => Array.from(numbers(ids, 'the ids'), text).join(''),
    symbol: (id) => (unknown && id === unknownId ? '<unk>' : text(id)),
    decoder: () => ({ write: text, end: () => '' }),
    encoder() {
      const reader = utf8Reader()
      return {
        write(bytes, into) {
          checkRoom(bytes, into)
          const length = reader.write(bytes, into)
          translate(into, length)
          return length
        },
        end: reader.end
      }
    }
  }
}

/** Returns the code points of a text. A loop, because the iterator of strings takes eight times as long. */
function codePointsOf(text: string): Int32Array {
  const buffer = new Int32Array(text.length)
  let count = 0
  for (let at = 0; at < text.length; count++) {
    const codePoint = text.codePointAt(at)!
    buffer[count] = codePoint
    at += codePoint > 0xffff ? 2 : 1
  }
  return count === buffer.length ? buffer : buffer.slice(0, count)
}

/** The 256 bytes: every text and every file has ids, a character outside ASCII takes two to four of them. */
export function byteVocabulary(): Vocabulary {
  const byte = (id: number): number => {
    if (Number.isInteger(id) && id >= 0 && id <= 255) return id
    throw outOfRange(id, 256)
  }
  return {
    kind: 'byte',
    size: 256,
    unknownId: -1,
    config: { kind: 'byte' },
    encode(text, remedy) {
      string(text, 'the text')
      optional(string)(remedy, 'the remedy')
      refuseSurrogates(text)
      return Int32Array.from(new TextEncoder().encode(text))
    },
    decode: (ids) =>
      new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(numbers(ids, 'the ids'), byte)),
    symbol: (id) =>
      byte(id) > 0x20 && id < 0x7f ? String.fromCharCode(id) : `<0x${id.toString(16).toUpperCase().padStart(2, '0')}>`,
    decoder() {
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
      return {
        write: (id) => decoder.decode(Uint8Array.of(byte(id)), { stream: true }),
        end: () => decoder.decode()
      }
    },
    encoder: () => ({
      write(bytes, into) {
        checkRoom(bytes, into)
        into.set(bytes)
        return bytes.length
      },
      end() {}
    })
  }
}

/** Throws ERR_INVALID_SHAPE unless `into` has room for the ids of `bytes`. */
function checkRoom(bytes: Uint8Array, into: Int32Array): void {
  uint8Array(bytes, 'the bytes')
  int32Array()(into, 'into')
  if (into.length >= bytes.length) return
  const message = `Expected room for ${bytes.length} ids in into but received an array of ${into.length}: pass one of that length.`
  throw new GatecellError('ERR_INVALID_SHAPE', message)
}

/** The vocabulary that a model file holds. ERR_FILE_FORMAT unless it is one that `config` of a Vocabulary gave. */
export function vocabularyFromConfig(config: unknown): Vocabulary {
  const refuse = (what: string, found: unknown): never => {
    const message = `Expected ${what} in the model's vocabulary but found ${show(found)}: the model is damaged.`
    throw new GatecellError('ERR_FILE_FORMAT', message)
  }
  if (!isObject(config)) return refuse('an object', config)
  const { kind, symbols, unknown } = config as Record<string, unknown>
  if (kind === 'byte') return byteVocabulary()
  if (kind !== 'character') return refuse('the kind character or byte', kind)
  if (typeof symbols !== 'string' || symbols === '' || /\p{Surrogate}/u.test(symbols))
    return refuse('symbols as text', symbols)
  if (typeof unknown !== 'boolean') return refuse('true or false as unknown', unknown)
  const codePoints = Int32Array.from(symbols, (symbol) => symbol.codePointAt(0)!)
  if (!codePoints.every((codePoint, id) => id === 0 || codePoints[id - 1]! < codePoint)) {
    return refuse('symbols in increasing order', symbols)
  }
  return makeCharacterVocabulary(codePoints, unknown)
}
