// Ink that ships with the code, to show and to try things on: words of printed letters, drawn by a hand that is never the same.
// It is not human handwriting; a network that has learned it has learned nothing about people's.

import { integer, optional, options as optionsOf, seed as seedOf } from '../../check/index.js'
import { createInk, type Ink, type InkPoint } from './strokes.js'
import { createRandom, type Random } from '../../random.js'

type Corner = readonly [x: number, y: number]

/** Strokes as corners of a smooth curve, in heights of a small letter: 0 the baseline, 1 its top. */
// prettier-ignore
const LETTERS: Readonly<Record<string, readonly (readonly Corner[])[]>> = {
  a: [[[0.7, 0.85], [0.35, 1], [0.05, 0.55], [0.15, 0.05], [0.5, 0.15], [0.72, 0.6], [0.75, 1], [0.74, 0.3], [0.9, 0]]],
  c: [[[0.7, 0.8], [0.4, 1], [0.05, 0.55], [0.15, 0.1], [0.45, 0], [0.72, 0.2]]],
  e: [[[0.08, 0.5], [0.7, 0.55], [0.6, 0.92], [0.35, 1], [0.05, 0.55], [0.15, 0.08], [0.45, 0], [0.75, 0.2]]],
  g: [[[0.7, 0.85], [0.35, 1], [0.05, 0.55], [0.2, 0.1], [0.55, 0.25], [0.75, 1], [0.74, -0.4], [0.4, -0.9], [0.1, -0.6]]],
  h: [[[0.08, 2], [0.08, 1], [0.08, 0], [0.12, 0.6], [0.4, 1], [0.65, 0.75], [0.68, 0]]],
  i: [[[0.1, 1], [0.1, 0.4], [0.25, 0]], [[0.1, 1.5], [0.14, 1.42]]],
  l: [[[0.1, 2], [0.1, 1], [0.12, 0.2], [0.35, 0]]],
  m: [[[0.05, 1], [0.06, 0], [0.12, 0.6], [0.32, 1], [0.46, 0.7], [0.46, 0], [0.52, 0.6], [0.74, 1], [0.88, 0.7], [0.88, 0]]],
  n: [[[0.05, 1], [0.06, 0], [0.12, 0.6], [0.38, 1], [0.6, 0.7], [0.62, 0]]],
  o: [[[0.4, 1], [0.05, 0.6], [0.12, 0.1], [0.42, 0], [0.74, 0.35], [0.68, 0.85], [0.4, 1]]],
  r: [[[0.08, 1], [0.08, 0], [0.12, 0.6], [0.3, 0.95], [0.52, 0.92]]],
  s: [[[0.6, 0.88], [0.32, 1], [0.08, 0.75], [0.34, 0.5], [0.6, 0.25], [0.34, 0], [0.04, 0.12]]],
  t: [[[0.3, 1.7], [0.3, 0.9], [0.32, 0.2], [0.55, 0]], [[0.02, 1], [0.6, 1.02]]]
}

/** The letters that synthetic ink can write. */
export const syntheticLetters = Object.keys(LETTERS).join('')

/** Units of a small letter's height, as of a tablet. */
const HEIGHT = 100
/** Between points, in heights: about a dozen points a letter. */
const STEP = 0.3

/** The options of `syntheticInk`. */
export interface SyntheticInkOptions {
  /** An integer in [0, 2^53). Default: 0. */
  readonly seed?: number
  /** The fewest letters of a word, from 1 to 100. Default: 3. */
  readonly least?: number
  /** The most letters of a word, from `least` to 100. Default: 5, or `least` if that is more. */
  readonly most?: number
}

const readOptions = optionsOf<SyntheticInkOptions>({
  seed: optional(seedOf),
  least: optional(integer(1, 100)),
  most: optional(integer(1, 100))
})

/**
 * Returns `count` samples of synthetic ink (0 to 100,000): random words of `syntheticLetters` with their texts, about a dozen points a letter,
 * a small letter 100 units high. They depend only on the seed. Throws ERR_INVALID_ARGUMENT for other arguments.
 *
 * @example
 * const [{ text, strokes }] = syntheticInk(1, { seed: 3 })
 */
export function syntheticInk(count: number, options: SyntheticInkOptions = {}): Ink[] {
  const { seed = 0, least = 3, most = Math.max(5, least) } = readOptions(options, 'the options of syntheticInk')
  integer(0, 100_000)(count, 'count')
  integer(least, 100)(most, 'most in the options of syntheticInk')
  const random = createRandom(seed, 'practice ink')
  return Array.from({ length: count }, (_, i) => {
    const length = least + random.below(most - least + 1)
    const text = Array.from({ length }, () => syntheticLetters[random.below(syntheticLetters.length)]!).join('')
    return createInk(writeWord(text, random), { text, source: `synthetic word ${i + 1}` })
  })
}

function writeWord(text: string, random: Random): InkPoint[][] {
  const slant = 0.15 * random.normal()
  const [wide, high] = [Math.exp(0.1 * random.normal()), Math.exp(0.1 * random.normal())]
  const strokes: InkPoint[][] = []
  let left = 0
  for (const letter of text) {
    const size = Math.exp(0.06 * random.normal())
    const base = 0.05 * random.normal()
    const shapes = LETTERS[letter]!
    for (const corners of shapes) {
      const bent = corners.map(([x, y]): Corner => [x + 0.03 * random.normal(), y + 0.03 * random.normal()])
      strokes.push(
        alongCurve(bent).map(([x, y]) => {
          const up = base + size * y
          return [HEIGHT * wide * (left + size * x + slant * up), HEIGHT * high * up]
        })
      )
    }
    const width = Math.max(...shapes.flat().map(([x]) => x))
    left += size * width + 0.3 + 0.06 * random.normal()
  }
  return strokes
}

/** Points at equal distances along the curve of Catmull and Rom (1974) through the corners, first and last among them. */
function alongCurve(corners: readonly Corner[]): Corner[] {
  const fine: Corner[] = [corners[0]!]
  const at = (i: number) => corners[Math.max(0, Math.min(corners.length - 1, i))]!
  for (let i = 1; i < corners.length; i++) {
    for (let k = 1; k <= 16; k++) {
      const s = k / 16
      const value = (d: 0 | 1) => {
        const [a, b, c, e] = [at(i - 2)[d], at(i - 1)[d], at(i)[d], at(i + 1)[d]]
        return b + 0.5 * s * (c - a + s * (2 * a - 5 * b + 4 * c - e + s * (3 * (b - c) + e - a)))
      }
      fine.push([value(0), value(1)])
    }
  }
  const lengths = fine.map((point, i) =>
    i === 0 ? 0 : Math.hypot(point[0] - fine[i - 1]![0], point[1] - fine[i - 1]![1])
  )
  const total = lengths.reduce((sum, length) => sum + length, 0)
  const pieces = Math.max(1, Math.round(total / STEP))
  const points: Corner[] = []
  let [passed, next] = [0, 0]
  fine.forEach((point, i) => {
    passed += lengths[i]!
    if (passed < (next * total) / pieces - 1e-9) return
    points.push(point)
    next++
  })
  return points
}
