// Strict streaming UTF-8 (RFC 3629): bytes in pieces of any size to code points. Overlong forms, surrogates, code points
// above U+10FFFF, stray and missing continuation bytes are refused with their place; nothing is replaced. TextDecoder
// cannot say where the bad byte is, and its strings would have to be taken apart again.

import { GatecellError } from '../../errors.js'

export interface Utf8Reader {
  /**
   * Writes the code points of the next bytes to the front of `into`, which needs room for bytes.length of them, and
   * returns their number. A sequence that the piece cuts is finished by the next call. Throws InvalidUtf8.
   */
  write(bytes: Uint8Array, into: Int32Array): number
  /** Throws InvalidUtf8 if a sequence is unfinished. */
  end(): void
}

export class InvalidUtf8 extends GatecellError {
  /** Bytes before the first bad one, from the beginning of the stream. */
  readonly offset: number
  constructor(offset: number) {
    super('ERR_FILE_FORMAT', `Expected UTF-8 but found another byte at ${offset}: convert the text to UTF-8.`)
    this.name = 'InvalidUtf8'
    this.offset = offset
  }
}

const BYTE_ORDER_MARK = 0xfeff

/** A reader for one stream; a byte order mark at its very beginning is left out. */
export function utf8Reader(): Utf8Reader {
  let offset = 0
  let started = false
  let missing = 0
  let partial = 0
  // The range of the next byte: narrower after E0, ED, F0 and F4 (RFC 3629, section 4).
  let lower = 0x80
  let upper = 0xbf

  const lead = (byte: number, at: number): void => {
    if (byte >= 0xc2 && byte <= 0xdf) {
      missing = 1
      partial = byte & 0x1f
    } else if (byte >= 0xe0 && byte <= 0xef) {
      missing = 2
      partial = byte & 0x0f
      if (byte === 0xe0) lower = 0xa0
      if (byte === 0xed) upper = 0x9f
    } else if (byte >= 0xf0 && byte <= 0xf4) {
      missing = 3
      partial = byte & 0x07
      if (byte === 0xf0) lower = 0x90
      if (byte === 0xf4) upper = 0x8f
    } else {
      throw new InvalidUtf8(offset + at)
    }
  }

  const read = (bytes: Uint8Array, into: Int32Array): number => {
    let count = 0
    for (let at = 0; at < bytes.length; at++) {
      if (missing === 0) {
        // Most text is ASCII: a loop of its own makes it twice as fast.
        while (at < bytes.length && bytes[at]! < 0x80) into[count++] = bytes[at++]!
        if (at < bytes.length) lead(bytes[at]!, at)
        continue
      }
      const byte = bytes[at]!
      if (byte < lower || byte > upper) throw new InvalidUtf8(offset + at)
      lower = 0x80
      upper = 0xbf
      partial = (partial << 6) | (byte & 0x3f)
      if (--missing === 0) into[count++] = partial
    }
    offset += bytes.length
    if (started || count === 0) return count
    started = true
    if (into[0] !== BYTE_ORDER_MARK) return count
    into.copyWithin(0, 1, count)
    return count - 1
  }

  return {
    write(bytes, into) {
      const before = [missing, partial, lower, upper] as const
      try {
        return read(bytes, into)
      } catch (error) {
        ;[missing, partial, lower, upper] = before // so that a refused piece leaves the reader as it was
        throw error
      }
    },
    end() {
      if (missing > 0) throw new InvalidUtf8(offset)
    }
  }
}
