// The weights of an attention as a matrix: a row for each symbol that is written, a column for each symbol that is read, dark where a weight is
// large.

import { invalid, list, numbers, object, optional, options as optionsOf, string, type Check } from '../check/index.js'
import { expected } from '../errors.js'
import { label } from './axis.js'
import { pixel, svgFile } from './ink.js'
import { colours, diverging, DIVERGING_LEVELS } from './theme.js'

/** The weights of an attention. */
export interface AttentionMatrix {
  /** Names of the columns: the symbols that are read, [S], from 1 to 512. */
  readonly source: readonly string[]
  /** Names of the rows: the symbols that are written, [T], from 1 to 512. */
  readonly target: readonly string[]
  /** Weights from 0 to 1, [T] rows of [S]. */
  readonly weights: readonly ArrayLike<number>[]
}

/** The options of `attentionSvg`. */
export interface AttentionSvgOptions {
  /** Description of the picture for people who cannot see it, and its title. Default: "attention". */
  title?: string
}

const MOST = 512
const CELL = 22
const SIZE = 12
/** Pixels of a character of a name, in the mean. */
const CHARACTER = 6.6
const TITLE_CHARACTER = 8
const MOST_TITLE = 80
const [LONGEST, RIGHT, GAP, LEGEND, TITLE] = [24, 24, 10, 40, 34]
const NARROWEST = 300

const names = list(string, 1, MOST)
const readMatrix = object<AttentionMatrix>({ source: names, target: names, weights: list<unknown>((value) => value) })
const readOptions = optionsOf<AttentionSvgOptions>({ title: optional(string) })

/** Returns a check of a row of `length` weights from 0 to 1. */
export function rowOfWeights(length: number): Check<readonly number[]> {
  return (value, name) => {
    const row = Array.from(numbers(value, name))
    if (row.length !== length)
      throw expected('ERR_INVALID_SHAPE', `${length} weights as ${name}`, `${row.length}`, 'pass one for each source')
    const odd = row.find((one) => !(one >= 0 && one <= 1 + 1e-3))
    if (odd !== undefined) throw invalid('weights from 0 to 1', name, odd)
    return row
  }
}

/** Returns the name of a symbol, without the space before a word and shortened. */
const shown = (name: string) => shortened(name.trim(), LONGEST)

/** Returns a text of at most `most` characters; the last one of a longer text is an ellipsis. */
export function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}\u2026` : text
}

const widthOf = (texts: readonly string[]) => Math.max(...texts.map((text) => text.length)) * CHARACTER

/** Draws the legend: the shades of weights from 0 to 1. */
function legend(left: number, top: number): string {
  const [cell, height] = [9, 9]
  const levels = Array.from({ length: DIVERGING_LEVELS + 1 }, (_, level) => level)
  const begin = left + 62
  const rects = levels.map(
    (level, i) =>
      `<rect x="${begin + i * cell}" y="${top}" width="${cell}" height="${height}" fill="${diverging(level)}"/>`
  )
  const base = top + height - 1
  return [label('weight  0', begin - 4, base, { anchor: 'end' }), ...rects, label('1', begin + 4 + cell * levels.length, base)].join('') // prettier-ignore
}

/**
 * Returns the SVG file of the weights of an attention, in light and dark colours: rows from the first symbol that is written downwards, columns from
 * the first symbol that is read to the right. Throws ERR_INVALID_ARGUMENT and ERR_INVALID_SHAPE for other values.
 *
 * @example
 * const matrix = { source: ['the', 'cat'], target: ['le', 'chat'], weights: [[0.9, 0.1], [0.2, 0.8]] }
 * writeFileSync('attention.svg', attentionSvg(matrix, { title: 'the cat, le chat' }))
 */
export function attentionSvg(matrix: AttentionMatrix, options: AttentionSvgOptions = {}): string {
  const { source, target, weights } = readMatrix(matrix, 'the matrix')
  const { title = 'attention' } = readOptions(options, 'the options of attentionSvg')
  if (weights.length !== target.length)
    throw expected('ERR_INVALID_SHAPE', `${target.length} rows of weights`, `${weights.length}`, 'pass one for each target') // prettier-ignore
  const rows = weights.map((row, t) => rowOfWeights(source.length)(row, `row ${t} of the weights`))
  const [columns, lines] = [source.map(shown), target.map(shown)]
  const left = Math.ceil(widthOf(lines)) + 2 * GAP
  // Names of columns are turned by 55 degrees.
  const top = TITLE + Math.ceil(widthOf(columns) * Math.sin((55 / 180) * Math.PI)) + 2 * GAP
  const tail = Math.ceil(widthOf(columns) * Math.cos((55 / 180) * Math.PI))
  const heading = shortened(title, MOST_TITLE)
  const width = Math.max(
    NARROWEST,
    GAP + RIGHT + heading.length * TITLE_CHARACTER,
    left + CELL * source.length + Math.max(RIGHT, tail)
  )
  const [right, bottom] = [left + CELL * source.length, top + CELL * target.length]
  const cells = rows.flatMap((row, t) =>
    Array.from(row).flatMap((weight, s) => {
      const level = Math.round(DIVERGING_LEVELS * Math.min(1, weight))
      return level === 0
        ? []
        : `<rect x="${left + s * CELL}" y="${top + t * CELL}" width="${CELL}" height="${CELL}" fill="${diverging(level)}"/>`
    })
  )
  const grid = [
    ...source.map((_, s) => edge(left + s * CELL, top, left + s * CELL, bottom)),
    ...target.map((_, t) => edge(left, top + t * CELL, right, top + t * CELL)),
    edge(right, top, right, bottom),
    edge(left, bottom, right, bottom)
  ]
  const how = { size: SIZE, fill: colours.text }
  const heads = columns.map((name, s) => {
    const place = `translate(${pixel(left + (s + 0.5) * CELL + 3)} ${top - GAP / 2}) rotate(-55)`
    return `<g transform="${place}">${label(name, 0, 0, how)}</g>`
  })
  const sides = lines.map((name, t) => label(name, left - GAP / 2, top + (t + 0.5) * CELL + 4, { ...how, anchor: 'end' })) // prettier-ignore
  const body = [
    label(heading, GAP, 20, { size: 14, fill: colours.text }),
    ...cells,
    ...grid,
    ...heads,
    ...sides,
    legend(left, bottom + 18)
  ].join('')
  return svgFile(width, bottom + LEGEND, `<g font-family="system-ui, sans-serif">${body}</g>`, title)
}

function edge(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colours.grid}"/>`
}
