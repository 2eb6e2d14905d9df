// Code points as texts and messages have them.

import { expected } from '../../errors.js'

/** Returns a code point as messages show it: 'é' (U+00E9). */
export function describeCodePoint(codePoint: number): string {
  const number = `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`
  const visible = !/[\p{C}\p{Z}]/u.test(String.fromCodePoint(codePoint))
  return visible ? `'${String.fromCodePoint(codePoint)}' (${number})` : number
}

/** Throws ERR_UNKNOWN_SYMBOL if the text has half of a character (an unpaired surrogate), which UTF-8 cannot hold. */
export function refuseSurrogates(text: string): void {
  const lone = /\p{Surrogate}/u.exec(text)
  if (lone === null) return
  const name = describeCodePoint(lone[0].codePointAt(0)!)
  throw expected(
    'ERR_UNKNOWN_SYMBOL',
    'whole Unicode characters',
    `half of one, ${name}`,
    'cut texts between characters'
  )
}

/** Returns the code points of a text. A loop, because the iterator of strings takes eight times as long. */
export function codePointsOf(text: string): Int32Array {
  const buffer = new Int32Array(text.length)
  let count = 0
  for (let at = 0; at < text.length; count++) {
    const codePoint = text.codePointAt(at)!
    buffer[count] = codePoint
    at += codePoint > 0xffff ? 2 : 1
  }
  return count === buffer.length ? buffer : buffer.slice(0, count)
}
