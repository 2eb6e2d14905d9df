// Histograms of an engine: the times and rows of its steps, and the time that generations wait. Adding to them allocates nothing.

import type { EngineHistogram, EngineMeasures } from './types.js'

/** A histogram that grows. */
export class Tally implements EngineHistogram {
  readonly bounds: readonly number[]
  readonly counts: number[]
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = Array<number>(bounds.length + 1).fill(0)
  }

  /** Adds a value `times` times. */
  add(value: number, times = 1): void {
    let at = 0
    while (at < this.bounds.length && value > this.bounds[at]!) at++
    this.counts[at]! += times
    this.sum += value * times
  }
}

/** Bounds of times in seconds, from 50 microseconds on. */
export const TIME_BOUNDS: readonly number[] = [
  50e-6, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30
]

/** Returns histograms without values. */
export function createMeasures(): EngineMeasures & Readonly<Record<keyof EngineMeasures, Tally>> {
  return {
    tickSeconds: new Tally(TIME_BOUNDS),
    tickRows: new Tally(Array.from({ length: 13 }, (_, i) => 2 ** i)),
    queueSeconds: new Tally(TIME_BOUNDS)
  }
}
