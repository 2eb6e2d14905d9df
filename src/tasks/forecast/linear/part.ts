// A linear autoregression on a transformed series or on its differences: fitted by least squares, iterated to forecasts of all horizons.

import { choice, integer, list, number, open, type Check } from '../../../check/index.js'
import { normalEquations } from './least-squares.js'
import { transformNames, transformOf, type TransformName } from './transform.js'

/** The form of an autoregression. */
export interface LinearForm {
  readonly transform: TransformName
  /** Distance of the difference that is forecast: 0 for the values themselves, 1 for changes, a season for changes within a year. */
  readonly difference: number
  /** Distances of the values that are read, ascending. */
  readonly lags: readonly number[]
}

/** A fitted autoregression: x_t = constant + sum of coefficients[i] * x_(t - lags[i]). */
export interface LinearPart extends LinearForm {
  readonly constant: number
  readonly coefficients: readonly number[]
}

/** Longest memory of an autoregression. */
const MAX_LAG = 4096

/** Checks a part from a model file. */
export const checkLinearPart: Check<LinearPart> = open<LinearPart>({
  transform: choice(...transformNames),
  difference: integer(0, MAX_LAG),
  lags: list(integer(1, MAX_LAG)),
  constant: number(),
  coefficients: list(number())
})

/** Ridge as a share of the squares of the inputs: it decides where inputs are nearly equal. */
const RIDGE = 1e-4

/** Returns the number of values that a forecast needs. */
export function memoryOf({ lags, difference }: LinearForm): number {
  return (lags.at(-1) ?? 0) + Math.max(difference, 1)
}

/**
 * How the constant is fitted: 'free' by least squares with the coefficients; 'mean' so that the series returns to its mean, which leaves a short
 * series one weight less.
 */
export type ConstantFit = 'free' | 'mean'

/**
 * Fits an autoregression to values, of which NaN are left out, by least squares with a small ridge. Returns null if there are not enough values for
 * its coefficients.
 */
export function fitLinear(
  form: LinearForm,
  values: ArrayLike<number>,
  { constant: fit, ridge = RIDGE }: { constant: ConstantFit; ridge?: number }
): LinearPart | null {
  const x = differences(form, values)
  const { lags } = form
  const size = lags.length
  const rows: number[] = []
  for (let t = (lags.at(-1) ?? 0) + form.difference; t < x.length; t++)
    if (!Number.isNaN(x[t]!) && lags.every((lag) => !Number.isNaN(x[t - lag]!))) rows.push(t)
  if (rows.length < 2 * size + 8) return null
  // Inputs and target are taken from means, so that the constant has no ridge.
  const meanAt = (lag: number) => rows.reduce((sum, t) => sum + x[t - lag]!, 0) / rows.length
  const mean = meanAt(0)
  const means = lags.map((lag) => (fit === 'free' ? meanAt(lag) : mean))
  const equations = normalEquations(size)
  const row = new Float64Array(size + 1)
  for (const t of rows) {
    for (let i = 0; i < size; i++) row[i] = x[t - lags[i]!]! - means[i]!
    row[size] = x[t]! - mean
    equations.add(row)
  }
  const coefficients = size === 0 ? new Float64Array() : equations.solve(ridge)
  if (!coefficients?.every(Number.isFinite)) return null
  const constant = means.reduce((sum, one, i) => sum - coefficients[i]! * one, mean)
  return { ...form, constant, coefficients: [...coefficients] }
}

function differences({ transform, difference }: LinearForm, values: ArrayLike<number>): Float64Array {
  const { forward } = transformOf(transform)
  const x = Float64Array.from(values, (value) => (Number.isNaN(value) ? NaN : forward(value)))
  if (difference === 0) return x
  return x.map((value, t) => (t < difference ? NaN : value - x[t - difference]!))
}

/** The forecasts of one part while values come in. It keeps as many values as it reads. */
export class LinearReader {
  readonly #part: LinearPart
  readonly #horizon: number
  /** The last values, oldest first, and the forecasts after them. */
  readonly #values: Float64Array
  /** Their differences. */
  readonly #changes: Float64Array
  readonly #memory: number
  /** Number of values taken. */
  count = 0

  constructor(part: LinearPart, horizon: number) {
    this.#part = part
    this.#horizon = horizon
    this.#memory = memoryOf(part)
    this.#values = new Float64Array(this.#memory + horizon)
    this.#changes = new Float64Array(this.#memory + horizon)
  }

  /** Whether there were enough values for a forecast. */
  get ready(): boolean {
    return this.count >= this.#memory
  }

  /** The numbers that, with the count, determine all later forecasts. */
  get memory(): readonly Float64Array[] {
    return [this.#values, this.#changes]
  }

  /**
   * Takes the next value, NaN if it is missing: the forecast of the step before takes its place. Writes the forecasts of the next steps to
   * `out`, in the units of the values, if the part is ready.
   */
  push(value: number, out: Float64Array): void {
    const { transform, difference, lags, constant, coefficients } = this.#part
    const { forward, back } = transformOf(transform)
    const [values, changes, memory] = [this.#values, this.#changes, this.#memory]
    const last = values[memory - 1]!
    const own = Number.isNaN(value) ? (this.ready ? values[memory]! : last) : forward(value)
    values.copyWithin(0, 1, memory)
    changes.copyWithin(0, 1, memory)
    values[memory - 1] = own
    changes[memory - 1] = difference === 0 ? own : own - (memory > difference ? values[memory - 1 - difference]! : last)
    this.count++
    if (!this.ready) return
    for (let h = 0; h < this.#horizon; h++) {
      const at = memory + h
      let sum = constant
      for (let i = 0; i < lags.length; i++) sum += coefficients[i]! * changes[at - lags[i]!]!
      changes[at] = sum
      values[at] = difference === 0 ? sum : sum + values[at - difference]!
      out[h] = back(values[at])
    }
  }
}
