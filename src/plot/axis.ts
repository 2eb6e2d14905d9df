// Axes and scales for pictures that are drawn without vega: ticks, labels and colour scales as SVG text.

import { escapeXml, pixel } from './ink.js'
import { colours, diverging, DIVERGING_LEVELS } from './theme.js'

/** Returns the smallest of 1, 2 and 5 times the powers of ten that is not less than `size`, a number above 0. */
export function roundStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size))
  return power * [1, 2, 5, 10].find((one) => one * power >= size * (1 - 1e-9))!
}

/** Returns the round step between ticks with which `count` values have at most `maxTicks` ticks, at least 1. */
export function tickStep(count: number, maxTicks: number): number {
  return Math.max(1, roundStep(count / maxTicks))
}

/** Returns a text of `size` pixels; `anchor` as in SVG. */
export function label(
  text: string,
  x: number,
  y: number,
  how: { size?: number; anchor?: 'start' | 'middle' | 'end'; fill?: string } = {}
): string {
  const { size = 10, anchor = 'start', fill = colours.muted } = how
  return `<text x="${pixel(x)}" y="${pixel(y)}" font-size="${size}" text-anchor="${anchor}" fill="${fill}">${escapeXml(text)}</text>`
}

function line(x1: number, y1: number, x2: number, y2: number, stroke: string): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map(pixel)
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" stroke="${stroke}"/>`
}

/** Draws vertical grid lines for steps 1 to `steps` between `top` and `bottom`, with the numbers below if `named`. */
export function stepAxis(
  steps: number,
  x: (step: number) => number,
  { top, bottom, named }: { top: number; bottom: number; named: boolean }
): string {
  const every = tickStep(steps, 12)
  const parts: string[] = []
  for (let step = every; step <= steps; step += every) {
    const at = x(step - 1)
    parts.push(line(at, top, at, bottom + (named ? 4 : 0), colours.grid))
    if (named) parts.push(label(String(step), at, bottom + 14, { anchor: 'middle' }))
  }
  return parts.join('')
}

/** Draws vertical grid lines at `ticks` between `top` and `bottom`, with their labels below. */
export function timeAxis(
  ticks: readonly { text: string; x: number }[],
  { top, bottom }: { top: number; bottom: number }
): string {
  return ticks
    .map(({ text, x }) => line(x, top, x, bottom + 4, colours.grid) + label(text, x, bottom + 16, { anchor: 'middle' }))
    .join('')
}

/** Draws horizontal grid lines at `ticks`, with their labels to the left of `left`. */
export function valueAxis(
  ticks: readonly { text: string; y: number }[],
  { left, right }: { left: number; right: number }
): string {
  return ticks
    .map(({ text, y }) => line(left - 4, y, right, y, colours.grid) + label(text, left - 7, y + 3.5, { anchor: 'end' }))
    .join('')
}

/** Draws the legend of the diverging colours: a band from -1 to 1 that ends at `right`, with `name` before it. */
export function divergingLegend(name: string, right: number, top: number): string {
  const [cell, height] = [5, 9]
  const levels = Array.from({ length: 2 * DIVERGING_LEVELS + 1 }, (_, i) => i - DIVERGING_LEVELS)
  const begin = right - 12 - cell * levels.length
  const rects = levels.map(
    (level, i) =>
      `<rect x="${pixel(begin + i * cell)}" y="${pixel(top)}" width="${cell}" height="${height}" fill="${diverging(level)}"/>`
  )
  const base = top + height - 1
  return [label(`${name}  -1`, begin - 4, base, { anchor: 'end' }), ...rects, label('1', right - 8, base)].join('')
}
