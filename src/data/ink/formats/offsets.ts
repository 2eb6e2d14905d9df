// Drawings as offsets of the pen, y down. Stroke-3 (Graves 2013): [dx, dy, 1 if the pen is lifted after the point, else 0].
// Stroke-5 (Ha and Eck, "A neural representation of sketch drawings", 2017, section 3.1): [dx, dy, p1, p2, p3] of which one p
// is 1: p1, a line follows; p2, the pen is lifted after the point; p3, the drawing has ended, and this row is not a point of it.

import {
  coordinates,
  inkFromColumns,
  inkLimits,
  invalidInk,
  isCoordinate,
  showPoint,
  type Ink,
  type InkOptions
} from '../strokes.js'
import { inkFormatError } from './parser.js'

type Pen = 'down' | 'lifted' | 'ended'

/**
 * Returns ink whose strokes begin at the origin plus the first offset. Throws ERR_FILE_FORMAT for rows of another form, ERR_INVALID_INK for values
 * that are not coordinates.
 */
export function fromOffsets(rows: readonly unknown[], options: InkOptions & { source: string }): Ink {
  const { source } = options
  if (rows.length > inkLimits.points) throw invalidInk(source, `at most ${inkLimits.points} points`, `${rows.length}`)
  const five = Array.isArray(rows[0]) && rows[0].length === 5
  const strokes: { x: number[]; y: number[]; t: null }[] = []
  let [x, y] = [0, 0]
  let down = false
  let ended = false
  rows.forEach((row, i) => {
    const pen = five ? penOfFive(row) : penOfThree(row)
    if (pen === null) {
      const what = five ? '[dx, dy, p1, p2, p3] with one p of 1, the others 0,' : '[dx, dy, 0 or 1]'
      throw inkFormatError(source, `${what} as offset ${i + 1}`, showPoint(row), 'or an object with "strokes"')
    }
    const [dx, dy] = row as [unknown, unknown]
    if (!isCoordinate(dx) || !isCoordinate(dy))
      throw invalidInk(source, `${coordinates} as dx and dy of offset ${i + 1}`, showPoint(row))
    if (ended && pen !== 'ended') throw invalidInk(source, `no point after the end of the drawing`, showPoint(row))
    ended = pen === 'ended'
    if (ended) return
    ;[x, y] = [x + dx, y + dy]
    if (!down) strokes.push({ x: [], y: [], t: null })
    strokes.at(-1)!.x.push(x)
    strokes.at(-1)!.y.push(y)
    down = pen === 'down'
  })
  return inkFromColumns(strokes, options)
}

function penOfThree(row: unknown): Pen | null {
  if (!Array.isArray(row) || row.length !== 3) return null
  return row[2] === 0 ? 'down' : row[2] === 1 ? 'lifted' : null
}

function penOfFive(row: unknown): Pen | null {
  if (!Array.isArray(row) || row.length !== 5) return null
  const states = row.slice(2) as unknown[]
  const isState = states.every((state) => state === 0 || state === 1) && states.filter((one) => one === 1).length === 1
  return isState ? (['down', 'lifted', 'ended'] as const)[states.indexOf(1)]! : null
}
