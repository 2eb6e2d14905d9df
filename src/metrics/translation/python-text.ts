// White space as Python has it, on which the figures of sacreBLEU depend. JavaScript's differs: it has U+FEFF, and lacks U+001C to U+001F and
// U+0085.

const white = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/

/** Returns the words of a text, as `str.split()` does: the parts between runs of white space, never an empty word. */
export function splitWhite(text: string): string[] {
  return text.split(white).filter((word) => word !== '')
}

/** Returns a text without white space at its end, as `str.rstrip()` does. */
export function trimWhiteEnd(text: string): string {
  let end = text.length
  while (end > 0 && white.test(text[end - 1]!)) end--
  return text.slice(0, end)
}

/** Returns a text without white space at either end, as `str.strip()` does. */
export function trimWhite(text: string): string {
  let begin = 0
  while (begin < text.length && white.test(text[begin]!)) begin++
  return trimWhiteEnd(text.slice(begin))
}
