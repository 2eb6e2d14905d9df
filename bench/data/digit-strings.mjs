// Strings of pen digits: digits of one writer, scaled to one height and set side by side with random gaps and heights. Made
// for any set of writers, so that writers can be left out in turn.
//   node bench/data/digit-strings.mjs <digits.ndjson> <writers, as 1-6,9> <count> <seed> > strings.ndjson
import { readFileSync } from 'node:fs'
import { argv, stdout } from 'node:process'
import { fileURLToPath } from 'node:url'
import { createRandom } from '../../dist/esm/index.js'

/** In the units of a digit's height, HEIGHT. */
const HEIGHT = 200
const GAP = [25, 110]
const BASELINE = 13 // standard deviation
const DIGITS = [3, 8]

/** @typedef {{label: string, comment: string, strokes: number[][][]}} Digit one line of pendigits-online */

/** The writer of a digit: the second word of its comment. @param {Digit} digit */
export const writerOf = ({ comment }) => Number(comment.trim().split(/\s+/)[1])

/** Numbers of a list such as "1-6,9". */
export function numbersOf(list) {
  return list.split(',').flatMap((part) => {
    const [from, to = from] = part.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, i) => from + i)
  })
}

/** A digit of height HEIGHT, its left edge and its foot at 0. */
function scaled({ strokes }) {
  const points = strokes.flat()
  const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]))
  const [left, bottom] = [Math.min(...xs), Math.min(...ys)]
  const size = HEIGHT / Math.max(1, Math.max(...ys) - bottom)
  const shape = strokes.map((stroke) => stroke.map(([x, y]) => [(x - left) * size, (y - bottom) * size]))
  return { shape, width: (Math.max(...xs) - left) * size }
}

/**
 * `count` strings, a function of the seed: {text, writer, strokes}, y up, whole units.
 * @param {Digit[]} digits @param {number} count @param {number} seed
 */
export function digitStrings(digits, count, seed) {
  const random = createRandom(seed, 'strings of digits')
  const between = ([least, most]) => least + random.below(most - least + 1)
  const byWriter = new Map()
  for (const digit of digits) byWriter.set(writerOf(digit), [...(byWriter.get(writerOf(digit)) ?? []), digit])
  const writers = [...byWriter.keys()].sort((a, b) => a - b)
  return Array.from({ length: count }, () => {
    const writer = writers[random.below(writers.length)]
    const own = byWriter.get(writer)
    const chosen = Array.from({ length: between(DIGITS) }, () => own[random.below(own.length)])
    let left = 0
    const strokes = chosen.flatMap((digit) => {
      const { shape, width } = scaled(digit)
      const foot = BASELINE * random.normal()
      const moved = shape.map((stroke) => stroke.map(([x, y]) => [Math.round(left + x), Math.round(foot + y)]))
      left += width + between(GAP)
      return moved
    })
    return { text: chosen.map(({ label }) => label).join(''), writer, strokes }
  })
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [file, writers, count, seed] = argv.slice(2)
  const wanted = new Set(numbersOf(writers))
  const digits = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const made = digitStrings(
    digits.filter((digit) => wanted.has(writerOf(digit))),
    Number(count),
    Number(seed)
  )
  stdout.write(made.map((line) => JSON.stringify(line) + '\n').join(''))
}
