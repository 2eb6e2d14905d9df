// Pictures of two coloured shapes with sentences about them, drawn by this program for a picture of the documents: no data of others is in it.
//   node bench/data/shapes.mjs <folder> [--count 1500] [--seed 0]
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createRandom } from '../../dist/esm/index.js'
import { encodePng } from '../../dist/esm/data/images/png.js'

const [WIDTH, HEIGHT] = [48, 32]
const COLOURS = { red: [214, 40, 40], green: [42, 157, 60], blue: [40, 80, 214], yellow: [240, 190, 30] }
/** Whether a point is in a shape: x and y from -1 to 1, of which the shape has the middle. */
const SHAPES = {
  square: () => true,
  circle: (x, y) => x * x + y * y <= 1,
  triangle: (x, y) => Math.abs(x) <= (y + 1) / 2,
  cross: (x, y) => Math.abs(x) <= 0.3 || Math.abs(y) <= 0.3
}

/** Draws a shape around a place. */
function draw(pixels, { shape, colour, x, y, radius }) {
  for (let row = -radius; row <= radius; row++)
    for (let column = -radius; column <= radius; column++)
      if (SHAPES[shape](column / radius, row / radius))
        pixels.set(COLOURS[colour], 3 * ((y + row) * WIDTH + x + column))
}

/** Returns a picture of two shapes next to each other or one above the other, and its sentence. */
function scene(random) {
  const one = (names, not) => {
    const left = names.filter((name) => name !== not)
    return left[random.below(left.length)]
  }
  const first = { shape: one(Object.keys(SHAPES)), colour: one(Object.keys(COLOURS)), radius: 4 + random.below(3) }
  const second = { shape: one(Object.keys(SHAPES)), colour: one(Object.keys(COLOURS), first.colour), radius: 4 + random.below(3) } // prettier-ignore
  const place = (from, to, { radius }) => from + radius + random.below(Math.max(1, to - from - 2 * radius))
  const isAbove = random.below(2) === 1
  const middle = isAbove ? HEIGHT / 2 : WIDTH / 2
  for (const [i, own] of [first, second].entries()) {
    const [from, to] = i === 0 ? [0, middle] : [middle, isAbove ? HEIGHT : WIDTH]
    own.x = isAbove ? place(0, WIDTH, own) : place(from, to, own)
    own.y = isAbove ? place(from, to, own) : place(0, HEIGHT, own)
  }
  const pixels = new Uint8Array(3 * WIDTH * HEIGHT).fill(255)
  for (const own of [first, second]) draw(pixels, own)
  const named = ({ colour, shape }) => `a ${colour} ${shape}`
  return { pixels, caption: `${named(first)} ${isAbove ? 'above' : 'left of'} ${named(second)}` }
}

/** Writes the pictures and the file captions.ndjson to a folder. @param {string} folder */
export function makeShapes(folder, { count = 1500, seed = 0 } = {}) {
  mkdirSync(folder, { recursive: true })
  const random = createRandom(seed, 'shapes')
  const records = Array.from({ length: count }, (_, i) => {
    const { pixels, caption } = scene(random)
    writeFileSync(join(folder, `${i}.png`), encodePng({ width: WIDTH, height: HEIGHT, channels: 3, values: pixels }))
    return JSON.stringify({ file: `${i}.png`, caption })
  })
  writeFileSync(join(folder, 'captions.ndjson'), `${records.join('\n')}\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { count: { type: 'string', default: '1500' }, seed: { type: 'string', default: '0' } }
  })
  makeShapes(positionals[0] ?? 'shapes', { count: Number(values.count), seed: Number(values.seed) })
}
