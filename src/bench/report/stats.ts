// Summaries of samples.

/** The summary of the times of one contestant. */
export interface Timing {
  /** Microseconds. */
  readonly median: number
  readonly p10: number
  readonly p90: number
  readonly p99: number
  readonly samples: number
}

/** Returns the sample at a share of `sorted`, from 0 to 1. `sorted` is ascending and not empty. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

/** Returns the summary of samples, of which there is at least one. */
export function summarise(samples: ArrayLike<number>): Timing {
  const sorted = Float64Array.from(samples).sort()
  const at = (share: number) => percentile(sorted, share)
  return { median: at(0.5), p10: at(0.1), p90: at(0.9), p99: at(0.99), samples: sorted.length }
}
