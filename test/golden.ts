// Reads the golden files of test/golden (PyTorch in double precision; their contents are described in make_golden.py).
import { readFileSync } from 'node:fs'

export interface GoldenTensor {
  shape: number[]
  data: number[]
}

export function readGolden<G>(name: string): G {
  return JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), 'utf8')) as G
}

/** Largest difference of two arrays of one length; NaN counts as infinite. */
export function largestDifference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Infinity
  let worst = 0
  for (let i = 0; i < found.length; i++) {
    const difference = Math.abs(found[i]! - expected[i]!)
    worst = difference <= worst ? worst : Number.isNaN(difference) ? Infinity : difference
  }
  return worst
}
