// Ink in a terminal: known strokes as known characters of Braille.

import t from 'tap'
import { inkLines } from '../../src/plot/terminal-ink.js'
import { createInk } from '../../src/data/ink/strokes.js'

const lines = (strokes: number[][][], size: { columns: number; rows: number }) =>
  inkLines(createInk(strokes).strokes, size)

t.test('lines, corners and dots', async (t) => {
  const down = [
    [
      [0, 1],
      [0, 0]
    ]
  ]
  t.same(lines(down, { columns: 4, rows: 2 }), ['\u2847', '\u2847'], 'a column of eight dots')
  const along = [
    [
      [0, 0],
      [1, 0]
    ]
  ]
  t.same(lines(along, { columns: 2, rows: 1 }), ['\u2809\u2809'], 'a row of four dots')
  const dots = [[[0, 0]], [[3, 3]]]
  t.same(lines(dots, { columns: 2, rows: 1 }), ['\u2840\u2808'])
})

t.test('what is long fits too', async (t) => {
  const wide = lines(
    [
      [
        [0, 0],
        [1000, 10],
        [2000, 0]
      ]
    ],
    { columns: 30, rows: 6 }
  )
  t.ok(wide.length === 1 && wide[0]!.length <= 30)
  const high = lines(
    [
      [
        [0, 0],
        [1, 5000]
      ]
    ],
    { columns: 30, rows: 6 }
  )
  t.ok(high.length === 6 && high.every((line) => line.length === 1))
})
