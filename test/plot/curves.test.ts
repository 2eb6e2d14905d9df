// Curves over logarithmic axes: their places, the legend, both colour schemes, and the picture of a run's open loops.

import t from 'tap'
import { renderLatency } from '../../src/bench/report/latency.js'
import type { MachineFile } from '../../src/bench/report/machine-file.js'
import { renderCurves } from '../../src/plot/curves.js'

const chart = (points: { x: number; y: number }[]) => ({
  ...{ title: 'A < B', x: 'streams', y: 'ms', solid: 'one', dashed: 'other' },
  panels: [{ title: 'panel', curves: [{ name: 'gatecell', dashed: true, points }] }]
})

t.test('points at their places', async (t) => {
  const svg = renderCurves(chart([1, 10, 100].map((x) => ({ x, y: x }))))
  t.match(svg, /^<svg [^>]*role="img"><style>@media \(prefers-color-scheme:dark\)/)
  for (const text of ['A &lt; B', 'streams', 'ms', 'gatecell', 'panel', '>10<', '>100<', 'stroke-dasharray'])
    t.ok(svg.includes(text), text)
  const [a, b, c] = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)])
  t.ok(Math.abs(b![0]! - a![0]! - (c![0]! - b![0]!)) < 0.05, 'tenfold is the same distance')
  t.ok(a![1]! > b![1]! && b![1]! > c![1]!, 'up is more')
  t.match(renderCurves(chart([{ x: 3, y: 5 }])), /<circle/)
})

t.test('values that have no logarithm', async (t) => {
  for (const points of [[], [{ x: 0, y: 1 }], [{ x: 1, y: NaN }]])
    t.throws(() => renderCurves(chart(points)), { code: 'ERR_INVALID_ARGUMENT' })
})

t.test('the open loops of a run', async (t) => {
  const row = (H: number, rate: number, more: object = {}) => ({
    ...{ workload: 'serve-http', shape: { H, layers: 2, rate }, threads: 1, precision: 'f32', isa: 'avx2' },
    ...{ first_p99_us: 1000 * rate, gap_p99_us: 0, ...more }
  })
  const rival = { rival: 'other', version: '1', variant: 'padded' }
  const rows = [row(128, 16), row(128, 8), row(128, 8, rival), row(512, 8), { ...row(512, 8), shape: { H: 512, streams: 64 } }] // prettier-ignore
  const machine = { machine: 'a machine ', isa: 'avx2' }
  const file = { format: 'gatecell-bench/1', machine, limits: [], rows } as unknown as MachineFile
  const svg = renderLatency(file)
  for (const text of ['2 x 128', '2 x 512', 'gatecell', 'other, padded', 'a machine, avx2'])
    t.ok(svg.includes(text), text)
  t.equal([...svg.matchAll(/<circle/g)].length, 4, 'gaps of 0 have no place')
  t.throws(() => renderLatency({ ...file, rows: [] }), { code: 'ERR_INVALID_ARGUMENT' })
})
