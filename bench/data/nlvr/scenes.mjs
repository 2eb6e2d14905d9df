// Draws the scenes of NLVR from their descriptions, equal to the published PNGs to the pixel: three grey boxes of 100 x 100 in a
// picture of 400 x 100. The edges of circles and triangles follow the supersampling of Skia, the graphics library of the browser that
// drew the originals: four lines of spans a pixel, spans that begin and end at quarters of a pixel, circles of eight quadratic curves.

export const WIDTH = 400
export const HEIGHT = 100
/** The order of the boxes in each of the six views of a scene. */
export const VIEWS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0]
]
/** The left edges of the boxes. */
export const BOXES = [0, 150, 300]
export const COLOURS = { Yellow: [255, 255, 0], Black: [0, 0, 0], '#0099ff': [0, 153, 255] }
export const SHAPES = ['circle', 'square', 'triangle']

const BOX = 211
const BETWEEN = 128
const SUB = 4 // lines and places a pixel

/** @typedef {{type: 'circle' | 'square' | 'triangle', color: string, size: 10 | 20 | 30, x_loc: number, y_loc: number}} Item */
/** @typedef {Item[][]} Scene three boxes of items; x_loc and y_loc: the left upper corner in the box, y down */

const clamp = (value) => value - (value >> 8)
const roundFixed = (value) => (value + 0x8000) >> 16
const roundSixths = (value) => (value + 32) >> 6

/** Quotient of 26.6 numbers as 16.16, rounded towards 0. */
const divide = (a, b) => Math.trunc((a * 65536) / b)

/** Where a straight edge crosses the middle of each line: [line, x], in quarters of a pixel; ends as 26.6 numbers. */
function lineCrossings(x0, y0, x1, y1) {
  const [top, bottom] = [roundSixths(y0), roundSixths(y1)]
  if (top === bottom) return []
  const slope = divide(x1 - x0, y1 - y0)
  let x = (x0 + Math.floor((slope * ((top << 6) + 32 - y0)) / 65536)) * 1024
  const crossings = []
  for (let y = top; y < bottom; y++, x += slope) crossings.push([y, roundFixed(x)])
  return crossings
}

/** The same for a quadratic curve, which is cut into straight edges by forward differences. */
function curveCrossings(points) {
  let [[x0, y0], [x1, y1], [x2, y2]] = points.map((point) => point.map((value) => Math.trunc(value * 64 * SUB)))
  if (y0 > y2) [x0, y0, x2, y2] = [x2, y2, x0, y0]
  if (roundSixths(y0) === roundSixths(y2)) return []
  const [bendX, bendY] = [Math.abs((2 * x1 - x0 - x2) >> 2), Math.abs((2 * y1 - y0 - y2) >> 2)]
  const distance = (Math.max(bendX, bendY) + (Math.min(bendX, bendY) >> 1) + 16) >> 5
  const shift = Math.min(6, Math.max(1, (32 - Math.clz32(distance)) >> 1))
  const differences = (a, b, c) => {
    const [square, linear] = [(a - 2 * b + c) * 512, (b - a) * 1024]
    return { value: a * 1024, step: linear + (square >> shift), change: square >> (shift - 1) }
  }
  const [x, y] = [differences(x0, x1, x2), differences(y0, y1, y2)]
  const crossings = []
  for (let left = 1 << shift; left > 0; left--) {
    const last = left === 1
    const next = [x, y].map((one) => one.value + (one.step >> (shift - 1)))
    const [endX, endY] = last ? [x2 * 1024, y2 * 1024] : next
    crossings.push(...lineCrossings(x.value >> 10, y.value >> 10, endX >> 10, endY >> 10))
    for (const one of [x, y]) one.step += one.change
    ;[x.value, y.value] = [endX, endY]
  }
  return crossings
}

const WEIGHT = Math.fround(Math.SQRT1_2)
const SCALE = Math.fround(1 / Math.fround(1 + WEIGHT))

/** The place of an upright tangent as the weighted mean of its two ends in single precision: not always what both ends are. */
const rounded = (x) => Math.fround(Math.fround(x + Math.fround(WEIGHT * x)) * SCALE)

/**
 * A circle as eight curves: their ends lie on it, their middle points where the tangents meet. The place in the picture counts, since
 * the rounding of the upright tangents shows in circles of 30.
 */
function circleCrossings(size, left) {
  const radius = size / 2
  const middle = left + radius
  const [far, near] = [radius * Math.SQRT1_2, radius * Math.tan(Math.PI / 8)]
  return [-1, 1].flatMap((down) =>
    [left, left + size].flatMap((side) => {
      const across = Math.sign(side - middle)
      const corner = [middle + across * far, radius + down * far]
      const upright = [[side, radius], [rounded(side), radius + down * near], corner]
      const level = [corner, [middle + across * near, radius + down * radius], [middle, radius + down * radius]]
      return [upright, level].flatMap(curveCrossings)
    })
  )
}

function triangleCrossings(size, start) {
  const [left, middle, right] = [start, start + size / 2, start + size].map((x) => x * 64 * SUB)
  const end = size * 64 * SUB
  return [...lineCrossings(middle, 0, left, end), ...lineCrossings(middle, 0, right, end)]
}

/** How much of each pixel of a square of `size` that begins at `left` a shape covers, 0 to 255. */
function coverage(crossings, size, left) {
  const mask = new Uint8Array(size * size)
  const lines = new Map()
  for (const [line, place] of crossings) lines.set(line, [...(lines.get(line) ?? []), place - left * SUB])
  for (const [line, places] of lines) {
    const row = (line >> 2) * size
    const [start, stop] = places.sort((a, b) => a - b)
    const add = (pixel, amount) => (mask[row + pixel] = clamp(mask[row + pixel] + amount))
    const [first, last] = [start >> 2, stop >> 2]
    if (first === last) add(first, (stop - start) * 16)
    else {
      add(first, (SUB - (start & 3)) * 16)
      for (let pixel = first + 1; pixel < last; pixel++) add(pixel, 64 - (((line & 3) + 1) >> 2))
      if ((stop & 3) > 0) add(last, (stop & 3) * 16)
    }
  }
  return mask
}

const masks = new Map()

function maskOf({ type, size }, left) {
  const key = `${type} ${size} ${left}`
  const known = masks.get(key)
  if (known) return known
  const crossings = { circle: circleCrossings, triangle: triangleCrossings }[type]
  const made = crossings ? coverage(crossings(size, left), size, left) : new Uint8Array(size * size).fill(255)
  masks.set(key, made)
  return made
}

/**
 * The picture of a scene: HEIGHT x WIDTH x 3 bytes, RGB. Parts of an item beyond its box are cut off.
 * @param {Scene} scene
 */
export function drawScene(scene) {
  const pixels = new Uint8Array(WIDTH * HEIGHT * 3).fill(BETWEEN)
  scene.forEach((items, box) => {
    for (let y = 0; y < HEIGHT; y++) pixels.fill(BOX, 3 * (y * WIDTH + BOXES[box]), 3 * (y * WIDTH + BOXES[box] + 100))
    for (const item of items) drawItem(pixels, item, box)
  })
  return pixels
}

function drawItem(pixels, item, box) {
  const { size, x_loc: left, y_loc: top, color } = item
  const mask = maskOf(item, BOXES[box] + left)
  for (let i = 0; i < mask.length; i++) {
    const [x, y] = [left + (i % size), top + Math.floor(i / size)]
    if (mask[i] === 0 || x < 0 || x >= 100 || y < 0 || y >= HEIGHT) continue
    const at = 3 * (y * WIDTH + BOXES[box] + x)
    for (let c = 0; c < 3; c++)
      pixels[at + c] = ((COLOURS[color][c] * (mask[i] + 1)) >> 8) + ((pixels[at + c] * (256 - mask[i])) >> 8)
  }
}
