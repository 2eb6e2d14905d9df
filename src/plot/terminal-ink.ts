// Ink in a terminal: each character of Braille is two by four dots, so a line of writing is legible in a few rows of text.

import type { Stroke } from '../data/ink/strokes.js'
import { boxOf } from '../data/ink/strokes.js'
import { placeInk } from './ink.js'

/** Bits of the dots of a Braille character, [row][column]. */
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80]
] as const

/** Returns the strokes as lines of text, `columns` wide and `rows` high at most. */
export function inkLines(strokes: readonly Stroke[], { columns = 72, rows = 8 } = {}): string[] {
  const { left, right, bottom, top } = boxOf(strokes)
  const [spanX, spanY] = [Math.max(right - left, 1e-9), Math.max(top - bottom, 1e-9)]
  const scale = Math.min((2 * columns - 1) / spanX, (4 * rows - 1) / spanY)
  const [width, height] = [scale * spanX, scale * spanY]
  const place = placeInk(strokes, { width, height, padding: 0 })
  const cells = Array.from({ length: Math.floor(height / 4) + 1 }, () => new Uint8Array(Math.floor(width / 2) + 1))
  const mark = (x: number, y: number) => {
    const [column, row] = [Math.round(x), Math.round(y)]
    const line = cells[row >> 2]
    if (line && column >> 1 < line.length) line[column >> 1]! |= DOTS[row & 3]![column & 1]!
  }
  for (const { x, y } of strokes) {
    for (let i = 0; i < x.length; i++) {
      const [x0, y0] = [place.x(x[Math.max(0, i - 1)]!), place.y(y[Math.max(0, i - 1)]!)]
      const [dx, dy] = [place.x(x[i]!) - x0, place.y(y[i]!) - y0]
      const parts = Math.max(1, Math.ceil(Math.max(Math.abs(dx), Math.abs(dy))))
      for (let k = 0; k <= parts; k++) mark(x0 + (k / parts) * dx, y0 + (k / parts) * dy)
    }
  }
  return cells.map((line) => Array.from(line, (dots) => String.fromCharCode(0x2800 + dots)).join(''))
}
