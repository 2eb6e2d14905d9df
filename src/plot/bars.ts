// Horizontal bars in groups, for a few values that people compare, as an SVG file.

import { expected } from '../errors.js'
import { label } from './axis.js'
import { pixel } from './ink.js'
import { colours, withDarkMode } from './theme.js'

/** One value of a group. */
export interface Bar {
  /** The series that the value belongs to; it has one colour in all groups and a line in the legend. */
  readonly series: string
  /** Positive and finite. */
  readonly value: number
  /** Text at the end of the bar. */
  readonly text: string
}

/** Bars next to each other under one label. */
export interface BarGroup {
  readonly label: string
  readonly bars: readonly Bar[]
}

/** A chart of groups of bars. */
export interface BarChart {
  readonly title: string
  /** Text below the axis: the quantity and its unit. */
  readonly axis: string
  readonly groups: readonly BarGroup[]
}

const WIDTH = 820
const [LEFT, RIGHT, TOP, BOTTOM] = [250, 100, 64, 46]
const [BAR, GAP] = [13, 16]
const TICKS = [1, 2, 5]

/** Returns the powers of ten times 1, 2 and 5 from 1 to `last`. */
function ticksUpTo(last: number): number[] {
  const ticks: number[] = []
  for (let decade = 1; decade <= last; decade *= 10)
    ticks.push(...TICKS.map((tick) => tick * decade).filter((tick) => tick <= last))
  return ticks
}

/**
 * Returns the chart as SVG text. Bars begin at 1 on a logarithmic axis, because the values are ratios.
 * Throws ERR_INVALID_ARGUMENT if there is no bar, or if a value is not finite or is not positive.
 */
export function renderBars({ title, axis, groups }: BarChart): string {
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value))
  if (values.length === 0 || !values.every((value) => value > 0 && Number.isFinite(value))) {
    throw expected(
      'ERR_INVALID_ARGUMENT',
      'at least one bar, each with a positive value',
      `${values.join(', ') || 'none'}`,
      'pass ratios'
    )
  }
  const series = [...new Set(groups.flatMap(({ bars }) => bars.map((bar) => bar.series)))]
  const colourOf = (name: string): string => colours.series[series.indexOf(name) % colours.series.length]!
  const most = Math.max(2, ...values)
  const x = (value: number): number => LEFT + (Math.log(Math.max(value, 1)) / Math.log(most)) * (WIDTH - LEFT - RIGHT)
  let y = TOP
  const rows = groups.flatMap(({ label: name, bars }) => {
    const middle = y + (bars.length * BAR) / 2
    const drawn = bars.flatMap((bar) => {
      const end = x(bar.value)
      const mark = `<rect x="${LEFT}" y="${pixel(y)}" width="${pixel(Math.max(end - LEFT, 2))}" height="${BAR - 2}" fill="${colourOf(bar.series)}"/>`
      const words = label(bar.text, Math.max(end, LEFT + 2) + 6, y + BAR - 3, { size: 11 })
      y += BAR
      return [mark, words]
    })
    y += GAP
    return [label(name, LEFT - 10, middle + 4, { size: 13, anchor: 'end', fill: colours.text }), ...drawn]
  })
  const height = y + BOTTOM
  const grid = ticksUpTo(most).flatMap((tick) => [
    `<line x1="${pixel(x(tick))}" x2="${pixel(x(tick))}" y1="${TOP - 6}" y2="${pixel(y)}" stroke="${colours.grid}"/>`,
    label(String(tick), x(tick), y + 16, { size: 11, anchor: 'middle' })
  ])
  const legend = series.flatMap((name, i) => [
    `<rect x="${LEFT + i * 150}" y="36" width="12" height="12" fill="${colourOf(name)}"/>`,
    label(name, LEFT + 18 + i * 150, 46, { size: 12, fill: colours.text })
  ])
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${pixel(height)}" font-family="sans-serif">`,
    `<rect width="100%" height="100%" fill="${colours.background}"/>`,
    label(title, LEFT, 22, { size: 15, fill: colours.text }),
    ...legend,
    ...grid,
    ...rows,
    label(axis, LEFT, y + 36, { size: 12 }),
    '</svg>'
  ]
  return withDarkMode(`${parts.join('\n')}\n`)
}
