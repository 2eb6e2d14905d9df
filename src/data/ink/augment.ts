// Variations of ink for training: what another hand, another pen or another day would have made of the same text. Works on
// normalised strokes (sizes, from the middle). All draws come from the random sequence that is handed in: counter-based, so
// that a resumed training sees the same variations.

import { GatecellError } from '../../errors.js'
import type { Random } from '../../random.js'
import { mapPoints } from './shape.js'
import { countPoints, type Stroke } from './strokes.js'

export interface InkAugmentation {
  /** Standard deviation of the slant dx / dy. */
  readonly shear: number
  /** Standard deviation of the logarithms of both scales. */
  readonly scale: number
  /** Standard deviation of the rotation, in radians. */
  readonly rotate: number
  /** Standard deviation of a smooth displacement of the paper, in sizes. */
  readonly warp: number
  /** Probability that a point in the middle of a stroke is left out. */
  readonly dropout: number
  /** Standard deviation of the logarithm of the speed; matters where points are laid by time, or times are learned. */
  readonly speed: number
}

export const inkAugmentations = {
  none: { shear: 0, scale: 0, rotate: 0, warp: 0, dropout: 0, speed: 0 },
  default: { shear: 0.15, scale: 0.12, rotate: 0.06, warp: 0.03, dropout: 0.1, speed: 0.1 }
} as const satisfies Record<string, InkAugmentation>

const NAMES = Object.keys(inkAugmentations.none) as (keyof InkAugmentation)[]

/** An augmentation `strength` times the default one. */
export function scaledAugmentation(strength: number): InkAugmentation {
  const scaled = Object.fromEntries(NAMES.map((name) => [name, strength * inkAugmentations.default[name]]))
  return { ...(scaled as unknown as InkAugmentation), dropout: Math.min(0.5, scaled['dropout']!) }
}

/** Throws ERR_FILE_FORMAT (a checkpoint's settings) unless `value` is an augmentation. */
export function augmentationFromJson(value: unknown, path: string): InkAugmentation {
  const from = (value ?? {}) as Partial<Record<keyof InkAugmentation, unknown>>
  const legal = NAMES.every((name) => {
    const number = from[name]
    return typeof number === 'number' && number >= 0 && number <= (name === 'dropout' ? 0.999 : 10)
  })
  if (legal) return Object.fromEntries(NAMES.map((name) => [name, from[name]])) as unknown as InkAugmentation
  throw new GatecellError('ERR_FILE_FORMAT', `Expected the augmentation of ink in ${path} but found another value.`)
}

/** Waves of the warp: slow against a letter (a size), as paper and wrist are. */
const WAVES = 4

/** One variation of `strokes`. */
export function augmentStrokes(strokes: readonly Stroke[], settings: InkAugmentation, random: Random): Stroke[] {
  const { shear, scale, rotate, warp, dropout, speed } = settings
  const slant = shear * random.normal()
  const [wide, high] = [Math.exp(scale * random.normal()), Math.exp(scale * random.normal())]
  const angle = rotate * random.normal()
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const bend = smoothField(warp, random)
  const moved = mapPoints(strokes, (x, y) => {
    const [wx, wy] = bend(x, y)
    const [sx, sy] = [wide * (x + wx + slant * y), high * (y + wy)]
    return [cos * sx - sin * sy, sin * sx + cos * sy]
  })
  const slower = Math.exp(speed * random.normal())
  const kept = dropout > 0 ? moved.map((stroke) => dropPoints(stroke, dropout, random)) : moved
  const timed = kept.map(({ x, y, t }) => ({ x, y, t: t && t.map((time) => time * slower) }))
  return countPoints(timed) < 2 ? moved : timed
}

/** A random smooth displacement: a sum of plane waves of one to four sizes, with standard deviation `deviation` each way. */
function smoothField(deviation: number, random: Random): (x: number, y: number) => [number, number] {
  const waves = Array.from({ length: WAVES }, () => {
    const [direction, length] = [2 * Math.PI * random.uniform(), 1 + 3 * random.uniform()]
    const k = (2 * Math.PI) / length
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

function dropPoints({ x, y, t }: Stroke, share: number, random: Random): Stroke {
  const kept: number[] = []
  for (let i = 0; i < x.length; i++) {
    const drawn = random.uniform()
    if (i === 0 || i === x.length - 1 || drawn >= share) kept.push(i)
  }
  const pick = (values: Float64Array) => Float64Array.from(kept, (i) => values[i]!)
  return { x: pick(x), y: pick(y), t: t && pick(t) }
}
