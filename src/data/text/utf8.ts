// Strict streaming UTF-8 (RFC 3629): bytes in pieces of any size to code points. Overlong forms, surrogates, code points
// above U+10FFFF, stray and missing continuation bytes are refused with their place; nothing is replaced. TextDecoder
// does not report the position of the invalid byte, and its strings would have to be taken apart again.

import { expected, GatecellError } from '../../errors.js'

/** A decoder of one stream of UTF-8. */
export interface Utf8Reader {
  /**
   * Writes the code points of the next bytes to the beginning of `into`, which needs room for bytes.length of them, and
   * returns their number. A sequence that the piece cuts is finished by the next call. Throws InvalidUtf8; the reader is then
   * as it was before the call.
   */
  write(bytes: Uint8Array, into: Int32Array): number
  /** Throws InvalidUtf8 if a sequence is unfinished. */
  end(): void
}

/** The ERR_FILE_FORMAT for bytes that are not UTF-8. */
export class InvalidUtf8 extends GatecellError {
  /** Number of bytes before the invalid one, from the beginning of the stream. */
  readonly offset: number
  constructor(offset: number) {
    const { code, message } = expected(
      'ERR_FILE_FORMAT',
      'UTF-8',
      `another byte at ${offset}`,
      'convert the text to UTF-8'
    )
    super(code, message)
    this.name = 'InvalidUtf8'
    this.offset = offset
  }
}

const BYTE_ORDER_MARK = 0xfeff

/** Returns a reader of one stream. It leaves out a byte order mark at the very beginning. */
export function utf8Reader(): Utf8Reader {
  const decoder = new Decoder()
  return { write: (bytes, into) => decoder.write(bytes, into), end: () => decoder.end() }
}

class Decoder {
  /** Bytes before the current piece. */
  #offset = 0
  #started = false
  /** Continuation bytes that the current sequence lacks, and its bits so far. */
  #missing = 0
  #partial = 0
  /** Range of the next byte: narrower after E0, ED, F0 and F4 (RFC 3629, section 4). */
  #lower = 0x80
  #upper = 0xbf

  write(bytes: Uint8Array, into: Int32Array): number {
    const before = [this.#missing, this.#partial, this.#lower, this.#upper] as const
    try {
      const count = this.#decode(bytes, into)
      this.#offset += bytes.length
      return this.#started || count === 0 ? count : this.#withoutMark(into, count)
    } catch (error) {
      ;[this.#missing, this.#partial, this.#lower, this.#upper] = before
      throw error
    }
  }

  end(): void {
    if (this.#missing > 0) throw new InvalidUtf8(this.#offset)
  }

  #decode(bytes: Uint8Array, into: Int32Array): number {
    let count = 0
    for (let at = 0; at < bytes.length; at++) {
      if (this.#missing === 0) {
        // Most text is ASCII: a loop of its own makes it twice as fast.
        while (at < bytes.length && bytes[at]! < 0x80) into[count++] = bytes[at++]!
        if (at < bytes.length) this.#lead(bytes[at]!, at)
        continue
      }
      const byte = bytes[at]!
      if (byte < this.#lower || byte > this.#upper) throw new InvalidUtf8(this.#offset + at)
      this.#lower = 0x80
      this.#upper = 0xbf
      this.#partial = (this.#partial << 6) | (byte & 0x3f)
      if (--this.#missing === 0) into[count++] = this.#partial
    }
    return count
  }

  /** Begins a sequence with its first byte. */
  #lead(byte: number, at: number): void {
    if (byte >= 0xc2 && byte <= 0xdf) {
      this.#missing = 1
      this.#partial = byte & 0x1f
    } else if (byte >= 0xe0 && byte <= 0xef) {
      this.#missing = 2
      this.#partial = byte & 0x0f
      if (byte === 0xe0) this.#lower = 0xa0
      if (byte === 0xed) this.#upper = 0x9f
    } else if (byte >= 0xf0 && byte <= 0xf4) {
      this.#missing = 3
      this.#partial = byte & 0x07
      if (byte === 0xf0) this.#lower = 0x90
      if (byte === 0xf4) this.#upper = 0x8f
    } else {
      throw new InvalidUtf8(this.#offset + at)
    }
  }

  /** Removes a byte order mark from the first code points of the stream, and returns their number. */
  #withoutMark(into: Int32Array, count: number): number {
    this.#started = true
    if (into[0] !== BYTE_ORDER_MARK) return count
    into.copyWithin(0, 1, count)
    return count - 1
  }
}
