// From strokes to the numbers that a reading network sees, one row a point: the step along the paper in steps of the
// resampling, the jump of the pen through the air in sizes, whether it came through the air, and the height.

import type { Random } from '../../random.js'
import { augmentStrokes, type InkAugmentation } from './augment.js'
import { createResampler, resampleStrokes } from './resample.js'
import { normaliseShape, type InkNormalisation } from './shape.js'
import type { Ink, Stroke } from './strokes.js'

/** dx, dy on the paper; dx, dy through the air; 1 at the first point of a stroke; height above the middle or the start. */
export const INK_FEATURES = 6

/** Jumps longer than this many sizes look alike. */
const FARTHEST = 3

/** Rows of features, made one by one. */
export interface FeatureReader {
  /** The row of the next point of resampled, normalised ink; `first` of its stroke. */
  read(x: number, y: number, first: boolean, row: Float32Array): void
}

/** `step`: of the resampling; 1 / 16 of a size where there is none. */
export function createFeatureReader({ resample, step }: Pick<InkNormalisation, 'resample' | 'step'>): FeatureReader {
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

/**
 * The strokes that a network sees of a sample: size and slant taken out, varied for training where an augmentation is given,
 * resampled. ERR_INVALID_INK where that gives too many points.
 */
export function prepareStrokes(
  ink: Ink,
  settings: InkNormalisation,
  variation?: { augmentation: InkAugmentation; random: Random }
): Stroke[] {
  const shape = normaliseShape(ink.strokes, settings)
  const varied = variation ? augmentStrokes(shape, variation.augmentation, variation.random) : shape
  return resampleStrokes(varied, settings, ink.source)
}

/** Features [points, INK_FEATURES] of prepared strokes. */
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
  /** The pen is on the paper at [x, y]; returns the rows [n, INK_FEATURES] that came with it, n of 0 or more. */
  down(x: number, y: number, t?: number): Float32Array
  /** The pen leaves the paper. */
  up(): Float32Array
}

export function createInkReader(settings: InkNormalisation): InkReader {
  const resampler = createResampler(settings)
  const reader = createFeatureReader(settings)
  let start: readonly [number, number] | null = null
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
      start ??= [x, y]
      index++
      const [x0, y0] = start
      return gather((out) => resampler.point((x - x0) / settings.unit, (y - y0) / settings.unit, t, out))
    },
    up() {
      const rows = gather((out) => resampler.up(out))
      first = true
      return rows
    }
  }
}
