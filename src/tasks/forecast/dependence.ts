// The dependence of the errors of several horizons: principal components of their correlations on the training part. An error of the level is one of
// all horizons, so a chain in which each horizon depends on the one before would not be enough.

import { createRandom } from '../../random.js'

/** Most components. */
const COMPONENTS = 6
/** Rounds of the orthogonal iteration. */
const ROUNDS = 40

/** The errors of forecasts from some origins, origin by origin; NaN: not known. */
export interface ErrorRows {
  /** [origins * horizon] */
  readonly values: Float64Array
  readonly horizon: number
}

/** Returns a copy in which each horizon has the mean square 1, and errors that are not known are 0. */
function standardised({ values, horizon }: ErrorRows): Float64Array {
  const squares = new Float64Array(horizon)
  const counts = new Float64Array(horizon)
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return
    squares[i % horizon]! += value * value
    counts[i % horizon]!++
  })
  return values.map((value, i) => {
    const square = squares[i % horizon]! / Math.max(1, counts[i % horizon]!)
    return Number.isNaN(value) || square === 0 ? 0 : value / Math.sqrt(square)
  })
}

/** Makes columns orthonormal in place, the first ones first. A column that is a sum of the others becomes 0. */
function orthonormalise(columns: readonly Float64Array[]): void {
  columns.forEach((column, k) => {
    for (const other of columns.slice(0, k)) {
      const shared = dot(column, other)
      other.forEach((value, i) => (column[i]! -= shared * value))
    }
    const length = Math.sqrt(dot(column, column))
    column.forEach((value, i) => (column[i] = length > 1e-12 ? value / length : 0))
  })
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** Returns the products of the correlations of the errors and a column. */
function correlated(errors: Float64Array, column: Float64Array): Float64Array {
  const horizon = column.length
  const product = new Float64Array(horizon)
  for (let begin = 0; begin < errors.length; begin += horizon) {
    const row = errors.subarray(begin, begin + horizon)
    const share = dot(row, column)
    for (let h = 0; h < horizon; h++) product[h]! += share * row[h]!
  }
  return product.map((value) => (value * horizon) / errors.length)
}

/**
 * Returns the loadings of the errors' principal components, at most six rows of [horizon], by orthogonal iteration: the correlation of two horizons
 * is about the sum of the products of their loadings. Returns no row if there are fewer than two origins.
 */
export function loadingsOf(rows: ErrorRows): number[][] {
  const { horizon } = rows
  if (rows.values.length < 2 * horizon || horizon < 2) return []
  const errors = standardised(rows)
  const random = createRandom(0, 'components')
  let columns: Float64Array[] = Array.from({ length: Math.min(COMPONENTS, horizon) }, () =>
    Float64Array.from({ length: horizon }, () => random.normal())
  )
  for (let round = 0; round < ROUNDS; round++) {
    orthonormalise(columns)
    columns = columns.map((column) => correlated(errors, column))
  }
  // The length of a product is the variance of its component.
  return columns.map((column) => {
    const variance = Math.sqrt(dot(column, column))
    return Array.from(column, (value) => Math.max(-1, Math.min(1, variance > 0 ? value / Math.sqrt(variance) : 0)))
  })
}
