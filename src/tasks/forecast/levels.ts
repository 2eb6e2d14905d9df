// The levels of the quantiles, and quantiles and tails of the standard normal distribution.

/** Levels of the quantiles of a forecast; the fifth is the median, the first and the last enclose 80 %. */
export const LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] as const
/** Index of the median among the levels. */
export const MEDIAN = 4

/** Coefficients of the rational approximations of Acklam 2003, whose relative error is below 1.15e-9. */
const A = [
  -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239
]
const B = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1]
const C = [
  -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
  2.938163982698783
]
const D = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1]

const polynomial = (coefficients: readonly number[], x: number) => coefficients.reduce((sum, one) => sum * x + one, 0)

/** Returns the quantile of the normal distribution for a probability above 0 and below 1. */
export function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p)
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p))
    return polynomial(C, q) / polynomial(D, q)
  }
  const q = p - 0.5
  return (q * polynomial(A, q * q)) / polynomial(B, q * q)
}

/** Returns the probability that a normal variable is at least this far from 0: 0.0455 for 2. */
export function normalTails(score: number): number {
  // Numerical Recipes, erfccheb: relative error below 1.2e-7.
  const x = Math.abs(score) / Math.SQRT2
  const t = 2 / (2 + x)
  const series = [
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368,
    -1.26551223
  ]
  return t * Math.exp(-x * x + polynomial(series, t))
}

/** Quantiles of the normal distribution at the levels. */
export const NORMAL_LEVELS: readonly number[] = LEVELS.map(normalQuantile)
