// Strict JSON for files that are not trusted: duplicate names, wide integers and deep nesting are refused, and objects become
// Maps so that no name can reach a prototype. And canonical JSON: the same value gives the same bytes.

import { expected, isObject } from '../errors.js'

/** A value that JSON can represent. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
/** An object of JSON values. Members that are undefined are left out when it is written. */
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined
}

/** A line of JSON for programs: `event` is the kind of the record, in snake_case. */
export type EventRecord = JsonObject & { readonly event: string }

/** A parsed value of a file that is not trusted. */
export type StrictJson = null | boolean | number | string | StrictJson[] | Map<string, StrictJson>

const MAX_DEPTH = 64
/** Maximum number of elements of a list that is written; a vocabulary has at most 1.1 million. */
const MAX_ELEMENTS = 2 ** 24
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y
const INTEGER = /0|[1-9][0-9]*/y
const SPACE = /[ \t\n\r]*/y
const PLAIN = /[^"\\\u0000-\u001f]*/y
/** Letters after a backslash. */
const ESCAPES: readonly string[] = ['"', '\\', '/', 'b', 'f', 'n', 'r', 't']

/** Narrower bounds of `parseStrictJson`. */
export interface StrictJsonOptions {
  /** Whether every number must be written as an integer from 0 to 2^53 - 1. Default false. */
  integersOnly?: boolean
  /** Most values, also names of members: each takes about 64 bytes of memory. Default: any number. */
  most?: number
}

/**
 * Parses RFC 8259 JSON, strictly: a name that occurs twice in an object, more than 64 levels and numbers that are not finite are errors.
 * Throws ERR_FILE_FORMAT, which calls the file `source`.
 */
export function parseStrictJson(text: string, source: string, options: StrictJsonOptions = {}): StrictJson {
  return new StrictParser(text, source, options).document()
}

/** A parser by recursive descent: a method for each production of the grammar, which begins at `#at` and moves it to the end. */
class StrictParser {
  readonly #text: string
  readonly #source: string
  readonly #integersOnly: boolean
  #left: number
  #at = 0

  constructor(text: string, source: string, { integersOnly = false, most = Infinity }: StrictJsonOptions) {
    this.#text = text
    this.#source = source
    this.#integersOnly = integersOnly
    this.#left = most
  }

  document(): StrictJson {
    const result = this.#value(0)
    if (this.#at < this.#text.length) this.#fail('the end')
    return result
  }

  #value(depth: number): StrictJson {
    this.#skip(SPACE)
    const result = this.#bare(depth)
    this.#skip(SPACE)
    return result
  }

  #bare(depth: number): StrictJson {
    if (depth > MAX_DEPTH) this.#fail(`at most ${MAX_DEPTH} levels`)
    this.#count()
    const first = this.#text[this.#at]
    if (first === '{') return this.#object(depth + 1)
    if (first === '[') return this.#array(depth + 1)
    if (first === '"') return this.#string()
    if (first === 't') return this.#literal('true', true)
    if (first === 'f') return this.#literal('false', false)
    if (first === 'n') return this.#literal('null', null)
    return this.#number()
  }

  #object(depth: number): Map<string, StrictJson> {
    const members = new Map<string, StrictJson>()
    this.#at++
    this.#skip(SPACE)
    if (this.#closed('}')) return members
    for (;;) {
      const begin = this.#at
      this.#count()
      const key = this.#string()
      if (members.has(key)) {
        this.#at = begin
        this.#fail('a name that was not there before')
      }
      this.#skip(SPACE)
      this.#expect(':')
      members.set(key, this.#value(depth))
      if (this.#closed('}')) return members
      this.#expect(',')
      this.#skip(SPACE)
    }
  }

  #array(depth: number): StrictJson[] {
    const items: StrictJson[] = []
    this.#at++
    this.#skip(SPACE)
    if (this.#closed(']')) return items
    for (;;) {
      items.push(this.#value(depth))
      if (this.#closed(']')) return items
      this.#expect(',')
    }
  }

  #count(): void {
    if (--this.#left < 0) this.#fail('the end of a document of fewer values')
  }

  #string(): string {
    const begin = this.#at
    this.#expect('"')
    let escaped = false
    this.#skip(PLAIN)
    while (this.#text[this.#at] !== '"') {
      if (this.#text[this.#at] !== '\\') this.#fail('the end of a string')
      this.#skipEscape()
      this.#skip(PLAIN)
      escaped = true
    }
    this.#at++
    // A text made of its parts would take a multiple of the memory of the file.
    if (escaped) return JSON.parse(this.#text.slice(begin, this.#at)) as string
    return this.#text.slice(begin + 1, this.#at - 1)
  }

  #skipEscape(): void {
    const letter = this.#text[this.#at + 1] ?? ''
    const isCode = letter === 'u'
    if (isCode && !/^[0-9a-fA-F]{4}$/.test(this.#text.slice(this.#at + 2, this.#at + 6)))
      this.#fail('four hexadecimal digits')
    if (!isCode && !ESCAPES.includes(letter)) this.#fail('an escape sequence')
    this.#at += isCode ? 6 : 2
  }

  #number(): number {
    const begin = this.#at
    const [pattern, kind] = this.#integersOnly ? [INTEGER, 'an integer'] : [NUMBER, 'a value']
    const value = Number(this.#match(pattern) || this.#fail(kind))
    if (this.#integersOnly ? Number.isSafeInteger(value) : Number.isFinite(value)) return value
    this.#at = begin
    this.#fail(this.#integersOnly ? 'an integer below 2^53' : 'a finite number')
  }

  #literal<T>(word: string, meaning: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail('a value')
    this.#at += word.length
    return meaning
  }

  /** Moves past the text that a sticky pattern matches. */
  #skip(pattern: RegExp): void {
    pattern.lastIndex = this.#at
    if (pattern.test(this.#text)) this.#at = pattern.lastIndex
  }

  /** Moves past the text that a sticky pattern matches, and returns it. */
  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }

  #expect(character: string): void {
    if (!this.#closed(character)) this.#fail(`'${character}'`)
  }

  /** Moves past `character` if it is next, and returns whether it was. */
  #closed(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #fail(what: string): never {
    const found = this.#at < this.#text.length ? JSON.stringify(this.#text.slice(this.#at, this.#at + 12)) : 'the end'
    const place = `${what} at character ${this.#at} of the JSON in ${this.#source}`
    throw expected('ERR_FILE_FORMAT', place, found, 'the file is damaged or foreign')
  }
}

/** Parses a JSON object into a plain object; refuses what parseStrictJson refuses, and the name `__proto__`. */
export function parseJsonObject(text: string, source: string): JsonObject {
  const value = parseStrictJson(text, source)
  if (!(value instanceof Map)) {
    throw expected('ERR_FILE_FORMAT', `a JSON object in ${source}`, 'another value', 'the file is damaged')
  }
  return plain(value, source) as JsonObject
}

function plain(value: StrictJson, source: string): JsonValue {
  if (Array.isArray(value)) return value.map((item) => plain(item, source))
  if (!(value instanceof Map)) return value
  if (value.has('__proto__')) {
    throw expected('ERR_FILE_FORMAT', `ordinary names in ${source}`, '"__proto__"', 'rename it')
  }
  return Object.fromEntries([...value].map(([key, member]) => [key, plain(member, source)]))
}

/**
 * Returns JSON with sorted names and no spaces. Members that are undefined are left out. Throws ERR_INVALID_ARGUMENT, with the
 * path, for NaN and infinities, which JSON cannot represent, and for values that parseJsonObject would refuse: more than 64
 * levels (a value that contains itself has no end of them), or the name `__proto__`.
 */
export function canonicalJson(value: JsonValue, path = 'value', depth = 0): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return JSON.stringify(value)
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `a finite number at ${path}`,
      `${value}`,
      'JSON has neither NaN nor infinity'
    )
  }
  if (!isObject(value) || (!Array.isArray(value) && Object.prototype.toString.call(value) !== '[object Object]')) {
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `a JSON value at ${path}`,
      `a ${typeof value}`,
      'leave it out, or convert it'
    )
  }
  if (depth > MAX_DEPTH) {
    const found = `more at ${path.slice(0, 80)}...`
    const remedy = 'flatten the value, or remove its reference to itself'
    throw expected('ERR_INVALID_ARGUMENT', `at most ${MAX_DEPTH} levels`, found, `${remedy}`)
  }
  if (Array.isArray(value)) {
    if (value.length > MAX_ELEMENTS)
      throw expected(
        'ERR_INVALID_ARGUMENT',
        `at most ${MAX_ELEMENTS} elements at ${path}`,
        `${value.length}`,
        'divide the list'
      )
    // Array.from, because map leaves out holes, which would give [,].
    const items = Array.from(value, (item: JsonValue, i) => canonicalJson(item, `${path}[${i}]`, depth + 1))
    return `[${items.join(',')}]`
  }
  const members: string[] = []
  const record = value as JsonObject
  if (Object.hasOwn(record, '__proto__'))
    throw expected('ERR_INVALID_ARGUMENT', `ordinary names at ${path}`, '"__proto__"', 'rename it')
  for (const key of Object.keys(record).sort()) {
    const member = record[key]
    if (member !== undefined)
      members.push(`${JSON.stringify(key)}:${canonicalJson(member, `${path}.${key}`, depth + 1)}`)
  }
  return `{${members.join(',')}}`
}
