// How a reader takes ink that is not as its training data: lines skewed by 15 degrees, points far denser, and dense points
// with the noise of a bad tablet. Prints the character error rate and the share read without an error for each.
//   node bench/robustness.mjs model.safetensors ink.ndjson.gz [--count 500] [--seed 0] [--json]
import { parseArgs } from 'node:util'
import { createInk, readInk } from '../dist/esm/data/ink/index.js'
import { createRandom } from '../dist/esm/index.js'
import * as handwritingRecognition from '../dist/esm/tasks/handwriting-recognition/index.js'

/** Points between two points of the original. */
const DENSER = 8
const SKEW = (15 * Math.PI) / 180

/** @typedef {number[][][]} Points strokes of [x, y] */

/** The height of ink, in which noise is counted. @param {Points} strokes */
function heightOf(strokes) {
  const ys = strokes.flat().map(([, y]) => y)
  return ys.reduce((most, y) => Math.max(most, y), -Infinity) - ys.reduce((least, y) => Math.min(least, y), Infinity)
}

/** @param {Points} strokes @param {number} angle */
function rotate(strokes, angle) {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  return strokes.map((stroke) => stroke.map(([x, y]) => [cos * x - sin * y, sin * x + cos * y]))
}

/** @param {Points} strokes */
function denser(strokes) {
  return strokes.map((stroke) =>
    stroke.flatMap(([x, y], i) => {
      const [nextX, nextY] = stroke[i + 1] ?? [x, y]
      const count = i + 1 < stroke.length ? DENSER : 1
      return Array.from({ length: count }, (_, k) => [x + ((nextX - x) * k) / DENSER, y + ((nextY - y) * k) / DENSER])
    })
  )
}

/** Noise of a deviation of `share` of the height on every point. */
function shaken(strokes, share, random) {
  const deviation = share * heightOf(strokes)
  return strokes.map((stroke) =>
    stroke.map(([x, y]) => [x + deviation * random.normal(), y + deviation * random.normal()])
  )
}

/** @type {Record<string, (strokes: Points, random: {normal(): number}) => Points>} */
const changes = {
  'as it is': (strokes) => strokes,
  'skewed 15 degrees up': (strokes) => rotate(strokes, SKEW),
  'skewed 15 degrees down': (strokes) => rotate(strokes, -SKEW),
  dense: (strokes) => denser(strokes),
  'dense, noise of 0.5 %': (strokes, random) => shaken(denser(strokes), 0.005, random),
  'dense, noise of 1 %': (strokes, random) => shaken(denser(strokes), 0.01, random),
  'dense, noise of 2 %': (strokes, random) => shaken(denser(strokes), 0.02, random)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '500' },
    seed: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false }
  }
})
const [path, ...files] = positionals
const { loadReader, labelInk, measureRecognition } = handwritingRecognition
const { model, config, vocabulary } = await loadReader(path)
const ink = (await readInk(files)).slice(0, Number(values.count))
for (const [name, change] of Object.entries(changes)) {
  const random = createRandom(Number(values.seed), name)
  const changed = ink.map(({ strokes, text, source }) => {
    const points = strokes.map(({ x, y }) => Array.from(x, (value, i) => [value, y[i]]))
    return createInk(change(points, random), { text, source })
  })
  const { cer, exact, samples } = await measureRecognition(model, config, labelInk(changed, vocabulary, config))
  const figures = `${(100 * cer).toFixed(2)} % of the symbols wrong, ${(100 * exact).toFixed(1)} % of ${samples} without error`
  console.log(values.json ? JSON.stringify({ change: name, cer, exact, samples }) : `${name.padEnd(24)} ${figures}`)
}
