// From strokes to the numbers that a reading network sees, one row a point: the step along the paper in steps of the
// resampling, the jump of the pen through the air in sizes, whether it came through the air, and the height.

import { expected, type GatecellError } from '../../errors.js'
import type { Random } from '../../random.js'
import { augmentStrokes, type InkAugmentation } from './augment.js'
import { createResampler, MOST_POINTS_AT_ONCE, resampleStrokes } from './resample.js'
import { normaliseShape, type InkNormalisation } from './normalise.js'
import { checkInk, coordinates, isCoordinate, showPoint, type Ink, type Stroke } from './strokes.js'

/** dx, dy on the paper; dx, dy through the air; 1 at the first point of a stroke; height above the middle or the start. */
export const INK_FEATURES = 6

/** Jumps that are longer than this many sizes have the same features. */
const FARTHEST = 3

/** Rows of features, made one by one. */
export interface FeatureReader {
  /** The row of the next point of resampled, normalised ink; `first` of its stroke. */
  read(x: number, y: number, first: boolean, row: Float32Array): void
}

/** Returns a reader that turns points into rows of features. `step` is that of the resampling; 1 / 16 of a size without resampling. */
function createFeatureReader({ resample, step }: Pick<InkNormalisation, 'resample' | 'step'>): FeatureReader {
  const unit = resample === 'length' ? step : 1 / 16
  let last: readonly [number, number] | null = null
  const bounded = (value: number) => Math.max(-FARTHEST, Math.min(FARTHEST, value))
  return {
    read(x, y, first, row) {
      const [dx, dy] = last ? [x - last[0], y - last[1]] : [0, 0]
      row.fill(0)
      if (first) row.set([0, 0, bounded(dx), bounded(dy), 1])
      else row.set([bounded(dx / unit), bounded(dy / unit)])
      row[5] = bounded(y)
      last = [x, y]
    }
  }
}

/** A variation for training: its settings and the draws it is made with. */
export interface InkVariation {
  augmentation: InkAugmentation
  random: Random
}

/**
 * Returns the strokes of a sample as a network reads them: without noise, skew, slant and size, varied for training if there is a
 * variation, and resampled. Throws ERR_INVALID_INK if `ink` does not have the form of the results of `createInk`, because a caller may have
 * made it by hand, or if there would be more points than `inkLimits.points`.
 */
export function prepareStrokes(ink: Ink, settings: InkNormalisation, variation?: InkVariation): Stroke[] {
  return layPoints(shapeOf(ink, settings), settings, ink.source, variation)
}

/** Returns the first half of prepareStrokes: the normalised shape, the same in each epoch of a training. */
export function shapeOf(ink: Ink, settings: InkNormalisation): Stroke[] {
  checkInk(ink)
  return normaliseShape(ink.strokes, settings)
}

/** Returns the second half of prepareStrokes: a normalised shape varied and resampled. */
export function layPoints(
  shape: readonly Stroke[],
  settings: InkNormalisation,
  source: string,
  variation?: InkVariation
): Stroke[] {
  const varied = variation ? augmentStrokes(shape, variation.augmentation, variation.random) : shape
  return resampleStrokes(varied, settings, source)
}

/** Returns the features [points, INK_FEATURES] of prepared strokes. */
export function inkFeatures(strokes: readonly Stroke[], settings: InkNormalisation): Float32Array {
  const reader = createFeatureReader(settings)
  const features = new Float32Array(strokes.reduce((sum, { x }) => sum + x.length, 0) * INK_FEATURES)
  let at = 0
  for (const { x, y } of strokes) {
    for (let i = 0; i < x.length; i++, at += INK_FEATURES)
      reader.read(x[i]!, y[i]!, i === 0, features.subarray(at, at + INK_FEATURES))
  }
  return features
}

/** Features as the pen moves, for a normalisation of scale 'fixed'. */
export interface InkReader {
  /**
   * Reads the pen's place [x, y] on the paper, in the units of the training data with y up, at the time `t` (default: the number
   * of points read so far). Returns the rows [n, INK_FEATURES] that this point completes, n >= 0. Throws ERR_INVALID_INK, and
   * reads nothing, if a value is not a finite number within `inkLimits`, if the time falls within a stroke, or if more than
   * MOST_POINTS_AT_ONCE resampled points lie between this point and the last one.
   */
  down(x: number, y: number, t?: number): Float32Array
  /** Ends the stroke; returns the rows that its end completes. */
  up(): Float32Array
}

/** Returns a reader of features for a pen that is moving. */
export function createInkReader(settings: InkNormalisation): InkReader {
  const resampler = createResampler(settings)
  const reader = createFeatureReader(settings)
  let start: readonly [number, number] | null = null
  let before: number | null = null // time of the stroke's last point
  let first = true
  let index = 0
  const gather = (work: (out: (x: number, y: number, t: number) => void) => void): Float32Array => {
    const rows: Float32Array[] = []
    work((x, y) => {
      const row = new Float32Array(INK_FEATURES)
      reader.read(x, y, first, row)
      first = false
      rows.push(row)
    })
    const all = new Float32Array(rows.length * INK_FEATURES)
    rows.forEach((row, i) => all.set(row, i * INK_FEATURES))
    return all
  }
  return {
    down(x, y, t = index) {
      if (![x, y, t].every(isCoordinate) || (before !== null && t < before)) throw refusedPoint(x, y, t, before)
      const [x0, y0] = start ?? [x, y]
      const [placeX, placeY] = [(x - x0) / settings.unit, (y - y0) / settings.unit]
      const count = resampler.count(placeX, placeY, t)
      if (!(count <= MOST_POINTS_AT_ONCE && Number.isFinite(placeX) && Number.isFinite(placeY)))
        throw tooFar(settings, count)
      start ??= [x, y]
      before = t
      index++
      return gather((out) => resampler.point(placeX, placeY, t, out))
    },
    up() {
      before = null
      const rows = gather((out) => resampler.up(out))
      first = true
      return rows
    }
  }
}

function refusedPoint(x: unknown, y: unknown, t: unknown, before: number | null): GatecellError {
  const later = before === null ? '' : `, t not below ${before}`
  return expected(
    'ERR_INVALID_INK',
    `x, y and t of a pen as ${coordinates}${later}`,
    `${showPoint([x, y, t])}`,
    'leave the point out or lift the pen'
  )
}

function tooFar({ resample }: InkNormalisation, count: number): GatecellError {
  const found = Number.isSafeInteger(count) ? String(count) : 'more'
  const apart = resample === 'time' ? 'long' : 'far'
  return expected(
    'ERR_INVALID_INK',
    `a point of a pen at most ${MOST_POINTS_AT_ONCE} resampled points after the one before`,
    `one ${found} points away`,
    `lift the pen where it moves that ${apart}, or check the units`
  )
}
