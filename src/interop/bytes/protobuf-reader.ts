// Messages of Protocol Buffers, read strictly: https://protobuf.dev/programming-guides/encoding/. Fields are visited one after the other and not
// stored, so that a file can describe no more than a reader asks for; their number is bounded for the whole file. Refused: groups, fields that are
// longer than their message, and integers of more than 64 bits.

import { expected, type GatecellError } from '../../errors.js'

/** A field: an integer, or bytes (a message, text, packed numbers, or 4 or 8 bytes of a number). */
export interface WireField {
  readonly number: number
  readonly value: bigint | Uint8Array
}

/** Most fields of a file, and most bytes of all its texts, which take twice as much memory if they are not Latin. */
const MAX_FIELDS = 2 ** 17
const MAX_TEXT = 2 ** 21

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A file of messages; `where` is its name in errors. */
export class MessageReader {
  readonly #where: string
  #fields = 0
  #text = 0

  constructor(where: string) {
    this.#where = where
  }

  /** Returns the error for a part of the file. */
  wrong(what: string, found: string): GatecellError {
    return expected(
      'ERR_FILE_FORMAT',
      `${what} in ${this.#where}`,
      found,
      'the file is damaged, export the model again'
    )
  }

  /** Yields the fields of a message. Throws ERR_FILE_FORMAT. */
  *fields(bytes: Uint8Array): Generator<WireField, void, undefined> {
    for (let at = 0; at < bytes.length;) {
      if (++this.#fields > MAX_FIELDS) throw this.wrong(`at most ${MAX_FIELDS} fields`, 'more')
      const tag = this.#varint(bytes, at)
      const [number, type] = [Number(tag.value >> 3n), Number(tag.value & 7n)]
      at = tag.end
      if (number < 1 || number >= 2 ** 29) throw this.wrong('the number of a field', `${number}`)
      if (type === 0) {
        const { value, end } = this.#varint(bytes, at)
        at = end
        yield { number, value }
        continue
      }
      let length = type === 1 ? 8 : 4
      if (type === 2) {
        const size = this.#varint(bytes, at)
        at = size.end
        length = size.value > BigInt(bytes.length) ? Infinity : Number(size.value)
      } else if (type !== 1 && type !== 5) throw this.wrong('fields of the types 0, 1, 2 and 5', `type ${type}`)
      if (length > bytes.length - at) throw this.wrong(`a field within ${bytes.length - at} bytes`, `${length}`)
      yield { number, value: bytes.subarray(at, at + length) }
      at += length
    }
  }

  #varint(bytes: Uint8Array, from: number): { value: bigint; end: number } {
    let value = 0n
    for (let i = 0; i < 10; i++) {
      const byte = bytes[from + i]
      if (byte === undefined) throw this.wrong('the end of an integer', 'the end of the message')
      value |= BigInt(byte & 0x7f) << BigInt(7 * i)
      if (byte < 0x80) {
        if (value >= 2n ** 64n) break
        return { value, end: from + i + 1 }
      }
    }
    throw this.wrong('an integer of at most 64 bits', 'a longer one')
  }

  /** Returns the bytes of a field. */
  bytes({ value, number }: WireField): Uint8Array {
    if (typeof value === 'bigint') throw this.wrong(`bytes in field ${number}`, 'an integer')
    return value
  }

  /** Returns the text of a field of at most `most` bytes. */
  text(field: WireField, most = 4096): string {
    const bytes = this.bytes(field)
    if (bytes.length > most)
      throw this.wrong(`a text of at most ${most} bytes in field ${field.number}`, `${bytes.length}`)
    this.#text += bytes.length
    if (this.#text > MAX_TEXT) throw this.wrong(`at most ${MAX_TEXT} bytes of names and texts`, 'more')
    try {
      return decoder.decode(bytes)
    } catch {
      throw this.wrong(`UTF-8 in field ${field.number}`, 'other bytes')
    }
  }

  /** Returns the integer of a field, signed, from -2^53 to 2^53. */
  integer({ value, number }: WireField): number {
    if (typeof value !== 'bigint') throw this.wrong(`an integer in field ${number}`, 'bytes')
    const signed = Number(BigInt.asIntN(64, value))
    if (!Number.isSafeInteger(signed)) throw this.wrong(`an integer below 2^53 in field ${number}`, `${value}`)
    return signed
  }

  /** Returns the integers of a field, which are packed or one. */
  integers(field: WireField, most: number): number[] {
    if (typeof field.value === 'bigint') return [this.integer(field)]
    const values: number[] = []
    for (let at = 0; at < field.value.length;) {
      if (values.length >= most) throw this.wrong(`at most ${most} integers in field ${field.number}`, 'more')
      const { value, end } = this.#varint(field.value, at)
      values.push(this.integer({ number: field.number, value }))
      at = end
    }
    return values
  }

  /** Returns the float of a field. */
  float(field: WireField): number {
    const bytes = this.bytes(field)
    if (bytes.length !== 4) throw this.wrong(`4 bytes in field ${field.number}`, `${bytes.length}`)
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true)
  }
}
