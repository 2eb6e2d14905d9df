// A sequence of ids that is read by position: of an array, or of a corpus, whose ids may lie in a file.

import { int32Array, integer, integers, methods } from '../../check/index.js'
import { expected, show } from '../../errors.js'

/** A sequence of ids. */
export interface Tokens {
  readonly length: number
  /** Copies `length` ids from `begin` on to into[at...]. Throws ERR_OUT_OF_RANGE outside of the tokens or of `into`. */
  read(begin: number, length: number, into: Int32Array, at?: number): void
  /** Returns the tokens from `begin` up to, not including, `end`, without a copy. Throws ERR_OUT_OF_RANGE. */
  slice(begin: number, end: number): Tokens
}

/** Returns a sequence of tokens, of this file or of the caller's making, whose length was read once. Throws ERR_INVALID_ARGUMENT for other values. */
export const checkTokens = methods<Tokens>(['read', 'slice'], { length: integer(0) })

const place = integer(0, Number.MAX_SAFE_INTEGER, 'ERR_OUT_OF_RANGE')

function checkRange(begin: number, end: number, length: number, what: string): void {
  if (Number.isSafeInteger(begin) && Number.isSafeInteger(end) && begin >= 0 && begin <= end && end <= length) return
  throw expected(
    'ERR_OUT_OF_RANGE',
    `a range within the ${length} ${what}`,
    `${show(begin)} up to ${show(end)}`,
    'stay within the length'
  )
}

/** Returns tokens whose ids `copy` reads; its arguments were checked. */
export function makeTokens(
  length: number,
  copy: (begin: number, length: number, into: Int32Array, at: number) => void
): Tokens {
  return {
    length,
    read(begin, count, into, at = 0) {
      int32Array()(into, 'into')
      place(begin, 'begin')
      place(count, 'length')
      place(at, 'at')
      checkRange(begin, begin + count, length, 'tokens')
      checkRange(at, at + count, into.length, 'places of the array')
      copy(begin, count, into, at)
    },
    slice(first, end) {
      checkRange(first, end, length, 'tokens')
      return makeTokens(end - first, (begin, count, into, at) => copy(first + begin, count, into, at))
    }
  }
}

/**
 * Returns tokens in memory, for tests and small programs. The ids, integers from 0 to 2^31 - 1, are copied. Throws
 * ERR_INVALID_ARGUMENT for other values. Synchronous: 2 to 4 ms of the calling thread for a million ids of a typed array, 70 ms of an
 * array; `openCorpus` reads large texts without holding the event loop.
 */
export function tokensOf(ids: ArrayLike<number>): Tokens {
  const copied = integers(0)(ids, 'ids')
  return makeTokens(copied.length, (begin, length, into, at) => into.set(copied.subarray(begin, begin + length), at))
}
