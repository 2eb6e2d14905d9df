// Forecasts of series as an SVG file, next to each other if there are several: each with its history, the median, bands of intervals, the actual
// values after the history, and marks of anomalies.

import { largest, smallest } from '../data/extremes.js'
import { expected } from '../errors.js'
import { label, timeAxis, valueAxis } from './axis.js'
import { escapeXml, pixel, svgFile } from './ink.js'
import { colours } from './theme.js'
import { niceTicks, timeTicks } from './time-ticks.js'

/** An interval of a forecast for each of its times. */
export interface FanBand {
  /** Share of the values that the interval is to contain, between 0 and 1. */
  readonly level: number
  readonly lower: ArrayLike<number>
  readonly upper: ArrayLike<number>
}

/** A value to mark. */
export interface FanMark {
  /** Index among the times of history and forecast. */
  readonly index: number
  readonly value: number
  /** Tooltip, such as "2024-03-31: 17, expected 12"; default: none. */
  readonly text?: string
}

/** A series and its forecast. Values that are missing (NaN) leave a gap. */
export interface FanChart {
  readonly title: string
  /** Text above the axis of values: the quantity and its unit. */
  readonly unit: string
  /** Times of the history, then of the forecast, in ISO 8601, or numbers of rows. */
  readonly times: readonly string[]
  /** The values of the history. */
  readonly history: ArrayLike<number>
  /** The forecast of the times after the history; none for a picture of anomalies only. */
  readonly median?: ArrayLike<number>
  /** Bands of the forecast or, if `bandsFrom` is given, of other times. */
  readonly bands?: readonly FanBand[]
  /** Index of the first time with a band, and with a median. Default: the first one after the history. */
  readonly bandsFrom?: number
  /** Actual values of the times after the history, if they are available. */
  readonly actual?: ArrayLike<number>
  readonly marks?: readonly FanMark[]
}

const [WIDTH, HEIGHT] = [820, 380]
/** Size of one of several charts. */
const [PANEL_WIDTH, PANEL_HEIGHT] = [410, 230]
/** Height of the legend of several charts. */
const LEGEND = 40
/** Most charts in a picture. */
const MOST_CHARTS = 60
const [LEFT, RIGHT, BOTTOM] = [72, 20, 40]

/** Sizes of a chart in pixels; `top`: the upper end of its grid. */
interface ChartBox {
  readonly width: number
  readonly height: number
  readonly top: number
}
/** Points of a line from which neighbours are drawn as their least and largest value. */
const MAX_POINTS = 1600
const colour = {
  history: colours.ink,
  median: colours.series[1],
  actual: colours.series[2],
  mark: colours.series[0]
} as const

interface Scale {
  readonly x: (index: number) => number
  readonly y: (value: number) => number
}

/** Returns indexes of those values that a line shows: all, or of each group of neighbours the least and the largest one. */
function shown(values: ArrayLike<number>): number[] {
  const size = Math.ceil((2 * values.length) / MAX_POINTS)
  const all = Array.from(values, (_, i) => i)
  if (values.length <= MAX_POINTS) return all
  const kept: number[] = []
  for (let begin = 0; begin < values.length; begin += size) {
    const group = all.slice(begin, begin + size)
    const known = group.filter((i) => Number.isFinite(values[i]))
    if (known.length < group.length) kept.push(group.find((i) => !Number.isFinite(values[i]))!)
    if (known.length === 0) continue
    const least = known.reduce((a, b) => (values[b]! < values[a]! ? b : a))
    const most = known.reduce((a, b) => (values[b]! > values[a]! ? b : a))
    kept.push(...(least === most ? [least] : [least, most]))
  }
  return kept.sort((a, b) => a - b)
}

/** Returns a line through values from index `begin` on, with gaps; a value between two gaps is a dot. */
function lineOf(values: ArrayLike<number>, begin: number, { x, y }: Scale, stroke: string, width: number): string {
  let d = ''
  let previous = false
  for (const i of shown(values)) {
    const known = Number.isFinite(values[i])
    if (known) {
      const at = `${pixel(x(begin + i))} ${pixel(y(values[i]!))}`
      d += previous ? `L${at}` : `M${at}h.01`
    }
    previous = known
  }
  if (d === '') return ''
  return `<path d="${d}" fill="none" stroke="${stroke}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round"/>`
}

/** Returns the area between the bounds of a band; of a long one the bounds of some neighbours only. */
function bandOf({ lower, upper, level }: FanBand, begin: number, { x, y }: Scale): string {
  const all = Array.from(lower, (_, i) => i).filter((i) => Number.isFinite(lower[i]) && Number.isFinite(upper[i]))
  const stride = Math.ceil(all.length / MAX_POINTS)
  const known = all.filter((_, i) => i % stride === 0 || i === all.length - 1)
  if (known.length === 0) return ''
  const point = (i: number, value: number) => `${pixel(x(begin + i))} ${pixel(y(value))}`
  const there = known.map((i) => point(i, upper[i]!))
  const back = known.reverse().map((i) => point(i, lower[i]!))
  return `<path d="M${[...there, ...back].join('L')}Z" fill="${colour.median}" fill-opacity="${opacityOf(level)}" stroke="none"/>`
}

/** Returns the opacity of a band: wide ones are pale, and bands lie on top of each other. */
function opacityOf(level: number): number {
  return Number((0.4 - 0.25 * level).toFixed(2))
}

function markOf({ index, value, text }: FanMark, { x, y }: Scale): string {
  const title = text === undefined ? '' : `<title>${escapeXml(text)}</title>`
  const at = `cx="${pixel(x(index))}" cy="${pixel(y(value))}"`
  return `<circle ${at} r="5" fill="none" stroke="${colour.mark}" stroke-width="2">${title}</circle>`
}

/** Returns a list of the chart with all its finite values. */
function valuesOf({ history, median = [], bands = [], actual = [], marks = [] }: FanChart): number[] {
  const lists = [history, median, actual, ...bands.flatMap(({ lower, upper }) => [lower, upper])]
  const marked = marks.map(({ value }) => value)
  return [...lists.flatMap((list) => Array.from(list)), ...marked].filter(Number.isFinite)
}

/** Returns the legend at height `y`: a sample and a name for each thing that the charts show. */
function legendOf(charts: readonly FanChart[], y: number): string {
  const levels = [...new Set(charts.flatMap(({ bands = [] }) => bands.map(({ level }) => level)))]
  const has = (shows: (chart: FanChart) => unknown) => charts.some(shows)
  const stroke = (x: number, fill: string) =>
    `<line x1="${x}" x2="${x + 18}" y1="${y}" y2="${y}" stroke="${fill}" stroke-width="2.5"/>`
  const items: [name: string, sample: (x: number) => string][] = []
  if (has(({ history }) => history.length > 0)) items.push(['values', (x) => stroke(x, colour.history)])
  if (has(({ median }) => median)) items.push(['median', (x) => stroke(x, colour.median)])
  for (const level of levels.sort((a, b) => a - b)) {
    const area = (x: number) =>
      `<rect x="${x}" y="${y - 6}" width="18" height="12" fill="${colour.median}" fill-opacity="${opacityOf(level)}"/>`
    items.push([`${Number((100 * level).toFixed(1))} %`, area])
  }
  if (has(({ actual }) => actual)) items.push(['later values', (x) => stroke(x, colour.actual)])
  const ring = (x: number) =>
    `<circle cx="${x + 9}" cy="${y}" r="5" fill="none" stroke="${colour.mark}" stroke-width="2"/>`
  if (has(({ marks = [] }) => marks.length > 0)) items.push(['anomaly', ring])
  let x = LEFT
  return items
    .map(([name, sample]) => {
      const drawn = sample(x) + label(name, x + 24, y + 4, { size: 11 })
      x += 44 + 7 * name.length
      return drawn
    })
    .join('')
}

/** Draws a chart without its legend. Throws ERR_INVALID_ARGUMENT if it has no finite value, or more values than times. */
function chartOf(chart: FanChart, { width, height, top }: ChartBox): string {
  const { title, unit, times, history, median, bands = [], actual, marks = [] } = chart
  const values = valuesOf(chart)
  const begin = chart.bandsFrom ?? history.length
  const last = Math.max(history.length, ...[median, actual].map((list) => (list ? begin + list.length : 0)))
  if (values.length === 0 || last > times.length) {
    const found = values.length === 0 ? 'none' : `${last} values for ${times.length} times`
    throw expected('ERR_INVALID_ARGUMENT', 'values to draw, each with a time,', found, 'pass a history or a forecast')
  }
  const [min, max] = boundsOf(values)
  const scale: Scale = {
    x: (index) => LEFT + ((width - LEFT - RIGHT) * index) / Math.max(1, times.length - 1),
    y: (value) => height - BOTTOM - ((height - top - BOTTOM) * (value - min)) / (max - min)
  }
  const most = Math.round(width / 100)
  const ticks = niceTicks(min, max, height < HEIGHT ? 5 : 7).map((value) => ({
    text: String(value),
    y: scale.y(value)
  }))
  const dates = timeTicks(times, most).map(({ index, text }) => ({ text, x: scale.x(index) }))
  const parts = [
    label(title, LEFT, 24, { size: height < HEIGHT ? 12 : 15, fill: colours.text }),
    label(unit, LEFT, top - 8, { size: 11 }),
    valueAxis(ticks, { left: LEFT, right: width - RIGHT }),
    timeAxis(dates, { top, bottom: height - BOTTOM }),
    ...[...bands].sort((a, b) => b.level - a.level).map((band) => bandOf(band, begin, scale)),
    lineOf(history, 0, scale, colour.history, 1.5),
    median ? lineOf(median, begin, scale, colour.median, 2.2) : '',
    actual ? lineOf(actual, history.length, scale, colour.actual, 1.5) : '',
    ...marks.map((mark) => markOf(mark, scale))
  ]
  return parts.join('')
}

const file = (width: number, height: number, body: string, title: string) =>
  svgFile(width, height, `<g font-family="system-ui, sans-serif">${body}</g>`, title)

/**
 * Returns charts as SVG text with axes, a legend, and colours for light and dark pages: one of 820 by 380 pixels, or up to 60 of 410 by 230 pixels in
 * two columns. Throws ERR_INVALID_ARGUMENT if there is none or more, and for a chart that has no finite value, or more values than times.
 */
export function fanChartSvg(charts: FanChart | readonly FanChart[]): string {
  const all = 'history' in charts ? [charts] : charts
  const [first] = all
  if (!first || all.length > MOST_CHARTS)
    throw expected('ERR_INVALID_ARGUMENT', `1 to ${MOST_CHARTS} charts`, String(all.length), 'choose some of them')
  if (all.length === 1) {
    const top = 74
    const body = chartOf(first, { width: WIDTH, height: HEIGHT, top }) + legendOf(all, top - 28)
    return file(WIDTH, HEIGHT, body, first.title)
  }
  const box = { width: PANEL_WIDTH, height: PANEL_HEIGHT, top: 46 }
  const panels = all.map((chart, i) => {
    const [x, y] = [(i % 2) * box.width, LEGEND + Math.floor(i / 2) * box.height]
    return `<g transform="translate(${x} ${y})">${chartOf(chart, box)}</g>`
  })
  const height = LEGEND + Math.ceil(all.length / 2) * box.height
  return file(2 * box.width, height, legendOf(all, 24) + panels.join(''), all.map(({ title }) => title).join('; '))
}

/** Returns the bounds of the axis of values: a little more than they need, and not empty. */
function boundsOf(values: readonly number[]): [number, number] {
  const [least, most] = [smallest(values), largest(values)]
  const room = most > least ? 0.04 * (most - least) : Math.max(1, Math.abs(least) / 10)
  return [least - room, most + room]
}
