// Words in hands that nobody has: letters of single-stroke fonts, each bent, reordered and joined as people do it. A hand is
// drawn once per sample and keeps its habits within it: an "a" is written the same way twice, only not to the point.
import { X_HEIGHT } from './stroke-fonts.mjs'

/**
 * @typedef {import('./stroke-fonts.mjs').StrokeFont} StrokeFont
 * @typedef {{uniform(): number, normal(): number, below(n: number): number}} Random
 * @typedef {[number, number]} Point
 */

/** Weights of the outlined designs among the fonts: they have two or three lines for one. */
const OUTLINED = /Med|Bold|Goth/
const OUTLINED_WEIGHT = 0.25

/** Spacing of the points that are bent, in units of the fonts. */
const FINE = X_HEIGHT / 7.5

const logNormal = (random, deviation) => Math.exp(deviation * random.normal())
const chance = (random, probability) => random.uniform() < probability

/** A font at random that has the character; null where none has. */
function pickFont(fonts, character, random) {
  const able = fonts.filter(({ glyphs }) => (glyphs.get(character)?.strokes.length ?? 0) > 0)
  const weights = able.map(({ name }) => (OUTLINED.test(name) ? OUTLINED_WEIGHT : 1))
  let draw = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0)
  return able.find((_, i) => (draw -= weights[i]) < 0) ?? able.at(-1) ?? null
}

/** Habits of a writer. */
function drawHand(fonts, random) {
  const joins = random.uniform()
  return {
    font: pickFont(fonts, 'a', random),
    mixed: chance(random, 0.5) ? 0.15 + 0.5 * random.uniform() : 0,
    slant: 0.22 * random.normal(),
    wide: logNormal(random, 0.2),
    high: logNormal(random, 0.1),
    spacing: 0.06 * X_HEIGHT * random.normal(),
    rise: 0.03 * random.normal(),
    // Half print, some join some letters, some nearly all.
    joined: joins < 0.5 ? 0 : joins < 0.65 ? 0.35 : 0.9,
    bow: 0.2 * random.normal(),
    rounded: random.below(3),
    careless: 0.4 + 1.2 * random.uniform(),
    waves: elasticField(random),
    letters: new Map()
  }
}

/** How a hand writes one character: whose shape, in which order, from which end. */
function drawLetter(hand, fonts, character, random) {
  const font =
    chance(random, hand.mixed) || !(hand.font.glyphs.get(character)?.strokes.length > 0)
      ? pickFont(fonts, character, random)
      : hand.font
  if (font === null) throw new Error(`Expected a font with "${character}" but there is none.`)
  const glyph = font.glyphs.get(character)
  let strokes = glyph.strokes.filter((stroke) => stroke.length > 0).map((stroke) => densify(stroke))
  strokes = strokes.map((stroke) => restart(stroke, random))
  if (chance(random, 0.12)) strokes = joinWithin(strokes)
  strokes = strokes.flatMap((stroke) => (chance(random, 0.1) ? split(stroke, random) : [stroke]))
  if (chance(random, 0.15)) strokes = shuffle(strokes, random)
  strokes = strokes.map((stroke) => (chance(random, 0.1) ? stroke.toReversed() : stroke))
  strokes = strokes.map((stroke) => trimOrHook(stroke, random))
  const deviation = 0.07 * hand.careless
  const middle = (glyph.advance / 2) | 0
  const [a, b] = [logNormal(random, 1.6 * deviation), logNormal(random, deviation)]
  const shear = deviation * random.normal()
  const bend = elasticField(random)
  const shape = strokes.map((stroke) =>
    stroke.map(([x, y]) => {
      const [dx, dy] = bend(x, y)
      const amount = 0.6 * deviation * X_HEIGHT
      return [a * (x - middle) + middle + shear * y + amount * dx, b * y + amount * dy]
    })
  )
  return { strokes: shape, advance: glyph.advance * (1 + (a - 1) / 2) }
}

/** Points at most FINE apart on the way through the corners. */
function densify(stroke) {
  const points = [stroke[0]]
  for (let i = 1; i < stroke.length; i++) {
    const [[x0, y0], [x1, y1]] = [stroke[i - 1], stroke[i]]
    const pieces = Math.max(1, Math.ceil(Math.hypot(x1 - x0, y1 - y0) / FINE))
    for (let k = 1; k <= pieces; k++) points.push([x0 + ((x1 - x0) * k) / pieces, y0 + ((y1 - y0) * k) / pieces])
  }
  return points
}

const distance = ([x0, y0], [x1, y1]) => Math.hypot(x1 - x0, y1 - y0)

/** A closed stroke may begin elsewhere. */
function restart(stroke, random) {
  if (stroke.length < 6 || distance(stroke[0], stroke.at(-1)) > 0.1 * X_HEIGHT || !chance(random, 0.4)) return stroke
  const at = random.below(stroke.length)
  return [...stroke.slice(at), ...stroke.slice(1, at + 1)]
}

/** A stroke in two, at a point of its middle. */
function split(stroke, random) {
  if (stroke.length < 8) return [stroke]
  const at = 3 + random.below(stroke.length - 6)
  return [stroke.slice(0, at + 1), stroke.slice(at)]
}

/** All strokes but dots in one, without lifting the pen. */
function joinWithin(strokes) {
  const long = strokes.filter((stroke) => stroke.length > 4)
  return long.length < 2 ? strokes : [densify(long.flat()), ...strokes.filter((stroke) => stroke.length <= 4)]
}

/** From the end of a letter to the beginning of the next, bent to one side by `bow` times the distance; without its first point. */
function joiningStroke([x0, y0], [x1, y1], bow) {
  const bent = [0, 0.25, 0.5, 0.75, 1].map((t) => {
    const side = 4 * bow * t * (1 - t)
    return [x0 + t * (x1 - x0) - side * (y1 - y0), y0 + t * (y1 - y0) + side * (x1 - x0)]
  })
  return densify(bent).slice(1)
}

function shuffle(items, random) {
  const all = [...items]
  for (let i = all.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[all[i], all[j]] = [all[j], all[i]]
  }
  return all
}

/** Cuts points off the ends of a stroke, such as serifs, or adds hooks to them. */
function trimOrHook(stroke, random) {
  let points = stroke
  for (const end of [0, 1]) {
    if (points.length >= 8 && chance(random, 0.3)) points = points.slice(1 + random.below(2))
    else if (points.length >= 5 && chance(random, 0.12)) {
      const [x, y] = points[0]
      const angle = 2 * Math.PI * random.uniform()
      const length = (0.1 + 0.25 * random.uniform()) * X_HEIGHT
      points = [
        ...densify([
          [x + length * Math.cos(angle), y + length * Math.sin(angle)],
          [x, y]
        ]),
        ...points.slice(1)
      ]
    }
    points = points.toReversed()
    if (end === 1) break
  }
  return points
}

/** A random smooth displacement of deviation 1: plane waves of 0.8 to 4 heights of the small x. */
function elasticField(random) {
  const waves = Array.from({ length: 5 }, () => {
    const angle = 2 * Math.PI * random.uniform()
    const k = (2 * Math.PI) / (X_HEIGHT * (0.8 + 3.2 * random.uniform() ** 2))
    return [k * Math.cos(angle), k * Math.sin(angle), 2 * Math.PI * random.uniform(), random.normal(), random.normal()]
  })
  const amplitude = Math.sqrt(2 / waves.length)
  return (x, y) => {
    let [dx, dy] = [0, 0]
    for (const [kx, ky, phase, ax, ay] of waves) {
      const value = amplitude * Math.sin(kx * x + ky * y + phase)
      dx += ax * value
      dy += ay * value
    }
    return [dx, dy]
  }
}

/** Corner cutting (Chaikin 1974). */
function round(stroke) {
  if (stroke.length < 3) return stroke
  const points = [stroke[0]]
  for (let i = 1; i + 1 < stroke.length; i++) {
    const [[x0, y0], [x1, y1], [x2, y2]] = [stroke[i - 1], stroke[i], stroke[i + 1]]
    points.push([0.25 * x0 + 0.75 * x1, 0.25 * y0 + 0.75 * y1], [0.75 * x1 + 0.25 * x2, 0.75 * y1 + 0.25 * y2])
  }
  points.push(stroke.at(-1))
  return points
}

/**
 * `text` written by a new hand. @param {string} text @param {StrokeFont[]} fonts @param {Random} random
 * @returns {Point[][]} strokes in whole units, y up
 */
export function writeByHand(text, fonts, random) {
  const hand = drawHand(fonts, random)
  const done = []
  let [left, run, late] = [0, null, []]
  const finish = () => {
    if (run) done.push(run, ...late)
    ;[run, late] = [null, []]
  }
  for (const character of text) {
    if (character === ' ') {
      finish()
      left += X_HEIGHT * (0.8 + 0.5 * random.uniform()) * hand.wide
      continue
    }
    let letter = hand.letters.get(character)
    if (!letter) hand.letters.set(character, (letter = drawLetter(hand, fonts, character, random)))
    const deviation = 0.03 * hand.careless
    const [a, b] = [logNormal(random, deviation), logNormal(random, deviation)]
    const lift = deviation * X_HEIGHT * random.normal()
    const shear = deviation * random.normal()
    const strokes = letter.strokes.map((stroke) =>
      stroke.map(([x, y]) => [left + hand.wide * (a * x + shear * y), b * y + lift])
    )
    const main = strokes.reduce((most, stroke) => (stroke.length > most.length ? stroke : most), strokes[0])
    const joins =
      run !== null &&
      /[a-z]/.test(character) &&
      chance(random, hand.joined) &&
      distance(run.at(-1), main[0]) < 1.3 * X_HEIGHT
    if (joins) {
      run.push(...joiningStroke(run.at(-1), main[0], hand.bow), ...main.slice(1))
      late.push(...strokes.filter((stroke) => stroke !== main))
    } else {
      finish()
      if (/[a-z]/i.test(character) && hand.joined > 0) {
        run = [...main]
        late = strokes.filter((stroke) => stroke !== main)
      } else done.push(...strokes)
    }
    left += hand.wide * a * letter.advance + hand.spacing + 0.03 * X_HEIGHT * hand.careless * random.normal()
  }
  finish()
  return done.map((stroke) => finishStroke(stroke, hand))
}

/** The whole word's slant, rise and paper; corners rounded. */
function finishStroke(stroke, hand) {
  let points = stroke
  for (let i = 0; i < hand.rounded; i++) points = round(points)
  const amount = 0.035 * hand.careless * X_HEIGHT
  return points.map(([x, y]) => {
    const [dx, dy] = hand.waves(x, y)
    const [px, py] = [x + amount * dx, y + amount * dy]
    return [Math.round(px + hand.slant * py), Math.round(hand.high * py + hand.rise * px)]
  })
}
