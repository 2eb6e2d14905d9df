// The picture of a forecast: axes with round numbers and dates, bands, gaps, marks, and colours for dark pages.
import t from 'tap'
import { fanChartSvg, type FanChart } from '../../src/plot/fan-chart.js'
import { darkOf } from '../../src/plot/theme.js'
import { niceTicks, timeTicks } from '../../src/plot/time-ticks.js'

const months = Array.from({ length: 36 }, (_, i) => `${1958 + Math.floor(i / 12)}-${String((i % 12) + 1).padStart(2, '0')}`) // prettier-ignore

function chartOf(): FanChart {
  const wave = months.map((_, i) => 300 + 4 * i + 50 * Math.sin(i))
  const median = wave.slice(24)
  const band = (level: number, size: number) => ({
    level,
    lower: median.map((value, h) => value - size * (h + 1)),
    upper: median.map((value, h) => value + size * (h + 1))
  })
  const history = wave.slice(0, 24).map((value, i) => (i === 10 || i === 12 ? NaN : value))
  const marks = [{ index: 5, value: wave[5]!, text: '1958-06: 300 & more' }]
  return { title: 'passengers <thousands>', unit: 'thousands', times: months, history, median, bands: [band(0.5, 3), band(0.8, 6)], actual: median.slice(0, 3), marks } // prettier-ignore
}

t.test('the picture of a forecast', async (t) => {
  const svg = fanChartSvg(chartOf())
  for (const text of [
    '>1959-01<',
    '>1960-07<',
    '>400<',
    '>median<',
    '>50 %<',
    '>80 %<',
    '>later values<',
    '>anomaly<',
    '>thousands<',
    '1958-06: 300 &amp; more',
    'passengers &lt;thousands&gt;'
  ])
    // prettier-ignore
    t.ok(svg.includes(text), text)
  t.equal([...svg.matchAll(/<path [^>]*fill-opacity/g)].length, 2, 'a band for each interval')
  const [, first, second] = /fill-opacity="([\d.]+)" stroke[^]*?fill-opacity="([\d.]+)" stroke/.exec(svg)!
  t.ok(Number(first) < Number(second), 'the wide band is the pale one, below')
  const history = /<path d="([^"]*)" fill="none" stroke="#1b2a41"/.exec(svg)![1]!
  t.equal(history.split('M').length - 1, 3, 'missing values leave gaps')
  const used = [...svg.matchAll(/ (?:fill|stroke)="([^"]+)"/g)].map(([, value]) => value!)
  t.strictSame(used.filter((value) => value !== 'none' && !darkOf(value)), [], 'colours of the theme only') // prettier-ignore
  t.notMatch(svg, /NaN|undefined|Infinity/)
})

t.test('anomalies without a forecast, long series, and what cannot be drawn', async (t) => {
  const length = 50_000
  const times = Array.from({ length }, (_, i) => String(i + 1))
  const history = Float64Array.from({ length }, (_, i) => (i === 31_000 ? 900 : Math.sin(i)))
  const svg = fanChartSvg({ title: 'a', unit: '', times, history, marks: [{ index: 31_000, value: 900 }] })
  t.ok(svg.length < 60_000, `${svg.length} characters`)
  const path = /<path d="([^"]*)" fill="none" stroke="#1b2a41"/.exec(svg)![1]!
  const heights = [...path.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y))
  t.ok(Math.min(...heights) < 90, 'the largest value is drawn')
  t.notMatch(svg, /median|later/)
  const flat = fanChartSvg({ title: 'a', unit: '', times: ['1'], history: [5] })
  t.notMatch(flat, /NaN|Infinity/)
  t.throws(() => fanChartSvg({ title: 'a', unit: '', times: [], history: [] }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => fanChartSvg({ title: 'a', unit: '', times: ['1'], history: [1, 2] }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => fanChartSvg({ title: 'a', unit: '', times: ['1'], history: [NaN] }), { code: 'ERR_INVALID_ARGUMENT' })
  const banded = fanChartSvg({ title: 'a', unit: '', times: ['1', '2'], history: [1, 2], bandsFrom: 0, bands: [{ level: 0.8, lower: [0, NaN], upper: [2, 3] }] }) // prettier-ignore
  t.match(banded, /80 %/)
  const range = { level: 0.8, lower: history.map((value) => value - 1), upper: history.map((value) => value + 1) }
  t.ok(fanChartSvg({ title: 'a', unit: '', times, history, bandsFrom: 0, bands: [range] }).length < 120_000)
})

t.test('several charts next to each other', async (t) => {
  const all = [0, 1, 2].map((i) => ({ ...chartOf(), title: `series ${i}` }))
  const svg = fanChartSvg(all)
  t.match(svg, /viewBox="0 0 820 500"/)
  t.strictSame([...svg.matchAll(/translate\((\d+) (\d+)\)/g)].map(([, x, y]) => `${x} ${y}`), ['0 40', '410 40', '0 270']) // prettier-ignore
  t.equal(svg.split('>median<').length - 1, 1, 'one legend')
  for (const i of [0, 1, 2]) t.ok(svg.includes(`>series ${i}<`))
  const used = [...svg.matchAll(/ (?:fill|stroke)="([^"]+)"/g)].map(([, value]) => value!)
  t.strictSame(used.filter((value) => value !== 'none' && !darkOf(value)), [], 'colours of the theme only') // prettier-ignore
  for (const none of [[], Array.from({ length: 61 }, chartOf)])
    t.throws(() => fanChartSvg(none), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => fanChartSvg([chartOf(), { ...chartOf(), times: [] }]), { code: 'ERR_INVALID_ARGUMENT' })
})

t.test('ticks of values and times', async (t) => {
  t.strictSame(niceTicks(0.05, 0.41, 7), [0.1, 0.2, 0.3, 0.4])
  t.strictSame(niceTicks(-3, 12, 7), [0, 5, 10])
  t.strictSame(niceTicks(5, 5, 7), [5])
  for (const [min, max] of [
    [0, 1],
    [-7, 1234567],
    [1e-9, 3e-9],
    [99.2, 101.7]
  ] as const) {
    // prettier-ignore
    const ticks = niceTicks(min, max, 7)
    t.ok(ticks.length >= 2 && ticks.length <= 8 && ticks.every((tick) => tick >= min - 1e-12 && tick <= max), `${ticks.join(' ')}`) // prettier-ignore
  }
  const texts = (times: string[], most = 8) => timeTicks(times, most).map(({ text }) => text)
  t.strictSame(texts(months), ['1958-07', '1959-01', '1959-07', '1960-01', '1960-07'])
  t.strictSame(texts(months, 3), ['1959', '1960'])
  const years = Array.from({ length: 309 }, (_, i) => String(1700 + i))
  t.strictSame(texts(years), ['1750', '1800', '1850', '1900', '1950', '2000'])
  const hours = Array.from({ length: 48 }, (_, i) => `2024-03-${31 + Math.floor(i / 24) > 31 ? '32' : '31'}T${String(i % 24).padStart(2, '0')}:00:00`) // prettier-ignore
  t.strictSame(texts(hours), ['03-31 06:00', '03-31 12:00', '03-31 18:00', '03-32 00:00', '03-32 06:00', '03-32 12:00', '03-32 18:00']) // prettier-ignore
  const quarters = Array.from({ length: 6 }, (_, i) => `2024-01-01T00:${String(10 * i).padStart(2, '0')}:00`)
  t.strictSame(texts(quarters), ['00:10', '00:20', '00:30', '00:40', '00:50'])
  t.strictSame(texts(['2024']), ['2024'])
})
