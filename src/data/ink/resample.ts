// New points along the path of a pen: at equal distances or equal times, stroke by stroke, each point a function of only the
// points before it. So it works while the pen moves, and a whole sample gives the same points.

import { inkLimits, invalidInk, type Stroke } from './strokes.js'
import type { InkNormalisation } from './normalise.js'

/**
 * Most points that one pen point may give: about 64 heights of a line at the default step of 1/16. One far or late point would
 * otherwise hold the event loop for seconds, or fill the heap.
 */
export const MOST_POINTS_AT_ONCE = 1024

/** Resamples the points of one stroke one by one: it takes points [x, y, t] and returns points [x, y, t]. */
export interface Resampler {
  /**
   * Returns the number of points that `point` would return for this point, which may be Infinity or NaN; changes nothing. A caller that
   * bounds its work calls it first.
   */
  count(x: number, y: number, t: number): number
  /** Reads a point; the first one of a stroke is always handed on. */
  point(x: number, y: number, t: number, out: (x: number, y: number, t: number) => void): void
  /** The pen is up: hands the last point on where it is far enough from the one before. */
  up(out: (x: number, y: number, t: number) => void): void
}

/** Returns a resampler of one stroke after the other. */
export function createResampler({ resample, step }: Pick<InkNormalisation, 'resample' | 'step'>): Resampler {
  let down = false
  let [x0, y0, t0] = [0, 0, 0] // the last point read
  let left = 0 // distance or time from it to the next one handed on
  const distance = (x: number, y: number, t: number) => (resample === 'time' ? t - t0 : Math.hypot(x - x0, y - y0))
  return {
    count(x, y, t) {
      if (!down || resample === 'none') return 1
      const beyond = distance(x, y, t) - left
      return beyond < 0 ? 0 : Math.floor(beyond / step) + 1
    },
    point(x, y, t, out) {
      if (!down || resample === 'none') {
        down = true
        left = step
        out(x, y, t)
      } else {
        const length = distance(x, y, t)
        let at = left
        for (; at <= length; at += step) {
          const share = at / length
          out(x0 + share * (x - x0), y0 + share * (y - y0), t0 + share * (t - t0))
        }
        left = at - length
      }
      ;[x0, y0, t0] = [x, y, t]
    },
    up(out) {
      // `left` is a whole step right after a point: less than half of one after it the end is near enough.
      if (down && resample !== 'none' && left <= step / 2) out(x0, y0, t0)
      down = false
    }
  }
}

/** Resamples whole strokes. Throws ERR_INVALID_INK if more points would come than ink may have. */
export function resampleStrokes(
  strokes: readonly Stroke[],
  settings: Pick<InkNormalisation, 'resample' | 'step'>,
  source = 'the ink'
): Stroke[] {
  const resampler = createResampler(settings)
  let count = 0
  return strokes.map((stroke) => {
    const points: [number, number, number][] = []
    const keep = (x: number, y: number, t: number) => {
      if (++count > inkLimits.points)
        throw invalidInk(source, `at most ${inkLimits.points} points after resampling`, 'more')
      points.push([x, y, t])
    }
    for (let i = 0; i < stroke.x.length; i++)
      resampler.point(stroke.x[i]!, stroke.y[i]!, stroke.t ? stroke.t[i]! : i, keep)
    resampler.up(keep)
    const column = (k: 0 | 1 | 2) => Float64Array.from(points, (point) => point[k])
    return { x: column(0), y: column(1), t: stroke.t && column(2) }
  })
}
