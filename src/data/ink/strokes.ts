// Ink: handwriting as strokes of points in the order of writing. x grows to the right and y up, in any unit; t grows
// with time, in any unit, if the device records it. Every reader of this folder returns ink through `createInk`, which refuses
// ink that no model can use: without strokes, with a single point, or with coordinates that are not numbers or too large.

import { types } from 'node:util'
import { anything, boolean, list, nullable, numbers, open, optional, options as optionsOf } from '../../check/index.js'
import { record, string, type Check } from '../../check/index.js'
import { expected, type GatecellError, isObject, isRevoked } from '../../errors.js'

/** The points of the pen between touching and leaving the paper. */
export interface Stroke {
  readonly x: Float64Array
  readonly y: Float64Array
  /** Times of the points, never falling within a stroke; null if the source has none. */
  readonly t: Float64Array | null
}

/** One sample of writing or drawing. */
export interface Ink {
  readonly strokes: readonly Stroke[]
  /** The text that was written, if the source has it. */
  readonly text: string | null
  /** Further properties of the sample in the source: writer, font, comment ... */
  readonly fields: Readonly<Record<string, string>>
  /** Its place, for messages: file and line or number. */
  readonly source: string
}

/** A sample that was parsed but not checked: calling it returns the ink, or throws ERR_INVALID_INK. */
export type InkDraft = () => Ink

/** A stroke before its values are checked: one array for each coordinate, t null if the source has no times. */
export interface StrokeColumns {
  readonly x: ArrayLike<number>
  readonly y: ArrayLike<number>
  readonly t: ArrayLike<number> | null
}

/** The options of `createInk`. */
export interface InkOptions {
  readonly text?: string | null
  readonly fields?: Readonly<Record<string, string>>
  readonly source?: string
  /** Whether y grows downwards in the source, as on screens. Default: false. */
  readonly yDown?: boolean
}

/** One point as people write it: [x, y] or [x, y, t]. */
export type InkPoint = readonly number[]

/** Sizes beyond which ink is refused: far above those of a sentence, far below those that fill a memory. */
export const inkLimits = { strokes: 2 ** 14, points: 2 ** 17, coordinate: 1e12, text: 2 ** 12 } as const

/** The values that a point may hold, for messages. */
export const coordinates = 'numbers from -1e12 to 1e12'

/** Returns the error ERR_INVALID_INK for ink of `source`: `what` was expected, `found` was received. */
export function invalidInk(source: string, what: string, found: string): GatecellError {
  return expected('ERR_INVALID_INK', `${what} in ${source}`, found, 'correct this ink, or leave it out')
}

const readInkOptions = optionsOf<InkOptions>({
  text: optional(nullable(string)),
  fields: optional(record(string)),
  source: optional(string),
  yDown: optional(boolean)
})

/**
 * Returns ink from strokes of points. Throws ERR_INVALID_INK for no strokes, fewer than two points in all, sizes beyond
 * `inkLimits`, coordinates that are not numbers, times that fall within a stroke, and ERR_INVALID_ARGUMENT for options of other types.
 */
export function createInk(points: readonly (readonly InkPoint[])[], inkOptions: InkOptions = {}): Ink {
  const options = readInkOptions(inkOptions, 'the options of createInk')
  const { source = 'the ink' } = options
  if (isArray(points)) checkCount(points.length, source)
  const isList = isArray(points) && points.every(isArray)
  if (!isList) throw invalidInk(source, 'an array of strokes, each an array of points', showPoint(points))
  checkSizes(points.length, sumOf(points), source)
  const strokes = points.map((stroke, index) => {
    return Array.from(stroke, (point, i) => readPoint(point, i, `stroke ${index + 1} of ${source}`))
  })
  const timed = strokes.every((stroke) => stroke.every((point) => point.length === 3))
  const columns = strokes.map((stroke): StrokeColumns => {
    const column = (k: 0 | 1 | 2) => Float64Array.from(stroke, (point) => point[k]!)
    return { x: column(0), y: column(1), t: timed ? column(2) : null }
  })
  return inkFromColumns(columns, options)
}

/** Returns the result of Array.isArray, but false for a revoked proxy, for which Array.isArray throws. */
function isArray(value: unknown): value is unknown[] {
  return !isRevoked(value) && Array.isArray(value)
}

/** Returns a copy of the point `value`. Throws ERR_INVALID_INK unless it is [x, y] or [x, y, t] of numbers within `inkLimits`. */
function readPoint(value: unknown, index: number, source: string): readonly number[] {
  const point: unknown[] = isArray(value) && value.length <= 3 ? Array.from(value) : []
  if (point.length >= 2 && point.every(isCoordinate)) return point
  throw invalidInk(source, `[x, y] or [x, y, t] of ${coordinates} as point ${index + 1}`, showPoint(value))
}

function sumOf(strokes: readonly { length: number }[]): number {
  return strokes.reduce((sum, { length }) => sum + length, 0)
}

/** Returns ink from strokes as columns; arrays are copied. Throws the errors of `createInk`. */
export function inkFromColumns(strokes: readonly StrokeColumns[], options: InkOptions = {}): Ink {
  const { text = null, fields = {}, source = 'the ink', yDown = false } = options
  checkSizes(strokes.length, sumOf(strokes.map(({ x }) => x)), source)
  if (text !== null && typeof text !== 'string') throw invalidInk(source, 'a string or null as text', typeof text)
  if (text !== null && text.length > inkLimits.text)
    throw invalidInk(source, `a text of at most ${inkLimits.text} characters`, String(text.length))
  const timed = strokes.every(({ t }) => t !== null)
  const checked = strokes.map(({ x, y, t }, index) =>
    checkedStroke({ x, y, t: timed ? t : null }, yDown, `stroke ${index + 1} of ${source}`)
  )
  return { strokes: checked, text, fields, source }
}

function checkedStroke({ x, y, t }: StrokeColumns, yDown: boolean, source: string): Stroke {
  const { length } = x
  if (length === 0) throw invalidInk(source, 'at least one point', 'none')
  if (y.length !== length || (t && t.length !== length))
    throw invalidInk(source, `${length} values of y and t, as of x`, `${y.length} and ${t ? t.length : 'none'}`)
  const stroke = {
    x: new Float64Array(length),
    y: new Float64Array(length),
    t: t ? new Float64Array(length) : null
  }
  for (let i = 0; i < length; i++) {
    const point: unknown[] = t ? [x[i], y[i], t[i]] : [x[i], y[i]]
    if (!point.every(isCoordinate)) throw invalidInk(source, `${coordinates} as point ${i + 1}`, showPoint(point))
    stroke.x[i] = x[i]!
    stroke.y[i] = yDown ? -y[i]! : y[i]!
    if (stroke.t) stroke.t[i] = t![i]!
    if (t && i > 0 && t[i]! < t[i - 1]!)
      throw invalidInk(source, `a time that does not fall at point ${i + 1}`, showPoint(point))
  }
  return stroke
}

/** Returns whether `value` is a number that a point may hold. */
export function isCoordinate(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= inkLimits.coordinate
}

/** Returns a refused point for a message: its numbers, and of other values only the type (a value may be nested deeply). */
export function showPoint(point: unknown): string {
  if (!isArray(point)) return showValue(point)
  const values = point.slice(0, 4).map(showValue)
  return `[${values.join(', ')}${point.length > 4 ? ', ...' : ''}]`
}

function showValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 20))
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  return isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : typeof value
}

const readStroke = open<Stroke>({ x: numbers, y: numbers, t: nullable(numbers) })

/**
 * Checks that a value is a list of strokes to draw: x, y and t of a stroke have equal lengths. Throws ERR_INVALID_ARGUMENT for wrong types,
 * ERR_INVALID_INK for wrong ink.
 */
export const readStrokes: Check<readonly Stroke[]> = (value, name) => {
  const strokes = list(readStroke, 0, inkLimits.strokes)(value, name)
  const points = sumOf(strokes.map(({ x }) => x))
  if (points > inkLimits.points) checkSizes(strokes.length, points, name)
  return strokes.map((stroke, index) => checkedStroke(stroke, false, `stroke ${index + 1} of ${name}`))
}

/**
 * Throws ERR_INVALID_INK unless `ink` has the form and the limits of the results of `createInk`. `Ink` is an interface that callers can
 * implement; its numbers enter networks and resamplers, whose work depends on them.
 */
export function checkInk(ink: Ink): void {
  const given = (ink ?? {}) as Partial<Ink>
  const source = typeof given.source === 'string' ? given.source : 'the ink'
  const { strokes } = given
  if (isRevoked(strokes) || !Array.isArray(strokes))
    throw invalidInk(source, 'strokes as createInk returns them', typeof strokes)
  checkCount(strokes.length, source)
  let points = 0
  ;(strokes as readonly (Partial<Stroke> | null)[]).forEach((stroke, index) => {
    const { x, y, t } = isObject(stroke) ? stroke : {}
    const fits =
      types.isFloat64Array(x) &&
      types.isFloat64Array(y) &&
      x.length > 0 &&
      y.length === x.length &&
      (t === null || (types.isFloat64Array(t) && t.length === x.length))
    if (!fits)
      throw invalidInk(source, `Float64Arrays x, y and t of one length as stroke ${index + 1}`, 'another value')
    const columns = t === null ? [x, y] : [x, y, t]
    for (const values of columns) {
      const bad = values.findIndex((value) => !isCoordinate(value))
      if (bad === -1) continue
      const point = showPoint(columns.map((column) => column[bad]))
      throw invalidInk(source, `${coordinates} as point ${bad + 1} of stroke ${index + 1}`, point)
    }
    points += x.length
  })
  checkSizes(strokes.length, points, source)
}

const readSampleParts = open<Ink>({
  strokes: anything,
  text: nullable(string),
  fields: record(string),
  source: string
})

/**
 * Checks that a value is a sample; its properties are read once, and the arrays of its strokes are not copied. Throws ERR_INVALID_ARGUMENT, and the
 * errors of checkInk.
 */
export const readInkSample: Check<Ink> = (value, name) => {
  const ink = readSampleParts(value, name)
  checkInk(ink)
  return ink
}

/** Checks the number of strokes, before each of them is looked at: in an array of 4 billion holes that takes half a minute. */
function checkCount(strokes: number, source: string): void {
  if (strokes > inkLimits.strokes) throw invalidInk(source, `at most ${inkLimits.strokes} strokes`, String(strokes))
}

function checkSizes(strokes: number, points: number, source: string): void {
  if (strokes === 0) throw invalidInk(source, 'at least one stroke', 'none')
  checkCount(strokes, source)
  if (points < 2) throw invalidInk(source, 'at least two points', points === 0 ? 'none' : 'a single one')
  if (points > inkLimits.points) throw invalidInk(source, `at most ${inkLimits.points} points`, String(points))
}

/**
 * Returns the ink as [[[x, y] or [x, y, t], ...], ...], the strokes of stroke JSON. Throws ERR_INVALID_ARGUMENT for values of wrong
 * types, ERR_INVALID_INK for wrong ink.
 */
export function inkPoints(strokes: readonly Stroke[]): number[][][] {
  return readStrokes(strokes, 'the strokes').map(({ x, y, t }) =>
    Array.from(x, (value, i) => (t ? [value, y[i]!, t[i]!] : [value, y[i]!]))
  )
}

/** Returns the number of points. */
export function countPoints(strokes: readonly Stroke[]): number {
  return strokes.reduce((sum, { x }) => sum + x.length, 0)
}

/** A box around ink. */
export interface Box {
  readonly left: number
  readonly right: number
  readonly bottom: number
  readonly top: number
}

/** Returns the smallest box around all points. */
export function boxOf(strokes: readonly Stroke[]): Box {
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity]
  for (const { x, y } of strokes) {
    for (let i = 0; i < x.length; i++) {
      left = Math.min(left, x[i]!)
      right = Math.max(right, x[i]!)
      bottom = Math.min(bottom, y[i]!)
      top = Math.max(top, y[i]!)
    }
  }
  return { left, right, bottom, top }
}
