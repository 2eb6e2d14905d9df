// Quantiles of the negative binomial distribution: that of counts whose variance is larger than their mean.

import { normalQuantile } from './levels.js'

/** A negative binomial distribution. Its variance is mean + mean^2 / failures; the number of failures need not be an integer. */
export interface CountDistribution {
  readonly mean: number
  readonly failures: number
}

/** Most counts that are added up one by one. */
const COUNTED = 2000

/**
 * Returns the quantile at a level between 0 and 1. Above 2,000 it is that of the gamma distribution of the same mean and variance, approximated by a
 * normal distribution of the cube root (Wilson and Hilferty 1931).
 */
export function negativeBinomialQuantile(level: number, { mean, failures }: CountDistribution): number {
  const success = mean / (mean + failures)
  let probability = Math.exp(failures * Math.log1p(-success))
  let sum = probability
  // Where the probability of 0 is below the smallest number, the sum would stay 0.
  for (let k = 0; probability > 0 && k < COUNTED; k++) {
    if (sum >= level - 1e-12) return k
    probability *= (success * (k + failures)) / (k + 1)
    sum += probability
  }
  const shape = mean ** 2 / (mean + mean ** 2 / failures)
  return Math.max(0, mean * (1 - 1 / (9 * shape) + normalQuantile(level) / (3 * Math.sqrt(shape))) ** 3)
}
