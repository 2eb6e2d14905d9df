// Cuts JSON text into the values that are samples, without building anything larger than one of them: the values of a file one
// after the other (NDJSON, or a single document over several lines), and the objects of a list of objects one by one.

import { formatError, MOST_CHARACTERS, quoted } from './parser.js'

/** One JSON value as text, and the line on which it begins, from 1. */
export interface JsonRecord {
  readonly text: string
  readonly line: number
}

export interface JsonRecords {
  /** Takes the next piece of text; returns the records that it completes. */
  write(text: string): JsonRecord[]
  /** Throws ERR_FILE_FORMAT if a value is unfinished. */
  end(): JsonRecord[]
}

/** Places between values: outside of everything, or in a list of objects before a value, or after one. */
type Place = 'outside' | 'before' | 'after'

const [TAB, LINE, RETURN, SPACE, QUOTE, COMMA, BACKSLASH] = [9, 10, 13, 32, 34, 44, 92]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125]

const isBlank = (code: number) => code === SPACE || code === LINE || code === TAB || code === RETURN

/** Time and memory are linear in the text; a value is at most MOST_CHARACTERS long. */
export function jsonRecords(name: string): JsonRecords {
  let place: Place = 'outside'
  let line = 1
  let parts: string[] = []
  let size = 0
  let first = 0 // line of the value being read
  let depth = 0
  let open = false // within a value
  let scalar = false // which is no list, object or string: it ends before a blank, a comma or a bracket
  let listed = false // it began with [ and only blanks came since: a list of objects, if { is next
  let inString = false
  let escaped = false

  const keep = (text: string) => {
    size += text.length
    if (size > MOST_CHARACTERS) {
      const remedy = 'write one sample a line, or split the file'
      throw formatError(`line ${first} of ${name}`, `at most ${MOST_CHARACTERS} characters a sample`, 'more', remedy)
    }
    if (text !== '') parts.push(text)
  }
  const finish = (): JsonRecord => {
    const record = { text: parts.join(''), line: first }
    ;[parts, size, open, scalar, listed] = [[], 0, false, false, false]
    if (place === 'before') place = 'after'
    return record
  }
  const misplaced = (found: string) => {
    const expected = place === 'after' ? '"," or "]" after a sample' : 'a sample'
    return formatError(`line ${line} of ${name}`, expected, quoted(found))
  }

  function write(text: string): JsonRecord[] {
    const records: JsonRecord[] = []
    let from = 0 // begin of the value in this piece
    const close = (end: number) => {
      keep(text.slice(from, end))
      records.push(finish())
    }
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code === LINE) line++
      if (inString) {
        if (escaped) escaped = false
        else if (code === BACKSLASH) escaped = true
        else if (code === QUOTE) {
          inString = false
          if (depth === 0) close(i + 1)
        }
        continue
      }
      const begins = !open
      if (begins) {
        if (isBlank(code)) continue
        if (place !== 'outside' && code === CLOSE_LIST) {
          place = 'outside'
          continue
        }
        if (place === 'after') {
          if (code !== COMMA) throw misplaced(text.slice(i, i + 20))
          place = 'before'
          continue
        }
        ;[open, from, first, depth] = [true, i, line, 0]
        scalar = code !== OPEN_LIST && code !== OPEN_OBJECT && code !== QUOTE
        listed = place === 'outside' && code === OPEN_LIST
        if (scalar) continue
      } else if (scalar) {
        if (isBlank(code) || code === COMMA || code === CLOSE_LIST) {
          close(i)
          i--
          if (code === LINE) line--
        }
        continue
      }
      if (listed && code === OPEN_OBJECT) {
        // What was kept of the list is its bracket and blanks.
        ;[place, from, first, parts, size, depth] = ['before', i, line, [], 0, 0]
        listed = false
      } else if (listed && !begins && !isBlank(code)) {
        listed = false
      }
      if (code === QUOTE) inString = true
      else if (code === OPEN_LIST || code === OPEN_OBJECT) depth++
      else if ((code === CLOSE_LIST || code === CLOSE_OBJECT) && --depth === 0) close(i + 1)
    }
    if (open) keep(text.slice(from))
    return records
  }

  return {
    write,
    end() {
      if (open && scalar) return [finish()]
      if (open)
        throw formatError(`line ${first} of ${name}`, 'JSON', quoted(parts.join('').slice(0, 64)), 'it has no end')
      if (place !== 'outside') throw misplaced('the end')
      return []
    }
  }
}
