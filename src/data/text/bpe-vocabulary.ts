// Vocabularies of byte pairs (BPE), as GPT-2's: every text and every sequence of bytes has ids and comes back exactly.

import { made, numbers, optional, string, uint8Array } from '../../check/index.js'
import type { BpeEncoderHandle, NativeBpe } from '../../native-bpe.js'
import { callNative } from '../../native-call.js'
import { native } from '../../native.js'
import { bpeTables, type BpeConfig, type BpeTables, type Refuse } from './bpe-tables.js'
import { byteDecoder, decodeBytes, joinBytes, type BytesOrText } from './byte-text.js'
import { ownVocabulary } from './check-vocabulary.js'
import { refuseSurrogates } from './characters.js'
import { refuseId, specialTable, specialText, type SpecialToken } from './special-tokens.js'
import {
  byteCount,
  checkRoom,
  skipsSpecial,
  type DecodeOptions,
  type Encoder,
  type Vocabulary
} from './vocabulary-types.js'

/** A vocabulary of byte pairs. */
export interface BpeVocabulary extends Vocabulary {
  readonly kind: 'bpe'
  readonly config: BpeConfig
  /** Returns the ids of bytes, which need not be UTF-8. Synchronous. */
  encodeBytes(bytes: Uint8Array): Int32Array
  /** Returns the bytes of ids; of special tokens their names as text, or nothing with `skipSpecial`. Throws ERR_OUT_OF_RANGE. */
  decodeBytes(ids: ArrayLike<number>, options?: DecodeOptions): Uint8Array
}

const vocabularies = new WeakSet<BpeVocabulary>()
/** The encoders of vocabularies, made on use. */
const encoders = new WeakMap<Vocabulary, () => BpeEncoderHandle>()

/** Checks that a value is a vocabulary of byte pairs that this library made. */
export const checkBpe = made<BpeVocabulary>('a vocabulary of byte pairs', vocabularies)

/** Returns the vocabulary of a configuration, whose tables are checked. Calls `refuse` if they do not fit together. */
export function bpeFromConfig(config: unknown, refuse: Refuse): BpeVocabulary {
  const vocabulary = bpeVocabularyOf(bpeTables(config, refuse))
  vocabularies.add(vocabulary)
  return vocabulary
}

/** The place of the draws of a text with BPE dropout. */
export interface DropoutPlace {
  /** An integer in [0, 2^53). */
  readonly seed: number
  /** Number of the text, below 2^32. */
  readonly text: number
  /** Number of the repetition, below 2^53: texts are encoded in another way in each. */
  readonly repetition: number
}

/**
 * Returns the ids of a text with BPE dropout (Provilkov, Emelianenko, Voita 2020): before each merge of a word every possible merge is left out with
 * probability `dropout`, 0 to 1. The ids are a function of the text, the probability and the place. `vocabulary`: one of byte pairs.
 */
export function encodeDropped(
  vocabulary: Vocabulary,
  text: string,
  dropout: number,
  { seed, text: number, repetition }: DropoutPlace
): Int32Array {
  const bytes = new TextEncoder().encode(text)
  const ids = new Int32Array(bytes.length)
  const encoder = encoders.get(vocabulary)!()
  const draws = Float64Array.of(dropout, seed, number, repetition)
  return ids.slice(
    0,
    callNative(() => native().bpeEncodeDropped(encoder, bytes, draws, ids))
  )
}

/** Returns the text or bytes of an id. Added tokens without a kind count as special tokens. */
function textOf({ config, bytes }: BpeTables, skip: boolean): BytesOrText {
  const ids = Object.entries(config.special) as [SpecialToken, number][]
  const { at } = specialTable(new Map(ids))
  return (id) => {
    const found = Number.isInteger(id) ? bytes[id] : undefined
    if (found !== undefined) return found
    const token = at(id)
    if (token !== undefined) return specialText(token, skip)
    const name = typeof id === 'number' ? config.tokens[id] : undefined
    return name === undefined ? refuseId(id, bytes.length) : skip ? '' : name
  }
}

/** Returns one token for people: its text if that is printable, else its bytes as `<0xE2 0x80>`. */
function symbolOf(bytes: Uint8Array): string {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  if (!/[\p{C}\ufffd]/u.test(text)) return text
  return `<${Array.from(bytes, (byte) => `0x${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(' ')}>`
}

function bpeVocabularyOf(tables: BpeTables): BpeVocabulary {
  const { config, bytes } = tables
  const table = specialTable(new Map(Object.entries(config.special) as [SpecialToken, number][]))
  let whole: BpeEncoderHandle | undefined // made on use, because a configuration can be read without the addon
  const encoderOf = () => (whole ??= callNative(() => native().bpeEncoderCreate(tables.merges, tables.byteIds)))
  const encodeBytes = (bytes: Uint8Array): Int32Array => {
    const ids = new Int32Array(bytes.length)
    return ids.slice(0, encode(encoderOf(), bytes, 1, ids))
  }
  const vocabulary: BpeVocabulary = ownVocabulary({
    kind: 'bpe',
    size: bytes.length,
    unknownId: table.unknownId,
    special: table.tokens,
    config,
    idOf: table.idOf,
    encode(text, remedy) {
      string(text, 'the text')
      optional(string)(remedy, 'the remedy')
      refuseSurrogates(text)
      return encodeBytes(new TextEncoder().encode(text))
    },
    encodeBytes: (bytes) => encodeBytes(uint8Array(bytes, 'the bytes')),
    decode: (ids, options) => decodeBytes(numbers(ids, 'the ids'), textOf(tables, skipsSpecial(options))),
    decodeBytes: (ids, options) => joinBytes(numbers(ids, 'the ids'), textOf(tables, skipsSpecial(options))),
    symbol(id) {
      const found = textOf(tables, false)(id)
      return typeof found === 'string' ? config.tokens[id]! : symbolOf(found)
    },
    decoder: (options) => byteDecoder(textOf(tables, skipsSpecial(options))),
    encoder: () => pieceEncoder(callNative(() => native().bpeEncoderFork(encoderOf())))
  })
  encoders.set(vocabulary, encoderOf)
  return vocabulary
}

const nothing = new Uint8Array(0)

const encode = (...given: Parameters<NativeBpe['bpeEncode']>): number => callNative(() => native().bpeEncode(...given))

function pieceEncoder(handle: BpeEncoderHandle): Encoder {
  const room = (bytes: number): number => callNative(() => native().bpeEncoderRoom(handle, bytes))
  return {
    room: (bytes) => room(byteCount(bytes, 'the number of bytes')),
    write(bytes, into) {
      checkRoom(into, room(uint8Array(bytes, 'the bytes').length))
      return encode(handle, bytes, 0, into)
    },
    end(into = new Int32Array(0)) {
      checkRoom(into, room(0))
      return encode(handle, nothing, 1, into)
    }
  }
}
