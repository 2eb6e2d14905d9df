// JSON text cut into the values that are samples, one sample in memory at a time: the values of a file one after the other (NDJSON, or a
// single document over several lines), and the objects of a list of objects one by one.

import { excerpt, inkFormatError, MAX_CHARACTERS } from './parser.js'

/** One JSON value as text, and the line on which it begins, from 1. */
export interface JsonRecord {
  readonly text: string
  readonly line: number
}

/** A cutter of one file into records. */
export interface JsonRecords {
  /** Takes the next piece of text and returns the records that it completes. Throws ERR_FILE_FORMAT. */
  write(text: string): JsonRecord[]
  /** Ends the text and returns the last record. Throws ERR_FILE_FORMAT if a value is unfinished. */
  end(): JsonRecord[]
}

const [TAB, LINE, RETURN, SPACE, QUOTE, COMMA, BACKSLASH] = [9, 10, 13, 32, 34, 44, 92]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125]

const isBlank = (code: number) => code === SPACE || code === LINE || code === TAB || code === RETURN

/**
 * Returns a cutter of the file `name`. Time and memory are linear in the text. The cutter throws ERR_FILE_FORMAT for a value of more than
 * `MAX_CHARACTERS`, for text between the objects of a list, and for a value without an end.
 */
export function jsonRecords(name: string): JsonRecords {
  const cutter = new RecordCutter(name)
  return { write: (text) => cutter.write(text), end: () => cutter.end() }
}

class RecordCutter {
  readonly #name: string
  /** The piece of text that is being read, where in it the value begins, and the records that it completed. */
  #text = ''
  #from = 0
  #records: JsonRecord[] = []
  #line = 1
  /** Between values: outside of any list, or in a list of objects before a value or after one. */
  #place: 'outside' | 'before' | 'after' = 'outside'
  /** Of the value that is being read: whether there is one, its line, its earlier pieces and their length. */
  #open = false
  #first = 0
  #parts: string[] = []
  #size = 0
  #depth = 0
  /** The value is a number or word, which ends before a blank, a comma or a bracket. */
  #scalar = false
  /** The value began with [ and only blanks came since: it is a list of objects if { is next. */
  #listed = false
  #inString = false
  #escaped = false

  constructor(name: string) {
    this.#name = name
  }

  write(text: string): JsonRecord[] {
    this.#text = text
    this.#from = 0
    this.#records = []
    for (let i = 0; i < text.length;) {
      if (this.#inString) i = this.#readString(i)
      else if (!this.#open) i = this.#readBetween(i)
      else if (this.#scalar) i = this.#readScalar(i)
      else i = this.#readNested(i)
    }
    if (this.#open) this.#keep(text.slice(this.#from))
    return this.#records
  }

  end(): JsonRecord[] {
    if (this.#open && this.#scalar) return [this.#finish()]
    if (this.#open) {
      const found = excerpt(this.#parts.join('').slice(0, 64))
      throw inkFormatError(`line ${this.#first} of ${this.#name}`, 'JSON', found, 'it has no end')
    }
    if (this.#place !== 'outside') throw this.#misplaced('the end')
    return []
  }

  /** Reads from `i` on to the first character of a value, and returns the position after it. */
  #readBetween(i: number): number {
    const text = this.#text
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code === LINE) this.#line++
      if (isBlank(code)) continue
      if (this.#place !== 'outside' && code === CLOSE_LIST) {
        this.#place = 'outside'
      } else if (this.#place === 'after') {
        if (code !== COMMA) throw this.#misplaced(text.slice(i, i + 20))
        this.#place = 'before'
      } else {
        this.#begin(i, code)
        return i + 1
      }
    }
    return i
  }

  #begin(i: number, code: number): void {
    const nested = code === OPEN_LIST || code === OPEN_OBJECT
    this.#open = true
    this.#from = i
    this.#first = this.#line
    this.#depth = nested ? 1 : 0
    this.#inString = code === QUOTE
    this.#scalar = !nested && !this.#inString
    this.#listed = this.#place === 'outside' && code === OPEN_LIST
  }

  /** Reads to the end of a number or word, which the character after it shows. */
  #readScalar(i: number): number {
    const text = this.#text
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (!isBlank(code) && code !== COMMA && code !== CLOSE_LIST) continue
      this.#close(i)
      return i
    }
    return i
  }

  /** Reads to the end of a string, its quote included. */
  #readString(i: number): number {
    const text = this.#text
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code === LINE) this.#line++
      if (this.#escaped) this.#escaped = false
      else if (code === BACKSLASH) this.#escaped = true
      else if (code === QUOTE) {
        this.#inString = false
        if (this.#depth === 0) this.#close(i + 1)
        return i + 1
      }
    }
    return i
  }

  /** Reads within a list or object, to its end or to the beginning of a string. */
  #readNested(i: number): number {
    const text = this.#text
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code === LINE) this.#line++
      if (this.#listed && !isBlank(code)) {
        this.#listed = false
        if (code === OPEN_OBJECT) this.#enterList(i)
      }
      if (code === QUOTE) {
        this.#inString = true
        return i + 1
      }
      if (code === OPEN_LIST || code === OPEN_OBJECT) this.#depth++
      else if ((code === CLOSE_LIST || code === CLOSE_OBJECT) && --this.#depth === 0) {
        this.#close(i + 1)
        return i + 1
      }
    }
    return i
  }

  /** Drops the bracket and blanks before the first object of a list: each object is a record. */
  #enterList(i: number): void {
    this.#place = 'before'
    this.#from = i
    this.#first = this.#line
    this.#parts = []
    this.#size = 0
    this.#depth = 0
  }

  #close(end: number): void {
    this.#keep(this.#text.slice(this.#from, end))
    this.#records.push(this.#finish())
  }

  #keep(text: string): void {
    this.#size += text.length
    if (this.#size > MAX_CHARACTERS) {
      const where = `line ${this.#first} of ${this.#name}`
      const remedy = 'write one sample a line, or split the file'
      throw inkFormatError(where, `at most ${MAX_CHARACTERS} characters a sample`, 'more', remedy)
    }
    if (text !== '') this.#parts.push(text)
  }

  #finish(): JsonRecord {
    const record = { text: this.#parts.join(''), line: this.#first }
    this.#parts = []
    this.#size = 0
    this.#open = false
    this.#scalar = false
    this.#listed = false
    if (this.#place === 'before') this.#place = 'after'
    return record
  }

  #misplaced(found: string): Error {
    const what = this.#place === 'after' ? '"," or "]" after a sample' : 'a sample'
    return inkFormatError(`line ${this.#line} of ${this.#name}`, what, excerpt(found))
  }
}
