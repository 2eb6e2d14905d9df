// The skew of a line of writing: the slope of the line on which its letters rest. Needs the whole sample.

import type { Stroke } from './strokes.js'

/** Smallest distance of letters from the line that is assumed, in sizes: few letters may show less by chance. */
const SPREAD = 0.12
/** Standard deviation of the slopes of people's writing: the prior that draws the slope of little ink towards 0. */
const PRIOR = 0.2
/** Bottoms further from the line than this many spreads are descenders, dots and bars of letters: they do not count. */
const FARTHEST = 2.5
const ROUNDS = 8
/** A bottom is lower than the ink around it by this share of the size. */
const DEPTH = 0.15

/**
 * Returns the slope dy / dx of the baseline. Fits a line to the bottoms of the writing, leaves those far off it out step by
 * step (Tukey's biweight), and weighs the slope against that of most writing, 0, by how well the bottoms determine it: a
 * single letter is hardly rotated at all.
 */
export function baselineSlope(strokes: readonly Stroke[]): number {
  const size = heightAcross(strokes)
  const bottoms = bottomsOf(strokes, DEPTH * size)
  if (bottoms.length < 2 || size === 0) return 0
  const { x, y } = { x: bottoms.map((point) => point[0]), y: bottoms.map((point) => point[1]) }
  let weights = x.map(() => 1)
  let line = fitLine(x, y, weights)
  let spread = SPREAD * size
  for (let round = 0; round < ROUNDS; round++) {
    const off = x.map((value, i) => Math.abs(y[i]! - line.at(value)))
    spread = Math.max(SPREAD * size, 1.48 * medianOf(off))
    weights = off.map((value) => Math.max(0, 1 - (value / (FARTHEST * spread)) ** 2) ** 2)
    line = fitLine(x, y, weights)
  }
  const count = weights.reduce((sum, weight) => sum + weight, 0)
  // A line fits any two points, so only further points show how well it fits.
  if (count <= 2 || line.spreadX === 0) return 0
  const variance = (spread ** 2 * count) / (count - 2) / line.spreadX
  return (line.slope * PRIOR ** 2) / (PRIOR ** 2 + variance)
}

/** Deviations of y to the size of ink, as in measureInk. */
const HEIGHTS = 4
/** The height across a skewed line is at least this share of the height of the whole. */
const LEAST_ACROSS = 0.25

/** The size of ink without its skew: by the deviation of y from the line through all of it, each stretch weighted by its length. */
function heightAcross(strokes: readonly Stroke[]): number {
  const x: number[] = []
  const y: number[] = []
  const weights: number[] = []
  for (const stroke of strokes) {
    for (let i = 1; i < stroke.x.length; i++) {
      x.push((stroke.x[i]! + stroke.x[i - 1]!) / 2)
      y.push((stroke.y[i]! + stroke.y[i - 1]!) / 2)
      weights.push(Math.hypot(stroke.x[i]! - stroke.x[i - 1]!, stroke.y[i]! - stroke.y[i - 1]!))
    }
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  if (total === 0) return 0
  const line = fitLine(x, y, weights)
  const middle = y.reduce((sum, value, i) => sum + weights[i]! * value, 0) / total
  const deviation = (from: (x: number) => number) =>
    Math.sqrt(y.reduce((sum, value, i) => sum + weights[i]! * (value - from(x[i]!)) ** 2, 0) / total)
  return HEIGHTS * Math.max(deviation(line.at), LEAST_ACROSS * deviation(() => middle))
}

/** Weighted least squares; `spreadX`: the weighted sum of squares of x about its mean. */
function fitLine(x: readonly number[], y: readonly number[], weights: readonly number[]) {
  let [sum, sumX, sumY] = [0, 0, 0]
  weights.forEach((weight, i) => {
    sum += weight
    sumX += weight * x[i]!
    sumY += weight * y[i]!
  })
  const [middleX, middleY] = sum > 0 ? [sumX / sum, sumY / sum] : [0, 0]
  let [xx, xy] = [0, 0]
  weights.forEach((weight, i) => {
    xx += weight * (x[i]! - middleX) ** 2
    xy += weight * (x[i]! - middleX) * (y[i]! - middleY)
  })
  const slope = xx > 0 ? xy / xx : 0
  return { slope, spreadX: xx, at: (value: number) => middleY + slope * (value - middleX) }
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}

/** The lowest points of every way down and up again of `depth` or more, ends of strokes included. */
function bottomsOf(strokes: readonly Stroke[], depth: number): [number, number][] {
  const bottoms: [number, number][] = []
  for (const { x, y } of strokes) {
    let lowest = 0
    let highest = y[0]!
    let falling = true
    for (let i = 1; i < y.length; i++) {
      if (falling) {
        if (y[i]! < y[lowest]!) lowest = i
        else if (y[i]! > y[lowest]! + depth) {
          bottoms.push([x[lowest]!, y[lowest]!])
          falling = false
          highest = y[i]!
        }
      } else {
        highest = Math.max(highest, y[i]!)
        if (y[i]! < highest - depth) {
          falling = true
          lowest = i
        }
      }
    }
    if (falling) bottoms.push([x[lowest]!, y[lowest]!])
  }
  return bottoms
}
