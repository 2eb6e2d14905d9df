// Numbers that enter ink: any value at any entry gives finite results of bounded size or a typed error, and changes nothing if
// it is refused.

import fc from 'fast-check'
import t from 'tap'
import { createInkReader, INK_FEATURES, prepareStrokes } from '../../../src/data/ink/features.js'
import { MOST_POINTS_AT_ONCE } from '../../../src/data/ink/resample.js'
import { measureInk, medianSize, normaliseShape, type InkNormalisation } from '../../../src/data/ink/normalise.js'
import { parseInk } from '../../../src/data/ink/read.js'
import { createInk, inkPoints, type Ink } from '../../../src/data/ink/strokes.js'
import { GatecellError } from '../../../src/errors.js'

const fixed: InkNormalisation = {
  scale: 'fixed',
  unit: 40,
  deslant: false,
  level: false,
  smooth: 0,
  resample: 'length',
  step: 1 / 16
}
const parsed = (value: unknown): Ink[] => [...parseInk(JSON.stringify(value), 'test')].map((draft) => draft())

const anyNumber = fc.oneof(
  fc.double({ min: -100, max: 100, noNaN: true }),
  fc.double(),
  fc.constantFrom(NaN, Infinity, -Infinity, 1e12, -1e12, 1.1e12, 1e9, 1e7, 2500, 2600, 1e300, 0, -0, 5e-324),
  fc.constantFrom(null, 'x', {}, [1], undefined, true, 3n).map((value) => value as unknown as number)
)
const move = fc.record({ x: anyNumber, y: anyNumber, t: fc.option(anyNumber, { nil: undefined }), up: fc.boolean() })
const resample = fc.constantFrom('length' as const, 'time' as const, 'none' as const)

t.test('a pen reads a point with bounded work, or refuses it and goes on as if it had not come', async (t) => {
  let refused = 0
  fc.assert(
    fc.property(fc.array(move, { maxLength: 12 }), resample, fc.constantFrom(40, 1e-200, 1e200), (moves, how, unit) => {
      const settings = { ...fixed, resample: how, unit }
      const [pen, other] = [createInkReader(settings), createInkReader(settings)]
      const rows: number[] = []
      const expected: number[] = []
      for (const { x, y, t, up } of moves) {
        try {
          const got = pen.down(x, y, t)
          if (got.length / INK_FEATURES > MOST_POINTS_AT_ONCE) return false
          rows.push(...got)
          expected.push(...other.down(x, y, t))
        } catch (error) {
          if (!(error instanceof GatecellError) || error.code !== 'ERR_INVALID_INK') return false
          refused++
        }
        if (up) rows.push(...pen.up())
        if (up) expected.push(...other.up())
      }
      return rows.every(Number.isFinite) && rows.length === expected.length && rows.every((v, i) => v === expected[i])
    }),
    { numRuns: 500 }
  )
  t.ok(refused > 100, `${refused} points were refused`)
})

t.test('the bound of a pen is exact, and its messages name the remedy', async (t) => {
  const pen = createInkReader({ ...fixed, unit: 1, step: 1 })
  pen.down(0, 0)
  t.throws(() => pen.down(MOST_POINTS_AT_ONCE + 1, 0), {
    code: 'ERR_INVALID_INK',
    message: /received one 1025 .* lift/
  })
  t.equal(pen.down(MOST_POINTS_AT_ONCE, 0).length, MOST_POINTS_AT_ONCE * INK_FEATURES)
  for (const far of [Infinity, 1e12, 1e9, NaN]) t.throws(() => pen.down(far, 0), { code: 'ERR_INVALID_INK' })
  t.throws(() => pen.down(0, 0, -5), { message: /t not below 1/ })
  pen.up()
  t.equal(pen.down(1e12, 0, -5).length, INK_FEATURES, 'a jump through the air is one point')
})

t.test('a finite number that is too large is refused with the limit, and not as one that is not finite', async (t) => {
  const place = (point: readonly number[]) => ({ x: point[0]!, y: point[1]!, t: point[2]! })
  const inkOf = (point: readonly number[]): Ink => {
    const { x, y, t } = place(point)
    const stroke = { x: Float64Array.of(0, x), y: Float64Array.of(0, y), t: Float64Array.of(0, t) }
    return { strokes: [stroke], text: null, fields: {}, source: 'the ink' }
  }
  const entries: Record<string, (point: readonly number[]) => unknown> = {
    createInk: (point) => createInk([[[0, 0, 0], point]]),
    'ink made by hand': (point) => prepareStrokes(inkOf(point), fixed),
    inkPoints: (point) => inkPoints(inkOf(point).strokes),
    'stroke JSON': (point) => parsed({ strokes: [[[0, 0, 0], point]] }),
    'points as objects': (point) => parsed({ strokes: [[{ x: 0, y: 0, t: 0 }, place(point)]] }),
    QuickDraw: (point) => parsed({ drawing: [[0, 1, 2].map((k) => [0, point[k]])] }),
    'a pen': ([x, y, time]) => createInkReader(fixed).down(x!, y!, time)
  }
  for (const [name, enter] of Object.entries(entries)) {
    for (const point of [
      [1.1e12, 0, 1],
      [0, -2e12, 1],
      [0, 1, 1e300]
    ]) {
      const message = /^Expected [^]*numbers from -1e12 to 1e12[^]* (found|received) \[/
      t.throws(() => enter(point), { code: 'ERR_INVALID_INK', message }, `${name} [${point.join()}]`)
      t.throws(() => enter(point), { message: /^(?![^]*finite)/ }, name)
    }
    t.doesNotThrow(() => enter([1, 1, 1e12]), name)
  }
  t.throws(() => parsed([[0, 0, 0], [1e13, 0, 0]]), { code: 'ERR_INVALID_INK', message: /from -1e12 to 1e12 as dx and dy of offset 2/ }) // prettier-ignore
})

t.test('ink made by hand is checked where a network would see it', async (t) => {
  const good = createInk([[[0, 0], [1, 2]]]) // prettier-ignore
  const [stroke] = good.strokes
  const bad: unknown[] = [null, 5, {}, { strokes: 7 }, { strokes: [null] }, { strokes: [] }]
  for (const change of [{ x: Float64Array.of(NaN, 1) }, { y: [1, 2] }, { x: Float64Array.of(1) }, { t: 7 }])
    bad.push({ ...good, strokes: [{ ...stroke, ...change }] })
  bad.push({ ...good, strokes: Array(2 ** 14 + 1).fill(stroke) })
  for (const ink of bad) t.throws(() => prepareStrokes(ink as Ink, fixed), { code: 'ERR_INVALID_INK' })
  const lists: unknown[] = [null, 5, [null], [[null, [1, 2]]], [[[1, 2], 'ab']], [[[1, 2], { 0: 1, length: 2 }]]]
  for (const list of lists) t.throws(() => createInk(list as number[][][]), { code: 'ERR_INVALID_INK' })
  const nested = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`) as number
  t.throws(() => createInk([[[1, 2], [nested, 2]]]), { code: 'ERR_INVALID_INK', message: /\[an array, 2\]/ }) // prettier-ignore
})

t.test('size, middle and shape do not depend on where the ink lies', async (t) => {
  // Multiples of 1/8 and offsets below 2^40, so that moving the ink is exact.
  const grid = fc.integer({ min: -4000, max: 4000 }).map((value) => value / 8)
  const strokes = fc.array(fc.array(fc.tuple(grid, grid), { minLength: 2, maxLength: 20 }), {
    minLength: 1,
    maxLength: 4
  })
  const settings: InkNormalisation = { ...fixed, scale: 'sample', deslant: true }
  const near = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a))
  const offset = fc.constantFrom(2 ** 27, -(2 ** 30), 2 ** 36, 2 ** 39)
  fc.assert(
    fc.property(strokes, offset, offset, (list, dx, dy) => {
      const here = createInk(list)
      const there = createInk(list.map((stroke) => stroke.map(([x, y]) => [x + dx, y + dy])))
      const [a, b] = [measureInk(here.strokes), measureInk(there.strokes)]
      const [p, q] = [here, there].map((ink) => inkPoints(normaliseShape(ink.strokes, settings)).flat(2))
      return (
        near(a.size, b.size) &&
        near(a.size, medianSize([there])) &&
        Math.abs(b.y - dy - a.y) < 1e-3 && // half a digit at 2^39
        p!.every((value, i) => Math.abs(value - q![i]!) < 1e-3)
      )
    }),
    { numRuns: 300 }
  )
  t.pass()
})
