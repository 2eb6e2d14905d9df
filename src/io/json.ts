// JSON for files of people we do not trust: duplicate names, wide integers and deep nesting are refused, objects become
// Maps so that no name can reach a prototype. And canonical JSON: the same value gives the same bytes.

import { GatecellError, isObject } from '../errors.js'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined
}

export type StrictJson = null | boolean | number | string | StrictJson[] | Map<string, StrictJson>

const MAX_DEPTH = 64
/** Most elements of a list that is written; a vocabulary has at most 1.1 million. */
const MAX_ELEMENTS = 2 ** 24
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y
const INTEGER = /0|[1-9][0-9]*/y
const SPACE = /[ \t\n\r]*/y
const PLAIN = /[^"\\\u0000-\u001f]*/y
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t'
}

/**
 * Parses RFC 8259 JSON, strictly. `source` names the file in the error (ERR_FILE_FORMAT). With `integersOnly` every
 * number must be written as an integer from 0 to 2^53 - 1.
 */
export function parseStrictJson(text: string, source: string, integersOnly = false): StrictJson {
  let at = 0

  function fail(expected: string): never {
    const found = at < text.length ? JSON.stringify(text.slice(at, at + 12)) : 'the end'
    throw new GatecellError(
      'ERR_FILE_FORMAT',
      `Expected ${expected} at character ${at} of the JSON in ${source} but found ${found}: the file is damaged or foreign.`
    )
  }

  function match(pattern: RegExp): string {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0] ?? ''
    at += found.length
    return found
  }

  function expect(character: string): void {
    if (text[at] !== character) fail(`'${character}'`)
    at++
  }

  function closed(bracket: string): boolean {
    if (text[at] !== bracket) return false
    at++
    return true
  }

  function string(): string {
    expect('"')
    let value = match(PLAIN)
    while (text[at] !== '"') {
      if (text[at] !== '\\') fail('the end of a string')
      const escape = text[at + 1] ?? ''
      if (escape === 'u') {
        const digits = text.slice(at + 2, at + 6)
        if (!/^[0-9a-fA-F]{4}$/.test(digits)) fail('four hexadecimal digits')
        value += String.fromCharCode(parseInt(digits, 16))
        at += 6
      } else {
        const meaning = ESCAPES[escape]
        if (meaning === undefined) fail('an escape sequence')
        value += meaning
        at += 2
      }
      value += match(PLAIN)
    }
    at++
    return value
  }

  function number(): number {
    const begin = at
    const value = Number(match(integersOnly ? INTEGER : NUMBER) || fail(integersOnly ? 'an integer' : 'a value'))
    if (integersOnly ? Number.isSafeInteger(value) : Number.isFinite(value)) return value
    at = begin
    fail(integersOnly ? 'an integer below 2^53' : 'a finite number')
  }

  function object(depth: number): Map<string, StrictJson> {
    const members = new Map<string, StrictJson>()
    at++
    match(SPACE)
    if (closed('}')) return members
    for (;;) {
      const begin = at
      const key = string()
      if (members.has(key)) {
        at = begin
        fail('a name that was not there before')
      }
      match(SPACE)
      expect(':')
      members.set(key, value(depth))
      if (closed('}')) return members
      expect(',')
      match(SPACE)
    }
  }

  function array(depth: number): StrictJson[] {
    const items: StrictJson[] = []
    at++
    match(SPACE)
    if (closed(']')) return items
    for (;;) {
      items.push(value(depth))
      if (closed(']')) return items
      expect(',')
    }
  }

  function literal<T>(word: string, meaning: T): T {
    if (!text.startsWith(word, at)) fail('a value')
    at += word.length
    return meaning
  }

  function bare(depth: number): StrictJson {
    if (depth > MAX_DEPTH) fail(`at most ${MAX_DEPTH} levels`)
    const first = text[at]
    if (first === '{') return object(depth + 1)
    if (first === '[') return array(depth + 1)
    if (first === '"') return string()
    if (first === 't') return literal('true', true)
    if (first === 'f') return literal('false', false)
    if (first === 'n') return literal('null', null)
    return number()
  }

  function value(depth: number): StrictJson {
    match(SPACE)
    const result = bare(depth)
    match(SPACE)
    return result
  }

  const result = value(0)
  if (at < text.length) fail('the end')
  return result
}

/** Parses a JSON object into a plain object; refuses what parseStrictJson refuses, and the name `__proto__`. */
export function parseJsonObject(text: string, source: string): JsonObject {
  const value = parseStrictJson(text, source)
  if (!(value instanceof Map)) {
    throw new GatecellError(
      'ERR_FILE_FORMAT',
      `Expected a JSON object in ${source} but found another value: the file is damaged.`
    )
  }
  return plain(value, source) as JsonObject
}

function plain(value: StrictJson, source: string): JsonValue {
  if (Array.isArray(value)) return value.map((item) => plain(item, source))
  if (!(value instanceof Map)) return value
  if (value.has('__proto__')) {
    throw new GatecellError('ERR_FILE_FORMAT', `Expected ordinary names in ${source} but found "__proto__": rename it.`)
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
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `Expected a finite number at ${path} but received ${value}: JSON has neither NaN nor infinity.`
    )
  }
  if (!isObject(value) || (!Array.isArray(value) && Object.prototype.toString.call(value) !== '[object Object]')) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `Expected a JSON value at ${path} but received a ${typeof value}: leave it out, or convert it.`
    )
  }
  if (depth > MAX_DEPTH) {
    const found = `more at ${path.slice(0, 80)}...`
    const remedy = 'flatten the value, or remove its reference to itself'
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `Expected at most ${MAX_DEPTH} levels but received ${found}: ${remedy}.`
    )
  }
  if (Array.isArray(value)) {
    if (value.length > MAX_ELEMENTS)
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected at most ${MAX_ELEMENTS} elements at ${path} but received ${value.length}: divide the list.`
      )
    // Array.from, because map leaves out holes, which would give [,].
    const items = Array.from(value, (item: JsonValue, i) => canonicalJson(item, `${path}[${i}]`, depth + 1))
    return `[${items.join(',')}]`
  }
  const members: string[] = []
  const record = value as JsonObject
  if (Object.hasOwn(record, '__proto__'))
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `Expected ordinary names at ${path} but received "__proto__": rename it.`
    )
  for (const key of Object.keys(record).sort()) {
    const member = record[key]
    if (member !== undefined)
      members.push(`${JSON.stringify(key)}:${canonicalJson(member, `${path}.${key}`, depth + 1)}`)
  }
  return `{${members.join(',')}}`
}
