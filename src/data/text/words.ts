// The words of a text, whole or in pieces of any size. A word is a run of letters, marks, digits and underscores of any script, with
// apostrophes inside ("don't" is one word); every other character that is not white space is a word of its own. With `spaces` a word begins with the
// space before it, U+0020, so that a text whose only white space is single spaces is the words one after the other.

import { expected } from '../../errors.js'
import { utf8Reader } from './utf8.js'

const WORD = /[\p{L}\p{M}\p{N}_]+(?:['’][\p{L}\p{M}\p{N}_]+)*|[^\s\p{L}\p{M}\p{N}_]/gu
/** A word with the space before it, if there is one. */
const SPACED_WORD = new RegExp(` ?(?:${WORD.source})`, 'gu')
/** A character after which a word may continue. */
const INNER = /[\p{L}\p{M}\p{N}_'’]/u

/** Most UTF-16 code units of a word that comes in pieces, so that a file without a border does not fill the memory. */
const LONGEST = 2 ** 20

/** Returns the words of a text. Each is taken in lower case by itself, so that the words around it do not change it. */
export function wordsOf(text: string, lowerCase: boolean, spaces = false): string[] {
  const words = text.match(spaces ? SPACED_WORD : WORD) ?? []
  return lowerCase ? words.map((word) => word.toLowerCase()) : words
}

/** A reader of the words of one UTF-8 text, whose bytes come in pieces. */
export interface WordReader {
  /** Returns the most words that a write of this many bytes, or with 0 the end, can give. */
  room(bytes: number): number
  /** Returns the words that end in these bytes. Throws ERR_FILE_FORMAT for bytes that are not UTF-8, ERR_OUT_OF_RANGE for a word above 2^20 units. */
  write(bytes: Uint8Array): string[]
  /** Returns the last words. Throws ERR_FILE_FORMAT if a character is unfinished. */
  end(): string[]
}

/** Returns a reader of the words of one text. It holds back the characters at the end of a piece with which a word may continue. */
export function wordReader(lowerCase: boolean, spaces = false): WordReader {
  const reader = utf8Reader()
  let held = ''
  return {
    // The reader of UTF-8 holds at most three bytes of one character.
    room: (bytes) => held.length + bytes + 1,
    write(bytes) {
      const codePoints = new Int32Array(bytes.length)
      const piece = textOf(codePoints.subarray(0, reader.write(bytes, codePoints)))
      const end = beginOfLast(piece, spaces)
      if (end === 0) {
        held += piece
        if (held.length > LONGEST) throw tooLong()
        return []
      }
      const words = wordsOf(held + piece.slice(0, end), lowerCase, spaces)
      held = piece.slice(end)
      return words
    },
    end() {
      reader.end()
      const words = wordsOf(held, lowerCase, spaces)
      held = ''
      return words
    }
  }
}

function tooLong() {
  return expected(
    'ERR_OUT_OF_RANGE',
    `words of at most ${LONGEST} characters`,
    'a longer run of characters without a border',
    'divide it, leave the text out, or use another vocabulary'
  )
}

/** Arguments of one call of String.fromCodePoint; the stack bounds their number. */
const ARGUMENTS = 4096

function textOf(codePoints: Int32Array): string {
  let text = ''
  for (let at = 0; at < codePoints.length; at += ARGUMENTS)
    text += String.fromCodePoint(...codePoints.subarray(at, at + ARGUMENTS))
  return text
}

/** For each code unit of ASCII, whether a word may continue with it: most text is ASCII, and a regular expression takes ten times as long. */
const asciiInner = Array.from({ length: 128 }, (_, unit) => INNER.test(String.fromCharCode(unit)))

/** Returns the place from which all characters are such that a word may continue with them; with `spaces` a word may begin with a space. */
function beginOfLast(text: string, spaces: boolean): number {
  let at = text.length
  while (at > 0) {
    const unit = text.charCodeAt(at - 1)
    const begin = at > 1 && (unit & 0xfc00) === 0xdc00 ? at - 2 : at - 1
    if (!(asciiInner[unit] ?? INNER.test(text.slice(begin, at)))) break
    at = begin
  }
  return spaces && text[at - 1] === ' ' ? at - 1 : at
}

/** Bound on the memory of the distinct words of a text, in bytes. */
const COUNTS_BYTES = 2 ** 29
/** Memory of a word in a Map, in bytes, next to its characters. */
const ENTRY_BYTES = 64

/** Counts of the words of a text. */
export interface WordCounts {
  /** Counts words. Throws ERR_OUT_OF_RANGE if there are more distinct words than the memory for them holds. */
  add(words: readonly string[]): void
  /** Number of occurrences of each word. */
  readonly all: ReadonlyMap<string, number>
}

/** Returns counts that are empty; their memory is bounded by `maxBytes`. */
export function wordCounts(maxBytes = COUNTS_BYTES): WordCounts {
  const all = new Map<string, number>()
  let bytes = 0
  return {
    all,
    add(words) {
      for (const word of words) {
        const count = all.get(word)
        if (count !== undefined) {
          all.set(word, count + 1)
          continue
        }
        bytes += ENTRY_BYTES + 2 * word.length
        if (bytes > maxBytes) throw tooMany(all.size)
        // A copy, because a word that was cut from a text keeps the whole text in memory.
        all.set(Buffer.from(word, 'utf16le').toString('utf16le'), 1)
      }
    }
  }
}

function tooMany(size: number) {
  return expected(
    'ERR_OUT_OF_RANGE',
    `at most ${size} distinct words`,
    'more of them',
    'use a vocabulary of byte pairs, or less text'
  )
}
