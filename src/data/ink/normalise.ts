// Normalisation of ink for a network: noise, skew, slant and size are removed, and points are laid at equal distances. The settings are a
// value that a checkpoint stores, so that a served model reads ink in the form of its training data.

import { expected, isObject } from '../../errors.js'
import { baselineSlope } from './baseline.js'
import { smoothStrokes } from './smooth.js'
import type { Stroke } from './strokes.js'

/** The settings of normalisation, features and resampling. */
export interface InkNormalisation {
  /**
   * 'sample': each sample by its own size, about the height of its letters. 'fixed': all by `unit`, the only choice that allows to
   * read while the pen moves.
   */
  readonly scale: 'sample' | 'fixed'
  /** Size of the training data in its own units, by which 'fixed' divides. */
  readonly unit: number
  /** Whether the mean slant of the upright strokes is removed; with scale 'sample' only. */
  readonly deslant: boolean
  /** Whether the line of writing is rotated to the horizontal, by its estimated baseline; with scale 'sample' only. */
  readonly level: boolean
  /**
   * Points of noisy ink are averaged over this many steps of the resampling to both sides, before their distances are
   * measured. 0 disables it. Clean ink is not changed. With scale 'sample' and resample 'length' only.
   */
  readonly smooth: number
  /**
   * 'length': points at equal distances along the path, `step` in sizes. 'time': points at equal times, `step` in units of t,
   * or in points if the ink has no times. 'none': the points as they are.
   */
  readonly resample: 'length' | 'time' | 'none'
  /** Distance of the points, see `resample`. */
  readonly step: number
}

/** Throws ERR_FILE_FORMAT (a checkpoint's settings) unless `value` is a normalisation. */
export function normalisationFromJson(value: unknown, path: string): InkNormalisation {
  // Files of version 0.1 have neither `level` nor `smooth`.
  const { level = false, smooth = 0, ...rest } = (isObject(value) ? value : {}) as Partial<InkNormalisation>
  const { scale, unit, deslant, resample, step } = rest
  // Within these bounds no coordinate divided by a unit is infinite.
  const positive = (number: unknown) => typeof number === 'number' && number >= 1e-200 && number <= 1e200
  const legal =
    (scale === 'sample' || scale === 'fixed') &&
    positive(unit) &&
    typeof deslant === 'boolean' &&
    typeof level === 'boolean' &&
    (smooth === 0 || positive(smooth)) &&
    (resample === 'length' || resample === 'time' || resample === 'none') &&
    positive(step)
  if (legal) return { scale, unit: unit!, deslant, level, smooth, resample, step: step! }
  throw expected('ERR_FILE_FORMAT', `the normalisation of ink in ${path}`, 'another value', 'the model is damaged')
}

/** Calls `take` with the length and the middle of every stretch between two neighbouring points of a stroke. */
function eachStretch(strokes: readonly Stroke[], take: (length: number, x: number, y: number) => void): void {
  for (const { x, y } of strokes) {
    for (let i = 0; i < x.length; i++) {
      const before = Math.max(0, i - 1)
      const [dx, dy] = [x[i]! - x[before]!, y[i]! - y[before]!]
      // A dot counts a little, so that ink that consists of dots has a middle. The middle is written as a point and half a step, so
      // that it has the precision of the points.
      take(Math.hypot(dx, dy) + 1e-9, x[before]! + dx / 2, y[before]! + dy / 2)
    }
  }
}

/**
 * Returns mean and deviation of the path's points, each stretch weighted by its length. Two passes, relative to the first
 * point: E[y^2] - E[y]^2 has no correct digit left if the ink lies far from the origin.
 */
function moments(strokes: readonly Stroke[]): { x: number; y: number; deviation: number } {
  const first = strokes.find(({ x }) => x.length > 0)
  const [x0, y0] = [first?.x[0] ?? 0, first?.y[0] ?? 0]
  let [total, sumX, sumY] = [0, 0, 0]
  eachStretch(strokes, (length, x, y) => {
    total += length
    sumX += length * (x - x0)
    sumY += length * (y - y0)
  })
  const [meanX, meanY] = [sumX / total, sumY / total]
  let squares = 0
  eachStretch(strokes, (length, _, y) => (squares += length * (y - y0 - meanY) ** 2))
  return { x: x0 + meanX, y: y0 + meanY, deviation: Math.sqrt(squares / total) }
}

/** Deviations of y to a size: about the height of a line of writing. */
const HEIGHTS = 4
/** A flat sign, a dash, is not blown up to the height of letters: its size is at least this share of its longest stroke. */
const LEAST_SHARE = 0.1

/** Returns the size of ink in its own units, above 0, and its middle. */
export function measureInk(strokes: readonly Stroke[]): { size: number; x: number; y: number } {
  const { x, y, deviation } = moments(strokes)
  let longest = 0
  for (const stroke of strokes) {
    const [width, height] = [stroke.x, stroke.y].map(
      (values) => Math.max(...minMax(values)) - Math.min(...minMax(values))
    )
    longest = Math.max(longest, Math.hypot(width!, height!))
  }
  const size = Math.max(HEIGHTS * deviation, LEAST_SHARE * longest)
  return { size: size > 0 ? size : 1, x, y }
}

function minMax(values: Float64Array): [number, number] {
  let [least, most] = [Infinity, -Infinity]
  for (const value of values) {
    least = Math.min(least, value)
    most = Math.max(most, value)
  }
  return [least, most]
}

/** Steepness from which a stretch counts as upright: |dy| above this times |dx|. */
const UPRIGHT = 1

/** Returns dx / dy of the upright stretches, weighted by their height: 0 for upright writing, above 0 if it leans to the right. */
export function slantOf(strokes: readonly Stroke[]): number {
  let [along, up] = [0, 0]
  for (const { x, y } of strokes) {
    for (let i = 1; i < x.length; i++) {
      const [dx, dy] = [x[i]! - x[i - 1]!, y[i]! - y[i - 1]!]
      if (Math.abs(dy) <= UPRIGHT * Math.abs(dx)) continue
      along += dx * Math.sign(dy)
      up += Math.abs(dy)
    }
  }
  return up > 0 ? along / up : 0
}

/** Moves every point through `map`; times stay. */
export function mapPoints(
  strokes: readonly Stroke[],
  map: (x: number, y: number) => readonly [number, number]
): Stroke[] {
  return strokes.map((stroke) => {
    const x = new Float64Array(stroke.x.length)
    const y = new Float64Array(stroke.x.length)
    for (let i = 0; i < x.length; i++) [x[i], y[i]] = map(stroke.x[i]!, stroke.y[i]!) as [number, number]
    return { x, y, t: stroke.t }
  })
}

/**
 * Takes noise, skew, slant, size and place out, in this order: each is measured on ink without those before it. Returns
 * coordinates in sizes, from the middle ('sample') or from the first point ('fixed', which takes only size and place out).
 */
export function normaliseShape(strokes: readonly Stroke[], settings: InkNormalisation): Stroke[] {
  if (settings.scale === 'fixed') {
    const [x0, y0] = [strokes[0]!.x[0]!, strokes[0]!.y[0]!]
    return mapPoints(strokes, (x, y) => [(x - x0) / settings.unit, (y - y0) / settings.unit])
  }
  const upright = straighten(strokes, settings)
  const { size, x: middleX, y: middleY } = measureInk(upright)
  return mapPoints(upright, (x, y) => [(x - middleX) / size, (y - middleY) / size])
}

/** A second estimate finds most of the skew that the first one, which is cautious, leaves of a steep line. */
const LEVEL_ROUNDS = 2

function straighten(strokes: readonly Stroke[], { smooth, level, deslant, resample, step }: InkNormalisation) {
  let ink = strokes
  if (smooth > 0 && resample === 'length') ink = smoothStrokes(ink, smooth * step * measureInk(ink).size)
  for (let round = 0; level && round < LEVEL_ROUNDS; round++) ink = rotated(ink, -Math.atan(baselineSlope(ink)))
  const slant = deslant ? slantOf(ink) : 0
  // Sheared about the first point: far from the origin slant * y would move x by more than its digits can hold.
  const y0 = ink[0]!.y[0]!
  return slant === 0 ? ink : mapPoints(ink, (x, y) => [x - slant * (y - y0), y])
}

/** Rotated about the first point, which keeps the digits of ink far from the origin. */
function rotated(strokes: readonly Stroke[], angle: number): readonly Stroke[] {
  if (angle === 0) return strokes
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const [x0, y0] = [strokes[0]!.x[0]!, strokes[0]!.y[0]!]
  return mapPoints(strokes, (x, y) => [x0 + cos * (x - x0) - sin * (y - y0), y0 + sin * (x - x0) + cos * (y - y0)])
}

/** Returns the median size of samples, the unit of the scale 'fixed'. */
export function medianSize(samples: readonly { strokes: readonly Stroke[] }[]): number {
  const sizes = Float64Array.from(samples, ({ strokes }) => measureInk(strokes).size).sort()
  return sizes[sizes.length >> 1] ?? 1
}
