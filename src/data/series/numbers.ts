// Numbers in the cells of a CSV file, and arrays of them that grow.

import { show } from '../../errors.js'
import { badLine } from '../files/csv.js'

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const COMMAS = /^[+-]?\d+(,\d+)+$/

/** Largest number of a series, without its sign: sums of products of two of them are finite, which fits of linear forecasts need. */
export const MOST_VALUE = 1e150

/** Where a cell is, for errors. */
export interface CellPlace {
  readonly path: string
  readonly line: number
  readonly column: string
}

/**
 * Returns the number of a cell, NaN for an empty one. Throws ERR_FILE_FORMAT for a number outside -1e150 to 1e150 and for another text, also for NaN
 * and NA: which values are missing is for the file to state in one way, by empty cells.
 */
export function readNumber(cell: string, decimal: '.' | ',', { path, line, column }: CellPlace): number {
  if (cell === '') return NaN
  const text = decimal === ',' ? (cell.includes('.') ? '' : cell.replace(',', '.')) : cell
  const value = NUMBER.test(text) ? Number(text) : NaN
  if (Math.abs(value) <= MOST_VALUE) return value
  if (!Number.isNaN(value)) {
    const what = `a number from -${MOST_VALUE} to ${MOST_VALUE} in column ${show(column)}`
    throw badLine(path, line, what, show(cell), 'take a larger unit')
  }
  const remedy =
    decimal === '.' && COMMAS.test(cell)
      ? 'name the comma as the decimal sign if it is one'
      : 'correct it, or leave the cell empty if the value is missing'
  throw badLine(path, line, `a number in column ${show(column)}`, show(cell), remedy)
}

/** An array of numbers that grows. */
export interface Growing {
  push(value: number): void
  /** Returns the numbers so far, as a view that is valid until the next push. */
  values(): Float64Array
}

/** Returns an empty array that grows. */
export function growing(): Growing {
  let data = new Float64Array(16)
  let length = 0
  return {
    push(value) {
      if (length === data.length) {
        const larger = new Float64Array(2 * length)
        larger.set(data)
        data = larger
      }
      data[length++] = value
    },
    values: () => data.subarray(0, length)
  }
}
