// Variations of ink for training: the same text as another hand, another pen or another day would have written it. Works on
// normalised strokes (sizes, from the middle). All draws come from the random sequence that is passed in: counter-based, so
// that a resumed training sees the same variations.

import { expected, isObject } from '../../errors.js'
import type { Random } from '../../random.js'
import { joinStrokes, smoothField, swapStrokes, varyLine } from './habits.js'
import { mapPoints } from './normalise.js'
import { countPoints, type Stroke } from './strokes.js'

/** The strengths of the variations. 0 leaves a variation out. */
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
  /** Standard deviation of the logarithm of the width of letters, which changes smoothly along the line. */
  readonly width: number
  /** Standard deviation of the slant dx / dy as it changes along the line. */
  readonly lean: number
  /** Standard deviation of the height of the baseline as it changes along the line, in sizes. */
  readonly drift: number
  /** Standard deviation of a smooth displacement of 0.15 to 0.6 sizes in length, which changes the shape of each letter, in sizes. */
  readonly bend: number
  /** Probability that two strokes that follow each other and lie near each other change their order. */
  readonly swap: number
  /** Probability that the pen stays on the paper between two strokes that lie near each other. */
  readonly join: number
  /** Probability that a sample is not varied at all, so that a network does not see varied ink only. */
  readonly plain: number
}

/** No variation, and the default strengths. */
export const inkAugmentations = {
  none: {
    shear: 0,
    scale: 0,
    rotate: 0,
    warp: 0,
    dropout: 0,
    reverse: 0,
    trim: 0,
    lift: 0,
    speed: 0,
    width: 0,
    lean: 0,
    drift: 0,
    bend: 0,
    swap: 0,
    join: 0,
    plain: 0
  },
  default: {
    shear: 0.15,
    scale: 0.12,
    rotate: 0.06,
    warp: 0.05,
    dropout: 0.1,
    reverse: 0.1,
    trim: 0.05,
    lift: 0.05,
    speed: 0.1,
    width: 0.15,
    lean: 0.12,
    drift: 0.04,
    bend: 0.015,
    swap: 0.03,
    join: 0.05,
    plain: 0
  }
} as const satisfies Record<string, InkAugmentation>

const NAMES = Object.keys(inkAugmentations.none) as (keyof InkAugmentation)[]
/** Those that are probabilities or shares; a strength raises them to a half at most. */
const SHARES: (keyof InkAugmentation)[] = ['dropout', 'reverse', 'trim', 'lift', 'swap', 'join', 'plain']
const HALF = 0.5

/** Settings of how a hand changes along the line and joins and orders its strokes; the others are older. */
const LINE: readonly (keyof InkAugmentation)[] = ['width', 'lean', 'drift', 'bend', 'swap', 'join']

/**
 * Returns `strength` times the default augmentation; of the variations along the line, `line` times (default 0: none, which
 * suits single symbols and digits).
 */
export function scaledAugmentation(strength: number, line = 0): InkAugmentation {
  return ofNames((name) => {
    const scaled = (LINE.includes(name) ? line : strength) * inkAugmentations.default[name]
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
  // Files of version 0.1 do not have these.
  const later = Object.fromEntries([...LINE, 'plain'].map((name) => [name, 0]))
  const from = { ...later, ...(isObject(value) ? value : null) } as Partial<Record<keyof InkAugmentation, unknown>>
  const legal = NAMES.every((name) => {
    const number = from[name]
    return typeof number === 'number' && number >= 0 && number <= mostOf(name)
  })
  if (legal) return ofNames((name) => from[name] as number)
  throw expected('ERR_FILE_FORMAT', `the augmentation of ink in ${path}`, 'another value', 'the model is damaged')
}

/** Length of the waves of the warp, in sizes: slow against a letter, as paper and wrist are. */
const WARP_WAVES = { shortest: 1, longest: 4 }
/** Length of the waves that bend letters, in sizes. */
const BEND_WAVES = { shortest: 0.15, longest: 0.6 }

/** Returns one variation of `strokes`, drawn from `random`. */
export function augmentStrokes(strokes: readonly Stroke[], settings: InkAugmentation, random: Random): Stroke[] {
  const { shear, scale, rotate, warp, dropout, reverse, trim, lift, speed } = settings
  // Draws of a setting that is 0 are not made where they did not exist in version 0.1: its trainings keep their bits.
  if (settings.plain > 0 && random.uniform() < settings.plain) return strokes.slice()
  const slant = shear * random.normal()
  const [wide, high] = [Math.exp(scale * random.normal()), Math.exp(scale * random.normal())]
  const angle = rotate * random.normal()
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const waves = smoothField(warp, WARP_WAVES, random)
  const shaped = reshape(strokes, settings, random)
  const moved = mapPoints(shaped, (x, y) => {
    const [wx, wy] = waves(x, y)
    const [sx, sy] = [wide * (x + wx + slant * y), high * (y + wy)]
    return [cos * sx - sin * sy, sin * sx + cos * sy]
  })
  const slower = Math.exp(speed * random.normal())
  const cut = trim > 0 ? moved.map((stroke) => trimEnds(stroke, trim, random)) : moved
  const joined = settings.join > 0 ? joinStrokes(cut, settings.join, random) : cut
  const broken =
    lift > 0 ? joined.flatMap((stroke) => (random.uniform() < lift ? breakStroke(stroke, random) : stroke)) : joined
  const kept = dropout > 0 ? broken.map((stroke) => dropPoints(stroke, dropout, random)) : broken
  const timed = kept.map(({ x, y, t }) => ({ x, y, t: t && t.map((time) => time * slower) }))
  const reversed = reverse > 0 ? timed.map((stroke) => (random.uniform() < reverse ? turn(stroke) : stroke)) : timed
  const ordered = settings.swap > 0 ? swapStrokes(reversed, settings.swap, random) : reversed
  return countPoints(ordered) < 2 ? moved : ordered
}

/** Letters bent, wider or narrower, leaning and rising along the line. */
function reshape(strokes: readonly Stroke[], settings: InkAugmentation, random: Random): readonly Stroke[] {
  const { width, lean, drift, bend } = settings
  const line = width > 0 || lean > 0 || drift > 0 ? varyLine(strokes, { width, lean, drift }, random) : strokes
  if (bend === 0) return line
  const waves = smoothField(bend, BEND_WAVES, random)
  return mapPoints(line, (x, y) => {
    const [dx, dy] = waves(x, y)
    return [x + dx, y + dy]
  })
}

/** A stroke from its end to its beginning; it takes as long. */
function turn({ x, y, t }: Stroke): Stroke {
  const back = (values: Float64Array) => values.slice().reverse()
  const ends = t && t[0]! + t[t.length - 1]!
  return { x: back(x), y: back(y), t: t && back(t).map((time) => ends! - time) }
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
