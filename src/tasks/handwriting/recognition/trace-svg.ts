// The four rows of a trace as one picture: letters, memory cells, the pen's input, the gradient. Time runs from left to
// right; in the moving picture a line sweeps over it while the pen writes.

import type { Stroke } from '../../../data/ink/strokes.js'
import { escapeXml, inkPaths, pixel, placeInk, svgFile } from '../svg.js'
import type { InkTrace } from './trace.js'

const WIDTH = 900
const LEFT = 16
const ROWS = { letters: 110, cells: 180, pen: 150, gradient: 110 } as const
const GAP = 34
const COLOURS = ['#c8421d', '#1f6f8b', '#5b8c2a', '#7b4fa3', '#b8860b', '#2f4b7c', '#a05195', '#00796b', '#8d6e63']
const LEVELS = 12
const MAX_UNITS = 48
const POINTS_PER_SECOND = 60

/** A picture of a trace; `layer`: the name of the one whose cells are shown, default the last. */
export function traceSvg(trace: InkTrace, options: { moving?: boolean; layer?: string } = {}): string {
  const { moving = false } = options
  const layer = trace.layers.find(({ name }) => name === options.layer) ?? trace.layers.at(-1)!
  const steps = trace.points.length
  const span = WIDTH - 2 * LEFT
  const x = (step: number) => LEFT + (span * (step + 0.5)) / steps
  const parts: string[] = []
  let top = GAP
  const row = (title: string, height: number, body: (top: number) => string) => {
    parts.push(`<text x="${LEFT}" y="${top - 8}" font-size="12" fill="#555">${escapeXml(title)}</text>`, body(top))
    top += height + GAP
  }
  row(`letters as they are recognised: ${trace.text}`, ROWS.letters, (at) => letterCurves(trace, x, at))
  row(`memory cells of ${layer.name}, step by step`, ROWS.cells, (at) => cellMap(layer.cells, steps, span, at))
  row('the pen', ROWS.pen, (at) => penRow(trace, at, moving))
  row('gradient of each letter back to the points of the pen', ROWS.gradient, (at) => gradientCurves(trace, x, at))
  const height = top - GAP + 12
  if (moving) parts.push(sweep(steps, span, height))
  const style = 'font-family="system-ui, sans-serif"'
  return svgFile(WIDTH, height, `<g ${style}>${parts.join('')}</g>`, `trace of "${trace.text}"`)
}

function colourOf(trace: InkTrace): (symbol: string) => string {
  const symbols = [...new Set(trace.letters.map(({ symbol }) => symbol))]
  return (symbol) => COLOURS[symbols.indexOf(symbol) % COLOURS.length] ?? '#999'
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
    curve(values, x, y, symbol === '' ? '#cccccc' : colour(symbol))
  )
  const names = trace.letters.map(({ symbol, step, probability }) => {
    const place = `x="${pixel(x(step))}" y="${pixel(y(probability) - 4)}"`
    return `<text ${place} font-size="14" text-anchor="middle" fill="${colour(symbol)}">${escapeXml(symbol)}</text>`
  })
  return curves.join('') + names.join('')
}

/** A band a unit, the liveliest ones in the order of their numbers; blue below zero, red above. */
function cellMap(cells: readonly (readonly number[])[], steps: number, span: number, top: number): string {
  const lively = cells
    .map((values, unit) => ({ unit, values, range: Math.max(...values) - Math.min(...values) }))
    .sort((a, b) => b.range - a.range)
    .slice(0, MAX_UNITS)
    .sort((a, b) => a.unit - b.unit)
  const band = ROWS.cells / lively.length
  const [width, height] = [span / steps, band]
  const paths = new Map<number, string>()
  lively.forEach(({ values }, row) => {
    let from = 0
    const level = (t: number) => Math.round(LEVELS * Math.tanh(values[t]!))
    for (let t = 1; t <= steps; t++) {
      if (t < steps && level(t) === level(from)) continue
      const rectangle = `M${pixel(LEFT + from * width)} ${pixel(top + row * band)}h${pixel((t - from) * width)}v${pixel(height)}h${pixel(-(t - from) * width)}z`
      paths.set(level(from), (paths.get(level(from)) ?? '') + rectangle)
      from = t
    }
  })
  return [...paths].map(([level, d]) => `<path d="${d}" fill="${shade(level / LEVELS)}"/>`).join('')
}

function shade(value: number): string {
  const strength = Math.round(255 * (1 - Math.abs(value)))
  return value < 0 ? `rgb(${strength},${strength},255)` : `rgb(255,${strength},${strength})`
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
  return trace.letters
    .map(({ symbol, gradient, step }) => {
      const most = Math.max(...gradient, 1e-30)
      const y = (value: number) => top + ROWS.gradient * (1 - 0.9 * (value / most))
      const mark = `<circle cx="${pixel(x(step))}" cy="${pixel(top + ROWS.gradient)}" r="2.5" fill="${colour(symbol)}"/>`
      return curve(gradient, x, y, colour(symbol)) + mark
    })
    .join('')
}

/** The line of the present, and a veil over what is to come; the pen's row has its own movement. */
function sweep(steps: number, span: number, height: number): string {
  const seconds = pixel(steps / POINTS_PER_SECOND)
  const animate = (name: string, from: number, to: number) =>
    `<animate attributeName="${name}" from="${pixel(from)}" to="${pixel(to)}" dur="${seconds}s" fill="freeze"/>`
  const moves = animate('x', LEFT, LEFT + span) + animate('width', span, 0)
  const penTop = 3 * GAP + ROWS.letters + ROWS.cells - 22
  const penEnd = penTop + ROWS.pen + 22
  const veil = (y: number, end: number) =>
    `<rect x="${LEFT}" y="${y}" width="${span}" height="${end - y}" fill="white" opacity="0.9">${moves}</rect>`
  return veil(GAP, penTop) + veil(penEnd + 24, height)
}
