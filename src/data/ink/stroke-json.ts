// Ink from JSON: an object {"strokes": [[[x, y] or [x, y, t], ...], ...], "text": ...} a sample, "label" for "text" where that
// is the name, other scalars as fields; or stroke-3, a bare array [[dx, dy, pen up], ...] of offsets (Graves 2013, Ha and Eck
// 2017), whose y points down. A file is one value, an array of samples, or a value a line (NDJSON).

import { GatecellError } from '../../errors.js'
import { createInk, inkLimits, invalidInk, type Ink, type InkDraft, type InkPoint } from './strokes.js'

const MAX_FIELDS = 64
const MAX_FIELD_LENGTH = 256

/** A line or a whole document that is no JSON, or no ink: ERR_FILE_FORMAT. */
function notInk(source: string, expected: string, found: string): GatecellError {
  return new GatecellError('ERR_FILE_FORMAT', `Expected ${expected} in ${source} but found ${found}.`)
}

function parse(text: string, source: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    const start = JSON.stringify(text.slice(0, 24))
    throw new GatecellError('ERR_FILE_FORMAT', `Expected JSON in ${source} but found ${start}.`, { cause })
  }
}

/** The samples of a JSON text. ERR_FILE_FORMAT, ERR_INVALID_INK. */
export function* parseStrokeJson(text: string, name: string, yDown?: boolean): Generator<InkDraft> {
  const lines = text.split('\n')
  const first = lines.findIndex((line) => line.trim() !== '')
  if (first < 0) throw notInk(name, 'ink', 'nothing')
  // Two values that each end on their line are NDJSON; anything else is one document.
  if (!isJson(lines[first]!)) return yield* samplesOf(parse(text, name), name, yDown)
  for (let i = first; i < lines.length; i++) {
    const source = lines.length > first + 2 ? `line ${i + 1} of ${name}` : name
    if (lines[i]!.trim() !== '') yield* samplesOf(parse(lines[i]!, source), source, yDown)
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function* samplesOf(value: unknown, source: string, yDown: boolean | undefined): Generator<InkDraft> {
  const isList = Array.isArray(value) && value.length > 0 && value.every((item) => isObject(item))
  if (!isList) return yield () => inkFromJson(value, source, yDown)
  for (const [i, item] of (value as unknown[]).entries())
    yield () => inkFromJson(item, `sample ${i + 1} of ${source}`, yDown)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** One sample: an object with strokes, or stroke-3. `yDown`: default true for stroke-3, false else. */
export function inkFromJson(value: unknown, source: string, yDown?: boolean): Ink {
  if (Array.isArray(value)) return fromOffsets(value, source, yDown ?? true)
  if (!isObject(value)) throw notInk(source, 'an object with "strokes" or an array of offsets', `${typeof value}`)
  const { strokes, text, label, ...others } = value
  if (!Array.isArray(strokes)) throw notInk(source, 'an array as "strokes"', typeof strokes)
  const written = text ?? label ?? null
  if (written !== null && typeof written !== 'string') throw notInk(source, 'a string as "text"', typeof written)
  strokes.forEach((stroke, i) => {
    const points = Array.isArray(stroke) && stroke.every((point) => Array.isArray(point))
    if (!points) throw notInk(source, `an array of points as stroke ${i + 1}`, 'another value')
  })
  const points = strokes as InkPoint[][]
  return createInk(points, { text: written, fields: fieldsOf(others, source), source, yDown: yDown ?? false })
}

/** Offsets to strokes, from the origin; the first offset is the place of the first point. */
function fromOffsets(offsets: readonly unknown[], source: string, yDown: boolean): Ink {
  if (offsets.length > inkLimits.points)
    throw invalidInk(source, `at most ${inkLimits.points} points`, `${offsets.length}`)
  const strokes: InkPoint[][] = []
  let stroke: InkPoint[] = []
  let [x, y] = [0, 0]
  offsets.forEach((offset, i) => {
    const fits = Array.isArray(offset) && offset.length === 3 && (offset[2] === 0 || offset[2] === 1)
    if (!fits) throw notInk(source, `[dx, dy, 0 or 1] as offset ${i + 1}`, 'another value')
    const [dx, dy, up] = offset as [unknown, unknown, number]
    x += dx as number
    y += dy as number
    stroke.push([x, y])
    if (up === 1) strokes.push(stroke)
    if (up === 1) stroke = []
  })
  if (stroke.length > 0) strokes.push(stroke)
  return createInk(strokes, { source, yDown })
}

function fieldsOf(others: Record<string, unknown>, source: string): Record<string, string> {
  const names = Object.keys(others)
  if (names.length > MAX_FIELDS) throw notInk(source, `at most ${MAX_FIELDS} fields`, String(names.length))
  const fields: [string, string][] = []
  for (const name of names) {
    const value = others[name]
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') continue
    fields.push([name, String(value).slice(0, MAX_FIELD_LENGTH)])
  }
  return Object.fromEntries(fields)
}
