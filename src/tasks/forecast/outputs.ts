// The outputs of the network: quantiles, or the parameters of a distribution as in DeepAR (Salinas et al. 2017). Each has a loss, as a program for
// ops.map, and gives quantiles, so that everything after the network is the same for all of them.

import type { Tensor } from '../../graph/graph.js'
import { map, mean, slice } from '../../graph/ops/index.js'
import type { Expression } from '../../graph/ops/map.js'
import { NORMAL_LEVELS } from './levels.js'
import { negativeBinomialQuantile } from './negative-binomial.js'
import { valueOfScore, type QuantilePlace } from './normal-scores.js'
import { studentQuantile } from './student.js'
import type { OutputName } from './settings.js'

/** The targets of a step as tensors that broadcast to `[rows, members, horizon, 1]`. */
export interface OutputTargets {
  /** Errors of the linear part in units of their deviations; for counts the values themselves. */
  readonly values: Tensor
  /** Forecasts of the linear part in the unit of the values. */
  readonly means: Tensor
  /** The levels, [levels]. */
  readonly levels: Tensor
}

/** The linear forecast of one value, in whose units an output is read. */
export interface LinearForecast {
  /** In the unit of the values. */
  readonly mean: number
  /** Returns the distance of a value from the linear forecast in units of the deviations of the linear part's errors. */
  inDeviations(value: number): number
}

/** A kind of output. */
export interface ForecastOutput {
  /** Initial values of the numbers that the network gives for each horizon. */
  readonly start: readonly number[]
  /** Returns the loss `[rows, horizon]` of numbers `[rows, members, horizon, start.length]`. */
  loss(numbers: Tensor, targets: OutputTargets): Tensor
  /** Returns the quantile at a place, by the numbers from `at` on, in units of the deviations of the linear part's errors. */
  quantile(numbers: ArrayLike<number>, at: number, of: LinearForecast, place: QuantilePlace): number
  /** true if the values are counts. */
  readonly counts?: true
}

/** Least mean of counts. */
const LEAST_MEAN = 1e-3
const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI)
/** Degrees of freedom have at least this value, so that the variance exists. */
const LEAST_FREEDOM = 2
/** Bound of the logarithms of scales and factors. */
const BOUND = 8

const limited = (x: Expression) => x.max(-BOUND).min(BOUND)
const limit = (x: number) => Math.max(-BOUND, Math.min(BOUND, x))
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

/** Returns the number at place `i` of each horizon. */
const part = (numbers: Tensor, i: number) => slice(numbers, 3, i, i + 1)

/** The pinball loss (Koenker and Bassett 1978) of quantiles. */
const quantiles: ForecastOutput = {
  start: NORMAL_LEVELS,
  loss: (numbers, { values, levels }) =>
    mean(
      map([numbers, values, levels], (quantile, value, level) => {
        const miss = value.sub(quantile)
        return miss.mul(level).add(miss.neg().max(0))
      }),
      [1, 3]
    ),
  quantile: (numbers, at, _, { score }) => valueOfScore(numbers, at, score)
}

/** Mean and log-deviation of a normal distribution. */
const gaussian: ForecastOutput = {
  start: [0, 0],
  loss: (numbers, { values }) =>
    mean(
      map([part(numbers, 0), part(numbers, 1), values], (m, s, x) => {
        const scale = limited(s)
        return x.sub(m).mul(scale.neg().exp()).square().mul(0.5).add(scale).add(HALF_LOG_TWO_PI)
      }),
      [1, 3]
    ),
  quantile: (numbers, at, _, { score }) => numbers[at]! + Math.exp(limit(numbers[at + 1]!)) * score
}

/** Location, log-scale and degrees of freedom of Student's t. */
const student: ForecastOutput = {
  start: [0, -0.2, 3],
  loss: (numbers, { values }) =>
    mean(
      map([part(numbers, 0), part(numbers, 1), part(numbers, 2), values], (m, s, d, x) => {
        const [scale, freedom] = [limited(s), d.softplus().add(LEAST_FREEDOM)]
        const square = x.sub(m).mul(scale.neg().exp()).square()
        const constant = freedom.mul(0.5).lgamma().sub(freedom.add(1).mul(0.5).lgamma())
        const width = freedom.mul(Math.PI).log().mul(0.5).add(scale)
        return constant.add(width).add(freedom.add(1).mul(0.5).mul(square.div(freedom).log1p()))
      }),
      [1, 3]
    ),
  quantile: (numbers, at, _, { level }) =>
    numbers[at]! +
    Math.exp(limit(numbers[at + 1]!)) * studentQuantile(level, LEAST_FREEDOM + softplus(numbers[at + 2]!))
}

/** Logarithms of a factor of the linear part's forecast, which gives the mean, and of the number of failures. */
const negativeBinomial: ForecastOutput = {
  start: [0, 1],
  loss: (numbers, { values, means }) =>
    mean(
      map([part(numbers, 0), part(numbers, 1), values, means], (a, s, k, base) => {
        const [m, r] = [base.max(LEAST_MEAN).mul(limited(a).exp()), limited(s).exp()]
        const choices = k.add(r).lgamma().sub(k.add(1).lgamma()).sub(r.lgamma())
        const total = r.add(m).log()
        return r
          .mul(total.sub(r.log()))
          .add(k.mul(total.sub(m.log())))
          .sub(choices)
      }),
      [1, 3]
    ),
  counts: true,
  quantile(numbers, at, { mean, inDeviations }, { level }) {
    const m = Math.max(mean, LEAST_MEAN) * Math.exp(limit(numbers[at]!))
    return inDeviations(negativeBinomialQuantile(level, { mean: m, failures: Math.exp(limit(numbers[at + 1]!)) }))
  }
}

const outputs: Readonly<Record<OutputName, ForecastOutput>> = {
  quantiles,
  gaussian,
  student,
  'negative-binomial': negativeBinomial
}

/** Returns an output by its name. */
export function outputOf(name: OutputName): ForecastOutput {
  return outputs[name]
}
