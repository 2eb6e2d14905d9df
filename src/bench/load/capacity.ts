// The load that a server bears: open loops of rising rates, and the largest rate at which the latencies of nearly all requests keep their bounds.

import { openLoop, type LoadSummary, type LoadTarget } from './open-loop.js'

/** Bound of the 99th percentile of the time to the first token, in microseconds. */
export const FIRST_BOUND_US = 100_000
/** Bound of the 99th percentile of the gaps between events, in microseconds. */
export const GAP_BOUND_US = 50_000
/** The lowest rate that is tried, in requests a second. */
export const LOWEST_RATE = 4
const HIGHEST_RATE = 4096
/** Requests of a loop, at least: a 99th percentile of fewer is noise. */
const LEAST_REQUESTS = 64
/** Halvings of the distance between a rate that keeps the bounds and one that does not. */
const HALVINGS = 2

/** An open loop and its measurements. */
export interface MeasuredLoad {
  readonly rate: number
  readonly summary: LoadSummary
}

/** The texts of the loops, and the seconds of each of them. */
export interface CapacityOptions {
  readonly seconds: number
  readonly tokens: number
  /** The lowest rate; default: 4 requests a second. */
  readonly from?: number
}

/** Returns whether all texts were whole and the latencies keep their bounds. */
function isBorne({ unfinished, first_p99_us, gap_p99_us }: LoadSummary): boolean {
  return unfinished === 0 && first_p99_us <= FIRST_BOUND_US && gap_p99_us <= GAP_BOUND_US
}

/**
 * Measures open loops: doubles the rate until the server does not bear it, and halves the distance then. Returns the loops in the order of
 * their rates, and the largest rate that is borne; 0 if none is.
 */
export async function capacityOf(
  target: LoadTarget,
  { seconds, tokens, from = LOWEST_RATE }: CapacityOptions
): Promise<{ loads: MeasuredLoad[]; rate: number }> {
  const loads: MeasuredLoad[] = []
  const borne = async (rate: number) => {
    const duration = Math.max(seconds, LEAST_REQUESTS / rate)
    const summary = await openLoop(target, { rate, seconds: duration, tokens, seed: Math.round(rate) })
    loads.push({ rate, summary })
    return isBorne(summary)
  }
  let [low, high] = [0, from]
  while (high <= HIGHEST_RATE && (await borne(high))) [low, high] = [high, 2 * high]
  for (let i = 0; i < HALVINGS && low > 0 && high <= HIGHEST_RATE; i++) {
    const middle = Math.round(Math.sqrt(low * high))
    if (await borne(middle)) low = middle
    else high = middle
  }
  return { loads: loads.sort((a, b) => a.rate - b.rate), rate: low }
}
