// The four rows of a trace as one picture (Graves 2012, figure 7.5): letters, memory cells, the pen's input, the gradient. Time runs
// from left to right; in the moving picture a line sweeps over it at the pace of the pen.

import { boolean, invalid, optional, options as optionsOf, string } from '../../../check/index.js'
import { largest, smallest } from '../../../data/extremes.js'
import type { Stroke } from '../../../data/ink/strokes.js'
import { divergingLegend, label, stepAxis, valueAxis } from '../../../plot/axis.js'
import { escapeXml, inkPaths, pixel, placeInk, strokeTimes, svgFile } from '../../../plot/ink.js'
import { colours, diverging, DIVERGING_LEVELS } from '../../../plot/theme.js'
import { checkInkTrace, type InkTrace } from './trace.js'

const WIDTH = 900
const LEFT = 56
const RIGHT = WIDTH - 24
const SPAN = RIGHT - LEFT
const ROWS = { letters: 110, cells: 180, pen: 150, gradient: 110 } as const
const GAP = 38
const MAX_UNITS = 48
const POINTS_PER_SECOND = 60

/** Options of `traceSvg`. */
export interface TraceSvgOptions {
  /** Whether a line sweeps over the picture at the pace of the pen. Default: false. */
  moving?: boolean
  /** Name of the layer whose memory cells are shown: l0, l0_reverse, l1 and so on. Default: the last layer. */
  layer?: string
}

const readOptions = optionsOf<TraceSvgOptions>({ moving: optional(boolean), layer: optional(string) })

/**
 * Returns the picture of a trace as the text of an SVG file, 900 pixels wide. Of a layer it shows the 48 units that change most. Throws
 * ERR_INVALID_ARGUMENT for a trace of another form than that of `traceInk`, for a layer that it does not have and for invalid options.
 *
 * @example
 * using reader = await loadReader('reader.safetensors')
 * const trace = await traceInk(reader, createInk([[[0, 0], [4, 10], [8, 0]], [[2, 4], [6, 4]]]))
 * await writeFile('trace.svg', traceSvg(trace))
 */
export function traceSvg(trace: InkTrace, options: TraceSvgOptions = {}): string {
  const { moving = false, layer } = readOptions(options, 'the options of traceSvg')
  return pictureOf(checkInkTrace(trace, 'the trace'), moving, layer)
}

function pictureOf(trace: InkTrace, moving: boolean, name: string | undefined): string {
  const layer = layerOf(trace, name)
  const steps = trace.points.length
  const x = (step: number) => LEFT + (SPAN * (step + 0.5)) / steps
  const parts: string[] = []
  const tops: number[] = []
  let top = GAP
  const row = (title: string, height: number, body: (top: number) => string) => {
    parts.push(label(title, LEFT, top - 10, { size: 12, fill: colours.text }), body(top))
    tops.push(top)
    top += height + GAP
  }
  row(`letters as they are recognised: ${trace.text}`, ROWS.letters, (at) => letterCurves(trace, x, at))
  row(`memory cells of ${layer.name}, one band for each unit`, ROWS.cells, (at) => cellMap(layer.cells, x, at))
  row('the pen', ROWS.pen, (at) => penRow(trace, at, moving))
  row('gradient of each letter with respect to the points, largest = 1', ROWS.gradient, (at) =>
    gradientCurves(trace, x, at)
  )
  const axis = label('point of the pen', (LEFT + RIGHT) / 2, top - GAP + 28, { anchor: 'middle', fill: colours.text })
  const veils = moving ? sweep(trace, [tops[0]! - 4, tops[2]! - 26, tops[3]! - 4, top - GAP + 4]) : ''
  const body = `<g font-family="system-ui, sans-serif">${parts.join('')}${axis}${veils}</g>`
  return svgFile(WIDTH, top - GAP + 36, body, `trace of "${trace.text}"`)
}

function layerOf({ layers }: InkTrace, wanted: string | undefined): InkTrace['layers'][number] {
  const layer = wanted === undefined ? layers.at(-1) : layers.find(({ name }) => name === wanted)
  if (layer) return layer
  throw invalid(`one of the layers ${layers.map(({ name }) => name).join(', ')}`, 'layer', wanted)
}

function colourOf(trace: InkTrace): (symbol: string) => string {
  const symbols = [...new Set(trace.letters.map(({ symbol }) => symbol))]
  return (symbol) => colours.series[symbols.indexOf(symbol) % colours.series.length] ?? colours.muted
}

function curve(
  values: readonly number[],
  x: (step: number) => number,
  y: (value: number) => number,
  colour: string
): string {
  const points = values.map((value, t) => `${pixel(x(t))} ${pixel(y(value))}`).join(' ')
  return `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="1.4"/>`
}

function letterCurves(trace: InkTrace, x: (step: number) => number, top: number): string {
  const colour = colourOf(trace)
  const y = (value: number) => top + ROWS.letters * (1 - 0.82 * value)
  const curves = Object.entries(trace.probabilities).map(([symbol, values]) =>
    curve(values, x, y, symbol === '' ? colours.axis : colour(symbol))
  )
  const names = trace.letters.map(({ symbol, step, probability }) => {
    const place = `x="${pixel(x(step))}" y="${pixel(y(probability) - 4)}"`
    return `<text ${place} font-size="14" text-anchor="middle" fill="${colour(symbol)}">${escapeXml(symbol)}</text>`
  })
  const ticks = [0, 0.5, 1].map((value) => ({ text: String(value), y: y(value) }))
  return grid(trace.points.length, x, top, ROWS.letters) + valueAxis(ticks, AXIS) + curves.join('') + names.join('')
}

const AXIS = { left: LEFT, right: RIGHT } as const

/** The vertical lines of a row of `height`, its numbers below it. */
function grid(steps: number, x: (step: number) => number, top: number, height: number): string {
  return stepAxis(steps, x, { top, bottom: top + height, named: true })
}

/** A band for each unit, of the units that change most, in the order of their numbers; blue below zero, red above. */
function cellMap(cells: readonly (readonly number[])[], x: (step: number) => number, top: number): string {
  const lively = cells
    .map((values, unit) => ({ unit, values, range: largest(values) - smallest(values) }))
    .sort((a, b) => b.range - a.range)
    .slice(0, MAX_UNITS)
    .sort((a, b) => a.unit - b.unit)
  const band = ROWS.cells / lively.length
  const steps = cells[0]!.length
  const [width, height] = [SPAN / steps, band]
  const paths = new Map<number, string>()
  lively.forEach(({ values }, row) => {
    let from = 0
    const level = (t: number) => Math.round(DIVERGING_LEVELS * Math.tanh(values[t]!))
    for (let t = 1; t <= steps; t++) {
      if (t < steps && level(t) === level(from)) continue
      const rectangle = `M${pixel(LEFT + from * width)} ${pixel(top + row * band)}h${pixel((t - from) * width)}v${pixel(height)}h${pixel(-(t - from) * width)}z`
      paths.set(level(from), (paths.get(level(from)) ?? '') + rectangle)
      from = t
    }
  })
  const bands = [...paths].map(([level, d]) => `<path d="${d}" fill="${diverging(level)}"/>`).join('')
  const shown = [...new Set([0, (lively.length - 1) >> 1, lively.length - 1])]
  const ticks = shown.map((row) => ({ text: `unit ${lively[row]!.unit}`, y: top + (row + 0.5) * band }))
  const legend = divergingLegend('tanh of the cell', RIGHT, top - 19)
  return valueAxis(ticks, AXIS) + bands + grid(steps, x, top, ROWS.cells) + legend
}

function strokesOf(trace: InkTrace): Stroke[] {
  const strokes = new Map<number, { x: number[]; y: number[] }>()
  for (const { x, y, stroke } of trace.points) {
    const points = strokes.get(stroke) ?? { x: [], y: [] }
    strokes.set(stroke, points)
    points.x.push(x)
    points.y.push(y)
  }
  return [...strokes.values()].map(({ x, y }) => ({ x: Float64Array.from(x), y: Float64Array.from(y), t: null }))
}

function penRow(trace: InkTrace, top: number, moving: boolean): string {
  const strokes = strokesOf(trace)
  const place = placeInk(strokes, { width: WIDTH, height: ROWS.pen, padding: 8 })
  const paths = inkPaths(strokes, place, { moving, pointsPerSecond: POINTS_PER_SECOND })
  return `<g transform="translate(0 ${top})">${paths}</g>`
}

function gradientCurves(trace: InkTrace, x: (step: number) => number, top: number): string {
  const colour = colourOf(trace)
  const ticks = [0, 0.5, 1].map((value) => ({ text: String(value), y: top + ROWS.gradient * (1 - 0.9 * value) }))
  const curves = trace.letters
    .map(({ symbol, gradient, step }) => {
      const most = largest(gradient, 1e-30)
      const y = (value: number) => top + ROWS.gradient * (1 - 0.9 * (value / most))
      const mark = `<circle cx="${pixel(x(step))}" cy="${pixel(top + ROWS.gradient)}" r="2.5" fill="${colour(symbol)}"/>`
      return curve(gradient, x, y, colour(symbol)) + mark
    })
    .join('')
  return grid(trace.points.length, x, top, ROWS.gradient) + valueAxis(ticks, AXIS) + curves
}

/**
 * The animation of the moving picture: a veil over the steps to come, which moves at the pace of the pen, pauses between
 * strokes included. `edges`: top and bottom of the rows above the pen's and of the row below it; the pen's row shows its own movement.
 */
function sweep(trace: InkTrace, [top, bottom, lowerTop, lowerBottom]: readonly number[]): string {
  const strokes = strokesOf(trace)
  const times = strokeTimes(strokes, POINTS_PER_SECOND)
  const last = times.at(-1)!
  const total = last.begin + last.seconds
  const keys: { time: number; x: number }[] = []
  let done = 0
  strokes.forEach((stroke, i) => {
    const { begin, seconds } = times[i]!
    const edge = (steps: number) => LEFT + (SPAN * steps) / trace.points.length
    keys.push({ time: begin, x: edge(done) }, { time: begin + seconds, x: edge(done + stroke.x.length) })
    done += stroke.x.length
  })
  const keyTimes = keys.map(({ time }) => (time / total).toFixed(4)).join(';')
  const animate = (name: string, value: (x: number) => number) =>
    `<animate attributeName="${name}" values="${keys.map(({ x }) => pixel(value(x))).join(';')}" keyTimes="${keyTimes}" dur="${pixel(total)}s" fill="freeze"/>`
  const moves = animate('x', (x) => x) + animate('width', (x) => RIGHT - x)
  const veil = (from: number, to: number) =>
    `<rect x="${LEFT}" y="${pixel(from)}" width="${SPAN}" height="${pixel(to - from)}" fill="${colours.background}" opacity="0.9">${moves}</rect>`
  return veil(top!, bottom!) + veil(lowerTop!, lowerBottom!)
}
