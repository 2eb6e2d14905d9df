// UNIPEN text as lines of words: a keyword with its arguments, or numbers. A quoted word may hold blanks, line ends and escapes.

import { formatError, MOST_CHARACTERS, quoted } from './parser.js'

export interface Word {
  readonly text: string
  readonly quoted: boolean
}

export interface WordLine {
  /** Number of the line, from 1. */
  readonly line: number
  readonly words: readonly Word[]
}

export interface WordLines {
  write(text: string): WordLine[]
  end(): WordLine[]
}

/** Longest quoted word: a label that is not closed would else swallow the file. */
const LONGEST_QUOTED = 2 ** 13

/** The keyword whose arguments may be quoted. Comments hold quotes of prose, which do not pair up. */
const QUOTING = '.SEGMENT'

/** Returns whether a word is a keyword: .5 is a number. */
export function isKeyword(word: string): boolean {
  return /^\.[A-Za-z]/.test(word)
}

/** Cuts text into lines of words. Time and memory are linear in the text. */
export function wordLines(name: string): WordLines {
  let keyword = ''
  let held = '' // an unfinished line
  let line = 1
  const fail = (at: number, expected: string, found: string) =>
    formatError(`line ${at} of ${name}`, expected, quoted(found))

  /** Returns whether a line has quotes that count: it belongs to the arguments of QUOTING. */
  function hasQuotes(raw: string): boolean {
    if (!raw.includes('"')) return false
    const [word = ''] = /\S+/.exec(raw) ?? []
    return (isKeyword(word) ? word : keyword) === QUOTING
  }

  /** Returns where the logical line that begins at `from` ends, or -1 if its end lies in the next piece. */
  function endOf(text: string, from: number): number {
    const first = text.indexOf('\n', from)
    if (first < 0) return -1
    if (!hasQuotes(text.slice(from, first))) return first
    for (let i = text.indexOf('"', from) + 1, inside = true; i < text.length; i++) {
      const code = text[i]!
      if (inside && code === '\\') i++
      else if (code === '"') inside = !inside
      else if (!inside && code === '\n') return i
      if (inside && i - from > LONGEST_QUOTED + first - from)
        throw fail(line, 'the end of a label', text.slice(from, first))
    }
    return -1
  }

  function take(text: string, last: boolean): WordLine[] {
    const lines: WordLine[] = []
    let from = 0
    for (;;) {
      let end = endOf(text, from)
      if (end < 0 && last && from < text.length) end = text.length
      if (end < 0) break
      const raw = text.slice(from, end)
      const words = hasQuotes(raw) ? quotedWords(raw) : plainWords(raw)
      if (words === null) throw fail(line, 'the end of a label', raw)
      if (words.length > 0 && isKeyword(words[0]!.text)) keyword = words[0]!.text
      if (words.length > 0) lines.push({ line, words })
      for (let i = raw.indexOf('\n'); i >= 0; i = raw.indexOf('\n', i + 1)) line++
      line++
      from = Math.min(end + 1, text.length)
    }
    held = text.slice(from)
    if (held.length > MOST_CHARACTERS) throw fail(line, `a line of at most ${MOST_CHARACTERS} characters`, held)
    return lines
  }

  const pieces: string[] = []
  let size = 0
  return {
    write(text) {
      // A long line is put together once, when its end has come.
      size += text.length
      if (size > MOST_CHARACTERS + text.length)
        throw fail(line, `a line of at most ${MOST_CHARACTERS} characters`, held)
      pieces.push(text)
      if (!text.includes('\n')) return []
      const lines = take(held + pieces.splice(0).join(''), false)
      size = held.length
      return lines
    },
    end: () => take(held + pieces.splice(0).join(''), true)
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
