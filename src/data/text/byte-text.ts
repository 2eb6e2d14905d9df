// Text of ids that stand for bytes: one byte, or the several of a BPE token. Bytes that are not UTF-8 give U+FFFD.

import type { Decoder } from './vocabulary-types.js'

/** Returns the bytes of an id, or a special token's text: a string, '' if it is left out. Throws for an id out of range. */
export type BytesOrText = (id: number) => Uint8Array | string

const utf8 = () => new TextDecoder('utf-8', { ignoreBOM: true })

/** Returns a decoder that gives characters as soon as their last byte is there. */
export function byteDecoder(of: BytesOrText): Decoder {
  const decoder = utf8()
  return {
    write(id) {
      const found = of(id)
      if (typeof found !== 'string') return decoder.decode(found, { stream: true })
      return found === '' ? '' : decoder.decode() + found
    },
    end: () => decoder.decode()
  }
}

/** Returns the bytes of ids, joined; the text of special tokens as UTF-8. */
export function joinBytes(ids: ArrayLike<number>, of: BytesOrText): Uint8Array {
  let bytes = new Uint8Array(4 * ids.length + 16)
  let end = 0
  const encoder = new TextEncoder()
  for (let at = 0; at < ids.length; at++) {
    const found = of(ids[at]!)
    const piece = typeof found === 'string' ? encoder.encode(found) : found
    if (end + piece.length > bytes.length) {
      const larger = new Uint8Array(2 * (end + piece.length))
      larger.set(bytes.subarray(0, end))
      bytes = larger
    }
    bytes.set(piece, end)
    end += piece.length
  }
  return bytes.slice(0, end)
}

/** Returns the text of ids. */
export function decodeBytes(ids: ArrayLike<number>, of: BytesOrText): string {
  return utf8().decode(joinBytes(ids, of))
}
