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
  /** Probability that a stroke is drawn from its end to its beginning, as some hands do. */
  readonly reverse: number
  /** Largest share of a stroke's points left out at each of its ends, as by a pen that comes late or leaves early. */
  readonly trim: number
  /** Probability that the pen leaves the paper somewhere on the way and a stroke becomes two. */
  readonly lift: number
  /** Standard deviation of the logarithm of the speed; matters where points are laid by time, or times are learned. */
  readonly speed: number
}

export const inkAugmentations = {
  none: { shear: 0, scale: 0, rotate: 0, warp: 0, dropout: 0, reverse: 0, trim: 0, lift: 0, speed: 0 },
  default: {
    shear: 0.15,
    scale: 0.12,
    rotate: 0.06,
    warp: 0.05,
    dropout: 0.1,
    reverse: 0.1,
    trim: 0.05,
    lift: 0.05,
    speed: 0.1
  }
} as const satisfies Record<string, InkAugmentation>

const NAMES = Object.keys(inkAugmentations.none) as (keyof InkAugmentation)[]
/** Those that are probabilities or shares; a strength raises them to a half at most. */
const SHARES: (keyof InkAugmentation)[] = ['dropout', 'reverse', 'trim', 'lift']
const HALF = 0.5

/** An augmentation `strength` times the default one. */
export function scaledAugmentation(strength: number): InkAugmentation {
  return ofNames((name) => {
    const scaled = strength * inkAugmentations.default[name]
    return SHARES.includes(name) ? Math.min(HALF, scaled) : scaled
  })
}

function ofNames(value: (name: keyof InkAugmentation) => number): InkAugmentation {
  return Object.fromEntries(NAMES.map((name) => [name, value(name)])) as unknown as InkAugmentation
}

/** Both ends together leave a point. */
const mostOf = (name: keyof InkAugmentation) => (name === 'trim' ? HALF : SHARES.includes(name) ? 0.999 : 10)

/** Throws ERR_FILE_FORMAT (a checkpoint's settings) unless `value` is an augmentation. */
export function augmentationFromJson(value: unknown, path: string): InkAugmentation {
  const from = (value ?? {}) as Partial<Record<keyof InkAugmentation, unknown>>
  const legal = NAMES.every((name) => {
    const number = from[name]
    return typeof number === 'number' && number >= 0 && number <= mostOf(name)
  })
  if (legal) return ofNames((name) => from[name] as number)
  throw new GatecellError('ERR_FILE_FORMAT', `Expected the augmentation of ink in ${path} but found another value.`)
}

/** Waves of the warp: slow against a letter (a size), as paper and wrist are. */
const WAVES = 4

/** One variation of `strokes`. */
export function augmentStrokes(strokes: readonly Stroke[], settings: InkAugmentation, random: Random): Stroke[] {
  const { shear, scale, rotate, warp, dropout, reverse, trim, lift, speed } = settings
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
  const cut = trim > 0 ? moved.map((stroke) => trimEnds(stroke, trim, random)) : moved
  const broken =
    lift > 0 ? cut.flatMap((stroke) => (random.uniform() < lift ? breakStroke(stroke, random) : stroke)) : cut
  const kept = dropout > 0 ? broken.map((stroke) => dropPoints(stroke, dropout, random)) : broken
  const timed = kept.map(({ x, y, t }) => ({ x, y, t: t && t.map((time) => time * slower) }))
  const turned = reverse > 0 ? timed.map((stroke) => (random.uniform() < reverse ? turn(stroke) : stroke)) : timed
  return countPoints(turned) < 2 ? moved : turned
}

/** A stroke from its end to its beginning; it takes as long. */
function turn({ x, y, t }: Stroke): Stroke {
  const back = (values: Float64Array) => values.slice().reverse()
  const ends = t && t[0]! + t[t.length - 1]!
  return { x: back(x), y: back(y), t: t && back(t).map((time) => ends! - time) }
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

/** A stroke of the points `from` up to `to`. */
function stretch({ x, y, t }: Stroke, from: number, to: number): Stroke {
  return { x: x.slice(from, to), y: y.slice(from, to), t: t && t.slice(from, to) }
}

function trimEnds(stroke: Stroke, most: number, random: Random): Stroke {
  const { length } = stroke.x
  const [first, last] = [0, 0].map(() => Math.floor(random.uniform() * most * length)) as [number, number]
  return stretch(stroke, first, length - last)
}

/** A stroke in two that meet in a point of its middle; one too short for that stays whole. */
function breakStroke(stroke: Stroke, random: Random): Stroke[] {
  const { length } = stroke.x
  const at = 1 + Math.floor(random.uniform() * (length - 2))
  return length < 3 ? [stroke] : [stretch(stroke, 0, at + 1), stretch(stroke, at, length)]
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
