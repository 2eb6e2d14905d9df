// Ink in JSON, one sample a line, in a list, or a whole document. The form of a value decides its format: an object with
// "strokes" (stroke JSON) or "drawing" (QuickDraw), or a bare array of offsets (stroke-3, stroke-5).

import type { InkDraft, InkOptions, StrokeColumns } from '../strokes.js'
import { inkFromColumns, inkLimits, invalidInk, showPoint } from '../strokes.js'
import { jsonRecords, type JsonRecord } from './json-records.js'
import { fromOffsets } from './offsets.js'
import { inkFormatError, excerpt, type InkParser, type InkParserOptions } from './parser.js'
import { drawingColumns } from './quickdraw.js'

const MAX_FIELDS = 64
const MAX_FIELD_LENGTH = 256

/** Returns a parser of one file of JSON. */
export function jsonParser({ name, yDown }: InkParserOptions): InkParser {
  const records = jsonRecords(name)
  let any = false
  const draftOf = ({ text, line }: JsonRecord): InkDraft => {
    any = true
    const source = `line ${line} of ${name}`
    const value = parse(text, source)
    return () => inkFromJson(value, source, yDown)
  }
  return {
    *write(text) {
      for (const record of records.write(text)) yield draftOf(record)
    },
    *end() {
      for (const record of records.end()) yield draftOf(record)
      if (!any) throw inkFormatError(name, 'ink', 'nothing')
    }
  }
}

function parse(text: string, source: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw inkFormatError(source, 'JSON', excerpt(text))
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Returns one sample. `yDown`: default false for objects with "strokes", true for drawings and offsets. */
function inkFromJson(value: unknown, source: string, yDown: boolean | undefined) {
  const drawn = { source, yDown: yDown ?? true }
  if (Array.isArray(value)) return fromOffsets(value, drawn)
  if (!isObject(value))
    throw inkFormatError(source, 'an object with "strokes" or an array of offsets', showPoint(value))
  const { strokes, drawing, text, label, word, ...others } = value
  const options = (written: unknown, how: { source: string; yDown: boolean }): InkOptions => {
    if (written !== null && typeof written !== 'string')
      throw inkFormatError(source, 'a string as "text"', showPoint(written))
    return { ...how, text: written, fields: fieldsOf(others, source) }
  }
  if (strokes === undefined && Array.isArray(drawing))
    return inkFromColumns(drawingColumns(drawing, source), options(word ?? text ?? label ?? null, drawn))
  if (!Array.isArray(strokes)) {
    const remedy = 'write {"strokes": [[[x, y], ...], ...], "text": "..."}, a sample a line'
    throw inkFormatError(source, 'an array as "strokes" or "drawing"', showPoint(strokes ?? drawing), remedy)
  }
  const columns = strokes.length > inkLimits.strokes ? [] : strokes.map((stroke, i) => columnsOf(stroke, i, source))
  if (columns.length < strokes.length)
    throw invalidInk(source, `at most ${inkLimits.strokes} strokes`, String(strokes.length))
  if (word !== undefined) others['word'] = word
  if (drawing !== undefined) others['drawing'] = drawing
  return inkFromColumns(columns, options(text ?? label ?? null, { source, yDown: yDown ?? false }))
}

/** Returns the columns of a stroke whose points are [x, y], [x, y, t] or {x, y, t}; values are checked later. */
function columnsOf(stroke: unknown, index: number, source: string): StrokeColumns {
  const where = `stroke ${index + 1} of ${source}`
  const points: unknown = isObject(stroke) ? stroke['points'] : stroke
  if (!Array.isArray(points))
    throw inkFormatError(source, `an array of points as stroke ${index + 1}`, showPoint(stroke))
  const rows = points.map((point: unknown, i): unknown[] => {
    const row = isObject(point) ? rowOf(point) : point
    if (Array.isArray(row) && (row.length === 2 || row.length === 3)) return row
    throw invalidInk(where, `numbers [x, y], [x, y, t] or {x, y, t} as point ${i + 1}`, showPoint(point))
  })
  const column = (k: number) => rows.map((row) => row[k]) as number[]
  return { x: column(0), y: column(1), t: rows.every((row) => row.length === 3) ? column(2) : null }
}

function rowOf({ x, y, t, time }: Record<string, unknown>): unknown[] {
  const at = t ?? time
  return at === undefined || at === null ? [x, y] : [x, y, at]
}

function fieldsOf(others: Record<string, unknown>, source: string): Record<string, string> {
  const names = Object.keys(others)
  if (names.length > MAX_FIELDS) throw inkFormatError(source, `at most ${MAX_FIELDS} fields`, String(names.length))
  const fields: [string, string][] = []
  for (const name of names) {
    const value = others[name]
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') continue
    fields.push([name, String(value).slice(0, MAX_FIELD_LENGTH)])
  }
  return Object.fromEntries(fields)
}
