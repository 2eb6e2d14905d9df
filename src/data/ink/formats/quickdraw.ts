// Drawings of "Quick, Draw!" (Google, 2017): {"word": ..., "drawing": [stroke, ...]}, a stroke being [[x ...], [y ...]] in the
// simplified files and [[x ...], [y ...], [t ...]] in the raw ones. y points down, t is in milliseconds from the first point.

import { inkLimits, invalidInk, type StrokeColumns } from '../strokes.js'

/** Returns the strokes of a "drawing"; values are checked later. Throws ERR_INVALID_INK. */
export function drawingColumns(drawing: readonly unknown[], source: string): StrokeColumns[] {
  if (drawing.length > inkLimits.strokes)
    throw invalidInk(source, `at most ${inkLimits.strokes} strokes`, String(drawing.length))
  return drawing.map((stroke, index) => {
    const columns = Array.isArray(stroke) ? (stroke as unknown[]) : []
    const fits =
      (columns.length === 2 || columns.length === 3) &&
      columns.every((column) => Array.isArray(column) && column.length === (columns[0] as unknown[]).length)
    if (!fits) {
      const expected = `[xs, ys] or [xs, ys, ts], lists of one length, as stroke ${index + 1} of "drawing"`
      throw invalidInk(source, expected, 'another value; points as [x, y] belong into "strokes"')
    }
    const [x, y, t = null] = columns as number[][]
    return { x: x!, y: y!, t }
  })
}
