// Habits of a hand that change along a line of writing, and the order and the joining of its strokes: parts of the variations
// of augment.ts.

import type { Random } from '../../random.js'
import { mapPoints } from './normalise.js'
import type { Stroke } from './strokes.js'

/** Plane waves of a smooth displacement. */
const WAVES = 4

/**
 * Draws a smooth random displacement: a sum of plane waves of the given lengths (in sizes), with standard deviation `deviation`
 * in x and in y.
 */
export function smoothField(
  deviation: number,
  { shortest, longest }: { shortest: number; longest: number },
  random: Random
): (x: number, y: number) => [number, number] {
  const waves = Array.from({ length: WAVES }, () => {
    const [direction, share] = [2 * Math.PI * random.uniform(), random.uniform()]
    const k = (2 * Math.PI) / (shortest + (longest - shortest) * share)
    return {
      kx: k * Math.cos(direction),
      ky: k * Math.sin(direction),
      phase: 2 * Math.PI * random.uniform(),
      x: random.normal(),
      y: random.normal()
    }
  })
  const amplitude = deviation * Math.sqrt(2 / WAVES)
  if (deviation === 0) return () => [0, 0]
  return (x, y) => {
    let [dx, dy] = [0, 0]
    for (const wave of waves) {
      const value = amplitude * Math.sin(wave.kx * x + wave.ky * y + wave.phase)
      dx += wave.x * value
      dy += wave.y * value
    }
    return [dx, dy]
  }
}

/** Lengths of the waves along a line, in sizes: one to six letters. */
const LINE_WAVES = { shortest: 0.6, longest: 4 }

/** A random function of x of standard deviation 1: two waves. */
function alongLine(random: Random): { at: (x: number) => number; integral: (x: number) => number } {
  const waves = Array.from({ length: 2 }, () => {
    const length = LINE_WAVES.shortest + (LINE_WAVES.longest - LINE_WAVES.shortest) * random.uniform()
    return { k: (2 * Math.PI) / length, phase: 2 * Math.PI * random.uniform(), amplitude: random.normal() }
  })
  const sum = (term: (wave: (typeof waves)[number]) => number) => waves.reduce((total, wave) => total + term(wave), 0)
  return {
    at: (x) => sum(({ k, phase, amplitude }) => amplitude * Math.sin(k * x + phase)),
    integral: (x) => sum(({ k, phase, amplitude }) => (-amplitude / k) * Math.cos(k * x + phase))
  }
}

/** Varies the width of letters, their slant and the height of the baseline as smooth functions of the place on the line. */
export function varyLine(
  strokes: readonly Stroke[],
  { width, lean, drift }: { width: number; lean: number; drift: number },
  random: Random
): Stroke[] {
  const [wide, slant, rise] = [alongLine(random), alongLine(random), alongLine(random)]
  // The derivative 1 + width * wide stays positive: ink never runs backwards.
  const most = Math.min(1, 0.8 / (width * 4 || 1))
  return mapPoints(strokes, (x, y) => [
    x + most * width * (wide.integral(x) - wide.integral(0)) + lean * slant.at(x) * y,
    y + drift * rise.at(x)
  ])
}

/** A jump of the pen up to this many sizes can be drawn, and strokes up to this far from each other can be exchanged. */
const NEAR = 0.35

const jump = (from: Stroke, to: Stroke) =>
  Math.hypot(to.x[0]! - from.x[from.x.length - 1]!, to.y[0]! - from.y[from.y.length - 1]!)

/** Joins each stroke to the one before it with this probability if the pen has not far to go. */
export function joinStrokes(strokes: readonly Stroke[], probability: number, random: Random): Stroke[] {
  const joined: Stroke[] = []
  for (const stroke of strokes) {
    const last = joined[joined.length - 1]
    if (last && random.uniform() < probability && jump(last, stroke) < NEAR) {
      joined[joined.length - 1] = {
        x: concat(last.x, stroke.x),
        y: concat(last.y, stroke.y),
        t: last.t && stroke.t && concat(last.t, stroke.t)
      }
    } else joined.push(stroke)
  }
  return joined
}

function concat(a: Float64Array, b: Float64Array): Float64Array {
  const all = new Float64Array(a.length + b.length)
  all.set(a)
  all.set(b, a.length)
  return all
}

/** Swaps each stroke with the one after it with this probability if the pen has not far to go. */
export function swapStrokes(strokes: readonly Stroke[], probability: number, random: Random): Stroke[] {
  const ordered = [...strokes]
  for (let i = 0; i + 1 < ordered.length; i++) {
    const [first, second] = [ordered[i]!, ordered[i + 1]!]
    if (random.uniform() >= probability || jump(first, second) >= NEAR) continue
    ordered[i] = second
    ordered[i + 1] = first
    i++
  }
  return ordered
}
