// The memory cells of the encoder on several sequences, side by side, as an SVG file.

import { divergingLegend, label } from '../../plot/axis.js'
import { pixel, svgFile } from '../../plot/ink.js'
import { colours, diverging, DIVERGING_LEVELS } from '../../plot/theme.js'
import type { NumbersTrace } from './trace.js'

const LEFT = 64
const TOP = 62
const [CELL_WIDTH, CELL_HEIGHT] = [26, 16]
const [GAP, BOTTOM] = [44, 46]
const NARROWEST = 520

/** Returns the picture: a band for each cell, a block for each sequence, in which digits go from the least significant on to the right. */
export function cellsSvg({ sequences, digits, cells }: NumbersTrace): string {
  const block = Math.max(digits * CELL_WIDTH, 190)
  const width = Math.max(NARROWEST, LEFT + sequences.length * (block + GAP))
  const bottom = TOP + cells.length * CELL_HEIGHT
  const blocks = sequences.map(({ terms, next, family }, b) => {
    const left = LEFT + b * (block + GAP)
    const titles = [
      label(`${short(terms.join(', '))} \u2192 ${short(`${next}`)}`, left, TOP - 24, { size: 13, fill: colours.text }),
      label(family, left, TOP - 8, { size: 11 })
    ]
    const bands = cells.flatMap(({ values }, row) => values[b]!.map((value, t) => cellAt(value, left + t * CELL_WIDTH, TOP + row * CELL_HEIGHT))) // prettier-ignore
    const axis = label('decimal place, least significant first', left, bottom + 16)
    return [...titles, ...bands, axis].join('')
  })
  const names = cells.map(({ unit }, row) =>
    label(`cell ${unit}`, LEFT - 8, TOP + row * CELL_HEIGHT + 12, { anchor: 'end' })
  )
  const legend = divergingLegend('tanh of a memory cell', width - 16, bottom + BOTTOM - 18)
  const body = `<g font-family="system-ui, sans-serif">${[...names, ...blocks, legend].join('')}</g>`
  return svgFile(width, bottom + BOTTOM, body, 'memory cells that differ between the sequences')
}

function cellAt(value: number, x: number, y: number): string {
  const level = Math.round(DIVERGING_LEVELS * value)
  return `<rect x="${pixel(x)}" y="${pixel(y)}" width="${CELL_WIDTH - 1}" height="${CELL_HEIGHT - 1}" fill="${diverging(level)}"/>`
}

function short(text: string): string {
  return text.length > 26 ? `...${text.slice(-24)}` : text
}
