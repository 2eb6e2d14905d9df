// Curves over two logarithmic axes, in panels next to each other, as an SVG file.

import { expected } from '../errors.js'
import { label, timeAxis, valueAxis } from './axis.js'
import { escapeXml, pixel } from './ink.js'
import { colours, withDarkMode } from './theme.js'

/** A curve: points in ascending order of x, all numbers positive. */
export interface Curve {
  /** Curves of one name have one colour in all panels and a line in the legend. */
  readonly name: string
  readonly dashed: boolean
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

/** Panels of curves with the same axes. */
export interface CurveChart {
  readonly title: string
  /** Quantity and unit of each axis. */
  readonly x: string
  readonly y: string
  /** The meaning of solid and of dashed curves. */
  readonly solid: string
  readonly dashed: string
  readonly panels: readonly { readonly title: string; readonly curves: readonly Curve[] }[]
}

const [WIDTH, HEIGHT] = [400, 260]
const [LEFT, RIGHT, TOP, BOTTOM] = [58, 16, 84, 52]

/** Returns the powers of ten between two numbers, or powers of two if there would be fewer than two. */
function ticksOf(low: number, high: number): number[] {
  for (const base of [10, 2]) {
    const first = Math.ceil(Math.log(low) / Math.log(base) - 1e-9)
    const last = Math.floor(Math.log(high) / Math.log(base) + 1e-9)
    const ticks = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => base ** (first + i))
    if (ticks.length >= 2) return ticks
  }
  return [low, high]
}

/** Returns the function from values to pixels of a logarithmic axis. */
function scaleOf([low, high]: readonly [number, number], from: number, to: number): (value: number) => number {
  const span = Math.max(1e-9, Math.log(high / low))
  return (value) => from + ((to - from) * Math.log(value / low)) / span
}

/** Returns the least and the largest value, with a little room. */
function rangeOf(values: readonly number[]): readonly [number, number] {
  return [Math.min(...values) / 1.15, Math.max(...values) * 1.15]
}

/** Returns the chart as SVG text. Throws ERR_INVALID_ARGUMENT if there is no point, or if a number is not positive and finite. */
export function renderCurves({ title, x, y, solid, dashed, panels }: CurveChart): string {
  const points = panels.flatMap(({ curves }) => curves.flatMap((curve) => curve.points))
  const isFine = points.every((point) => [point.x, point.y].every((value) => value > 0 && Number.isFinite(value)))
  if (points.length === 0 || !isFine) {
    const found = points.length === 0 ? 'none' : 'another number'
    throw expected('ERR_INVALID_ARGUMENT', 'at least one point, with positive numbers', found, 'pass measurements')
  }
  const names = [...new Set(panels.flatMap(({ curves }) => curves.map(({ name }) => name)))]
  const ranges = { x: rangeOf(points.map((point) => point.x)), y: rangeOf(points.map((point) => point.y)) }
  const width = panels.length * WIDTH
  const texts = [
    label(title, LEFT, 22, { size: 15, fill: colours.text }),
    label(`${solid}: solid, ${dashed}: dashed`, LEFT, 40),
    ...legendOf(names),
    ...panels.map((panel, i) => panelOf(panel, i * WIDTH, names, ranges, { x, y }))
  ]
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEIGHT + TOP + BOTTOM}" viewBox="0 0 ${width} ${HEIGHT + TOP + BOTTOM}" font-family="sans-serif" role="img"><title>${escapeXml(title)}</title><rect width="100%" height="100%" fill="${colours.background}"/>${texts.join('')}</svg>\n`
  return withDarkMode(svg)
}

const colourOf = (names: readonly string[], name: string): string =>
  colours.series[names.indexOf(name) % colours.series.length]!

function legendOf(names: readonly string[]): string[] {
  let at = LEFT
  return names.map((name) => {
    const begin = at
    at += 40 + 6.2 * name.length
    const line = `<line x1="${pixel(begin)}" x2="${pixel(begin + 18)}" y1="54" y2="54" stroke="${colourOf(names, name)}" stroke-width="2.5"/>`
    return line + label(name, begin + 24, 58, { size: 11, fill: colours.text })
  })
}

function panelOf(
  { title, curves }: CurveChart['panels'][number],
  offset: number,
  names: readonly string[],
  ranges: { x: readonly [number, number]; y: readonly [number, number] },
  axes: { x: string; y: string }
): string {
  const [left, right, bottom] = [offset + LEFT, offset + WIDTH - RIGHT, TOP + HEIGHT]
  const [x, y] = [scaleOf(ranges.x, left, right), scaleOf(ranges.y, bottom, TOP)]
  const ticks = {
    x: ticksOf(...ranges.x).map((value) => ({ text: textOf(value), x: x(value) })),
    y: ticksOf(...ranges.y).map((value) => ({ text: textOf(value), y: y(value) }))
  }
  return [
    timeAxis(ticks.x, { top: TOP, bottom }),
    valueAxis(ticks.y, { left, right }),
    label(title, left, TOP - 8, { size: 12, fill: colours.text }),
    label(axes.x, (left + right) / 2, bottom + 36, { anchor: 'middle', size: 11, fill: colours.text }),
    ...(offset === 0 ? [label(axes.y, 6, TOP - 8, { size: 11, fill: colours.text })] : []),
    ...curves.map((curve) => curveOf(curve, { x, y }, colourOf(names, curve.name)))
  ].join('')
}

function curveOf(
  { points, dashed }: Curve,
  { x, y }: { x: (value: number) => number; y: (value: number) => number },
  stroke: string
): string {
  if (points.length === 0) return ''
  const places = points.map((point) => [pixel(x(point.x)), pixel(y(point.y))] as const)
  const d = `M${places.map(([a, b]) => `${a} ${b}`).join('L')}`
  const dots = places.map(([a, b]) => `<circle cx="${a}" cy="${b}" r="2.5" fill="${stroke}"/>`).join('')
  return `<path d="${d}" fill="none" stroke="${stroke}" stroke-width="2"${dashed ? ' stroke-dasharray="5 4"' : ''}/>${dots}`
}

function textOf(value: number): string {
  return value >= 1 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(2)))
}
