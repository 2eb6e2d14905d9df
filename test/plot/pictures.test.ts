// Pictures: every colour has a dark counterpart that can be read, axes have ticks, moving pictures keep the pen's pace.

import t, { type Test } from 'tap'
import { renderRoofline } from '../../src/bench/report/roofline.js'
import type { MachineFile } from '../../src/bench/report/machine-file.js'
import { createInk } from '../../src/data/ink/strokes.js'
import { tickStep } from '../../src/plot/axis.js'
import { inkSvg } from '../../src/plot/ink.js'
import { lossScale, renderLossCurve } from '../../src/plot/loss-curve.js'
import { colours, darkOf, diverging, DIVERGING_LEVELS } from '../../src/plot/theme.js'
import { traceSvg } from '../../src/tasks/handwriting-recognition/use/trace-picture.js'
import type { InkTrace } from '../../src/tasks/handwriting-recognition/use/trace.js'

/** Relative luminance of WCAG 2.2. */
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return (high! + 0.05) / (low! + 0.05)
}

t.test('contrast on light and dark pages', async (t) => {
  const dark = darkOf(colours.background)!
  t.ok(luminance(dark) < 0.02, 'the dark page is dark')
  for (const text of [colours.text, colours.muted, colours.ink]) {
    t.ok(contrast(text, colours.background) >= 4.5, `${text} on light`)
    t.ok(contrast(darkOf(text)!, dark) >= 4.5, `${text} on dark`)
  }
  for (const series of colours.series) {
    t.ok(contrast(series, colours.background) >= 4.5, `${series} on light: ${contrast(series, colours.background)}`)
    t.ok(contrast(darkOf(series)!, dark) >= 4.5, `${series} on dark`)
  }
  t.equal(diverging(0), colours.background, 'zero is the page')
  for (let level = -DIVERGING_LEVELS; level <= DIVERGING_LEVELS; level++)
    t.ok(darkOf(diverging(level)), `level ${level}`)
})

/** Every colour of the picture is one that changes on dark pages, and the style sheet changes it. */
function checkColours(t: Test, svg: string): void {
  const used = [...svg.matchAll(/ (fill|stroke)="([^"]+)"/g)].filter(
    ([, , value]) => !/^(none|freeze|transparent)$/.test(value!)
  )
  t.ok(used.length > 0)
  const unknown = new Set(used.filter(([, , value]) => !darkOf(value!)).map(([whole]) => whole))
  t.same([...unknown], [], 'colours outside the theme')
  for (const [, attribute, value] of used)
    if (!svg.includes(`[${attribute}="${value}"]{${attribute}:${darkOf(value!)}}`))
      t.fail(`${attribute} ${value} stays light`)
}

t.test('loss curves', async (t) => {
  t.equal(lossScale([2.1, 1.8, 1.5]), 'linear')
  t.equal(lossScale([200, 20, 1, 0.9, 0.8, 0.7]), 'log')
  t.equal(lossScale([200, 20, 1, -0.9, -1.8, -1.7]), 'symlog')
  const train = [200, 40, 9, 2, 1, 0.9, 0.8, 0.7, 0.7, 0.6].map((loss, i) => ({ step: 10 * i, loss }))
  const svg = await renderLossCurve({ train, valid: [{ step: 50, loss: 1.1 }], unit: 'nats per sample' })
  checkColours(t, svg)
  t.match(svg, /nats per sample \(logarithmic\)/)
  // On a linear axis the last eight points would lie within 5 % of the height; here they take more than a quarter.
  const path =
    /aria-roledescription="line mark"[^>]*>?[^]*?d="(M[^"]+)"/.exec(svg)?.[1] ?? /d="(M[\d.,L-]{60,})"/.exec(svg)![1]!
  const heights = [...path.matchAll(/[ML]([\d.]+),([\d.]+)/g)].map(([, , y]) => Number(y))
  t.ok(heights.at(-1)! - heights[2]! > 90, `heights ${heights.join(' ')}`)
})

t.test('ink', async (t) => {
  const ink = createInk(
    [
      [
        [0, 0],
        [5, 9]
      ],
      [[7, 3]]
    ],
    { text: 'a', source: 'here' }
  )
  checkColours(t, inkSvg(ink.strokes, { moving: true }))
})

function traceOf(sizes: readonly number[]): InkTrace {
  const points = sizes.flatMap((size, stroke) =>
    Array.from({ length: size }, (_, i) => ({ x: stroke + i / size, y: i % 3, stroke }))
  )
  const wave = (k: number) => points.map((_, t) => Math.sin(t / 3 + k))
  const rise = points.map((_, t) => t / points.length)
  return {
    text: 'ab',
    truth: null,
    points,
    letters: [
      { symbol: 'a', step: 3, probability: 0.9, gradient: rise },
      { symbol: 'b', step: points.length - 1, probability: 0.7, gradient: rise }
    ],
    probabilities: { '': rise, a: rise, b: rise },
    layers: [{ name: 'l0', cells: [wave(0), wave(1), wave(2)], forget: [0.5, 0.6, 0.7] }]
  }
}

t.test('a trace has axes, a scale and a legend', async (t) => {
  const svg = traceSvg(traceOf([30, 12, 25]))
  checkColours(t, svg)
  for (const text of ['point of the pen', 'tanh of the cell', 'unit 0', 'unit 2', '>0.5<', '>60<'])
    t.ok(svg.includes(text), text)
})

t.test('a moving trace sweeps at the pace of the pen', async (t) => {
  const sizes = [30, 12, 25]
  const svg = traceSvg(traceOf(sizes), { moving: true })
  checkColours(t, svg)
  const [, begin, dur] = [...svg.matchAll(/stroke-dashoffset" from="1" to="0" begin="([\d.]+)s" dur="([\d.]+)s"/g)].at(
    -1
  )!
  const end = Number(begin) + Number(dur)
  const sweep = /<animate attributeName="x" values="([^"]+)" keyTimes="([^"]+)" dur="([\d.]+)s"/.exec(svg)!
  t.ok(Math.abs(Number(sweep[3]) - end) < 0.02, `the sweep takes ${sweep[3]} s, the pen ${end} s`)
  const [places, times] = [sweep[1]!, sweep[2]!].map((list) => list.split(';').map(Number))
  t.equal(times![0], 0)
  t.equal(times!.at(-1), 1)
  const share = (place: number) => (place - places![0]!) / (places!.at(-1)! - places![0]!)
  t.ok(Math.abs(share(places![1]!) - 30 / 67) < 0.01, 'at the end of the first stroke its points have been passed')
  t.equal(places![2], places![1], 'the sweep waits while the pen is in the air')
  t.ok(times![2]! > times![1]!)
})

t.test('ticks', async (t) => {
  for (const count of [1, 7, 12, 13, 60, 61, 1000, 54321]) {
    const step = tickStep(count, 12)
    t.ok(count / step <= 12 && /^[125]0*$/.test(String(step)), `${count}: ${step}`)
  }
})

t.test('a roofline numbers its points and has a key', async (t) => {
  const row = (H: number, us: number) => ({
    workload: 'layer',
    shape: { layers: 1, H, B: 16, T: 64 },
    threads: 1,
    precision: 'f32',
    isa: 'avx512',
    median_us: us,
    amount: 8e6 * H,
    traffic_bytes: 4e5 * H
  })
  const limits = [
    { limit: 'fma', isa: 'avx512', threads: 1, bytes: null, value: 117, p10: 116, p90: 118, unit: 'GFLOP/s' },
    { limit: 'read', isa: 'avx512', threads: 1, bytes: 2 ** 20, value: 90, p10: 89, p90: 91, unit: 'GB/s' }
  ]
  const file = { machine: { machine: 'one', isa: 'avx512' }, limits, rows: [row(256, 3e4), row(512, 9e4)] }
  const svg = await renderRoofline(file as unknown as MachineFile)
  checkColours(t, svg)
  for (const label of ['1  layer 1x256 B=16 1t f32', '2  layer 1x512 B=16 1t f32', '>2<'])
    t.ok(svg.includes(label), label)
})
