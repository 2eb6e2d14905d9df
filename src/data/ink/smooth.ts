// Smooths ink before points are laid along its path: a tablet that samples densely, or one with noise, adds length that the
// pen never travelled, and every feature that counts length is lost in it. Needs whole strokes, hence whole samples.

import type { Stroke } from './strokes.js'

/** Ink is noisy if its path is this many times as long as its chords: that of clean ink is 1.0 to 1.2 times as long. */
const NOISY = 1.3
/** Length of these chords as a share of the distance of the average. */
const CHORD = 0.5

/**
 * Replaces each point of noisy ink by the weighted mean of its neighbours within `distance` along the way (a triangle of
 * weights). The first and the last point of a stroke stay: near the ends the window shrinks to the width that both sides
 * have. Returns the strokes themselves if the ink is not noisy, because an average would round the corners of clean letters.
 */
export function smoothStrokes(strokes: readonly Stroke[], distance: number): readonly Stroke[] {
  const noisy = distance > 0 && lengthOverChords(strokes, CHORD * distance) > NOISY
  return noisy ? strokes.map((stroke) => smoothStroke(stroke, distance)) : strokes
}

/** The length of the path over that of the chords between points about `distance` apart. */
function lengthOverChords(strokes: readonly Stroke[], distance: number): number {
  let [path, chords] = [0, 0]
  for (const { x, y } of strokes) {
    let [from, length] = [0, 0]
    for (let i = 1; i < x.length; i++) {
      length += Math.hypot(x[i]! - x[i - 1]!, y[i]! - y[i - 1]!)
      const chord = Math.hypot(x[i]! - x[from]!, y[i]! - y[from]!)
      if (chord < distance) continue
      path += length
      chords += chord
      ;[from, length] = [i, 0]
    }
  }
  return chords > 0 ? path / chords : 1
}

function smoothStroke(stroke: Stroke, distance: number): Stroke {
  const reach = pointsWithin(stroke, distance)
  if (reach.every((count) => count === 0)) return stroke
  return { x: triangleMean(stroke.x, reach), y: triangleMean(stroke.y, reach), t: stroke.t }
}

/** Means over up to reach[i] values to both sides of value i, in time linear in their number: from sums of v and of i * v. */
function triangleMean(values: Float64Array, reach: Int32Array): Float64Array {
  const { length } = values
  // Sums lose digits far from 0, so the differences from the first value are added up.
  const first = values[0]!
  const sums = new Float64Array(length + 1)
  const moments = new Float64Array(length + 1)
  for (let i = 0; i < length; i++) {
    sums[i + 1] = sums[i]! + (values[i]! - first)
    moments[i + 1] = moments[i]! + i * (values[i]! - first)
  }
  return values.map((value, i) => {
    const half = Math.min(reach[i]!, i, length - 1 - i)
    if (half === 0) return value
    const [low, middle, high] = [i - half, i + 1, i + half + 1]
    const left = (half + 1 - i) * (sums[middle]! - sums[low]!) + (moments[middle]! - moments[low]!)
    const right = (half + 1 + i) * (sums[high]! - sums[middle]!) - (moments[high]! - moments[middle]!)
    return first + (left + right) / (half + 1) ** 2
  })
}

/**
 * Returns for each point how many points the pen takes for `distance` there. Counts from one point to the first that is
 * this far away in a straight line, since noise, which lengthens the path, changes that little.
 */
function pointsWithin({ x, y }: Stroke, distance: number): Int32Array {
  const counts = new Int32Array(x.length)
  let from = 0
  for (let i = 1; i <= x.length; i++) {
    const ends = i === x.length
    if (!ends && Math.hypot(x[i]! - x[from]!, y[i]! - y[from]!) < distance) continue
    // The last stretch ends where the stroke does, and is as dense as the one before it.
    const count = ends && from > 0 ? counts[from - 1]! : i - from - 1
    counts.fill(count, from, i)
    from = i
  }
  return counts
}
