// The vocabulary of the 256 bytes: every text and every file has ids.

import { int32Array, numbers, optional, options as optionsOf, string } from '../../check/index.js'
import { byteDecoder, decodeBytes, type BytesOrText } from './byte-text.js'
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
import { byteCount, checkByteRoom, skipsSpecial, type Vocabulary } from './vocabulary-types.js'

/** Options of `byteVocabulary`. */
export interface ByteVocabularyOptions {
  /** Special tokens, which have the first ids in this order; default: none. */
  readonly special?: readonly SpecialToken[]
}

const readOptions = optionsOf<ByteVocabularyOptions>({ special: optional(specialTokens) })
const BYTES = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte))

/**
 * Returns the vocabulary of the 256 bytes. A character outside ASCII takes two to four ids. Bytes follow the special tokens. Throws
 * ERR_INVALID_ARGUMENT.
 *
 * @example
 * byteVocabulary().encode('é') // Int32Array [195, 169]
 * byteVocabulary({ special: ['blank'] }).encode('A') // Int32Array [66]
 */
export function byteVocabulary(options: ByteVocabularyOptions = {}): Vocabulary {
  const { special = [] } = readOptions(options, 'the options of the vocabulary')
  const table = firstSpecials(special)
  const first = special.length
  const size = first + 256
  const byteOf = (id: number): number => {
    if (Number.isInteger(id) && id >= first && id < size) return id - first
    return refuseId(id, size)
  }
  const textOf =
    (skip: boolean): BytesOrText =>
    (id) => {
      const token = table.at(id)
      return token === undefined ? BYTES[byteOf(id)]! : specialText(token, skip)
    }
  return ownVocabulary({
    kind: 'byte',
    size,
    unknownId: table.unknownId,
    special: table.tokens,
    config: { kind: 'byte', ...specialConfig(special) },
    idOf: table.idOf,
    encode(text, remedy) {
      string(text, 'the text')
      optional(string)(remedy, 'the remedy')
      refuseSurrogates(text)
      return shifted(new TextEncoder().encode(text), first)
    },
    decode: (ids, options) => decodeBytes(numbers(ids, 'the ids'), textOf(skipsSpecial(options))),
    symbol(id) {
      const token = table.at(id)
      if (token !== undefined) return specialNames[token]
      const byte = byteOf(id)
      if (byte > 0x20 && byte < 0x7f) return String.fromCharCode(byte)
      return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
    },
    decoder: (options) => byteDecoder(textOf(skipsSpecial(options))),
    encoder: () => ({
      room: (bytes) => byteCount(bytes, 'the number of bytes'),
      write(bytes, into) {
        checkByteRoom(bytes, into)
        for (let at = 0; at < bytes.length; at++) into[at] = bytes[at]! + first
        return bytes.length
      },
      end(into) {
        optional(int32Array())(into, 'into')
        return 0
      }
    })
  })
}

function shifted(bytes: Uint8Array, first: number): Int32Array {
  const ids = Int32Array.from(bytes)
  if (first > 0) for (let at = 0; at < ids.length; at++) ids[at]! += first
  return ids
}
