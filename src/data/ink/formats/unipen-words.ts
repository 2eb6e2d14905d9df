// UNIPEN text as lines of words: a keyword with its arguments, or numbers. A quoted word may contain blanks, line ends and escapes.

import { excerpt, inkFormatError, MAX_CHARACTERS } from './parser.js'

/** One word, without its quotes. */
export interface Word {
  readonly text: string
  readonly quoted: boolean
}

/** A logical line: a quoted word may go over several lines of the file. */
export interface WordLine {
  /** Number of its first line, from 1. */
  readonly line: number
  readonly words: readonly Word[]
}

/** A cutter of one file into lines of words. */
export interface WordLines {
  /** Takes the next piece of text and returns the lines that it completes. Throws ERR_FILE_FORMAT. */
  write(text: string): WordLine[]
  /** Ends the text and returns the last line. Throws ERR_FILE_FORMAT if a quoted word is unfinished. */
  end(): WordLine[]
}

/** Maximum length of a quoted word, since a label without its closing quote would swallow the rest of the file. */
const MAX_QUOTED = 2 ** 13

/** The keyword whose arguments may be quoted. The quotes in comments are those of prose, which do not pair up. */
const QUOTING = '.SEGMENT'

/** Returns whether a word is a keyword: .5 is a number. */
export function isKeyword(word: string): boolean {
  return /^\.[A-Za-z]/.test(word)
}

/** Returns a cutter of the file `name`. Time and memory are linear in the text. */
export function wordLines(name: string): WordLines {
  const cutter = new WordCutter(name)
  return { write: (text) => cutter.write(text), end: () => cutter.end() }
}

class WordCutter {
  readonly #name: string
  #keyword = ''
  #line = 1
  /** The unfinished line: its beginning, later pieces without a line end, and the length of both. A long line is joined once. */
  #held = ''
  readonly #pieces: string[] = []
  #size = 0

  constructor(name: string) {
    this.#name = name
  }

  write(text: string): WordLine[] {
    this.#size += text.length
    if (this.#size > MAX_CHARACTERS + text.length) throw this.#tooLong()
    this.#pieces.push(text)
    if (!text.includes('\n')) return []
    const lines = this.#cut(this.#held + this.#pieces.splice(0).join(''), false)
    this.#size = this.#held.length
    return lines
  }

  end(): WordLine[] {
    return this.#cut(this.#held + this.#pieces.splice(0).join(''), true)
  }

  /** Returns the lines of `text`, and keeps the unfinished last one unless `last`. */
  #cut(text: string, last: boolean): WordLine[] {
    const lines: WordLine[] = []
    let from = 0
    for (;;) {
      let end = this.#endOf(text, from)
      if (end < 0 && last && from < text.length) end = text.length
      if (end < 0) break
      const raw = text.slice(from, end)
      const words = this.#hasQuotes(raw) ? quotedWords(raw) : plainWords(raw)
      if (words === null) throw this.#fail('the end of a label', raw)
      if (words.length > 0 && isKeyword(words[0]!.text)) this.#keyword = words[0]!.text
      if (words.length > 0) lines.push({ line: this.#line, words })
      for (let i = raw.indexOf('\n'); i >= 0; i = raw.indexOf('\n', i + 1)) this.#line++
      this.#line++
      from = Math.min(end + 1, text.length)
    }
    this.#held = text.slice(from)
    if (this.#held.length > MAX_CHARACTERS) throw this.#tooLong()
    return lines
  }

  /** Returns the end of the logical line that begins at `from`, -1 if it is in the next piece. */
  #endOf(text: string, from: number): number {
    const first = text.indexOf('\n', from)
    if (first < 0) return -1
    if (!this.#hasQuotes(text.slice(from, first))) return first
    for (let i = text.indexOf('"', from) + 1, inside = true; i < text.length; i++) {
      const code = text[i]!
      if (inside && code === '\\') i++
      else if (code === '"') inside = !inside
      else if (!inside && code === '\n') return i
      if (inside && i - from > MAX_QUOTED + first - from)
        throw this.#fail('the end of a label', text.slice(from, first))
    }
    return -1
  }

  /** Returns whether a line has quotes that count, because it belongs to the arguments of QUOTING. */
  #hasQuotes(raw: string): boolean {
    if (!raw.includes('"')) return false
    const [word = ''] = /\S+/.exec(raw) ?? []
    return (isKeyword(word) ? word : this.#keyword) === QUOTING
  }

  #tooLong(): Error {
    return this.#fail(`a line of at most ${MAX_CHARACTERS} characters`, this.#held)
  }

  #fail(what: string, found: string): Error {
    return inkFormatError(`line ${this.#line} of ${this.#name}`, what, excerpt(found))
  }
}

function plainWords(raw: string): Word[] {
  const trimmed = raw.trim()
  return trimmed === '' ? [] : trimmed.split(/\s+/).map((text) => ({ text, quoted: false }))
}

/** Returns the words of a logical line, null if a quoted one has no end. */
function quotedWords(raw: string): Word[] | null {
  const words: Word[] = []
  let i = 0
  while (i < raw.length) {
    if (/\s/.test(raw[i]!)) i++
    else if (raw[i] === '"') {
      let text = ''
      for (i++; i < raw.length && raw[i] !== '"'; i++) text += raw[i] === '\\' ? (raw[++i] ?? '') : raw[i]!
      if (i >= raw.length) return null
      words.push({ text, quoted: true })
      i++
    } else {
      const from = i
      while (i < raw.length && !/[\s"]/.test(raw[i]!)) i++
      words.push({ text: raw.slice(from, i), quoted: false })
    }
  }
  return words
}
