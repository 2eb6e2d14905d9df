// Quantiles of Student's t-distribution.

import { normalQuantile } from './levels.js'

/** Returns the quantile at a level between 0 and 1, for more than two degrees of freedom. */
export function studentQuantile(level: number, freedom: number): number {
  if (level === 0.5) return 0
  return level < 0.5 ? -upperQuantile(2 * level, freedom) : upperQuantile(2 * (1 - level), freedom)
}

/** Returns the value that is exceeded in absolute value with probability `tails` (Hill 1970, algorithm 396 of the ACM). */
function upperQuantile(tails: number, n: number): number {
  const a = 1 / (n - 0.5)
  const b = 48 / (a * a)
  const c = (((20700 * a) / b - 98) * a - 16) * a + 96.36
  const d = ((94.5 / (b + c) - 3) / b + 1) * Math.sqrt((a * Math.PI) / 2) * n
  const y = (d * tails) ** (2 / n)
  if (y > 0.05 + a) return Math.sqrt(n * nearMiddle(normalQuantile(tails / 2), { n, a, b, c, d }))
  const far = 1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)
  return Math.sqrt(n * (((far * y - 1) * (n + 1)) / (n + 2) + 1 / y))
}

type Hill = Readonly<Record<'n' | 'a' | 'b' | 'c' | 'd', number>>

/** Returns the square of the quantile by n, by an expansion about the normal quantile x. */
function nearMiddle(x: number, { n, a, b, c, d }: Hill): number {
  const y = x * x
  const own = n < 5 ? c + 0.3 * (n - 4.5) * (x + 0.6) : c
  const e = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + own
  const z = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / e - y - 3) / b + 1) * x
  return Math.expm1(a * z * z)
}
