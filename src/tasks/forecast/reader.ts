// The inputs of the network for one series, step by step, each a function of the values so far: training, evaluation and a live session read them
// from the same place. They have no unit: differences and forecasts are divided by deviations of the series.

import { LEVEL_LEAST, LEVEL_SEASONS, type SeriesFacts } from './facts.js'
import { MeanReader } from './linear/mean.js'
import { transformOf } from './linear/transform.js'

/** Horizons of the linear part that the network reads, as shares of the horizon. */
const SEEN = [0, 1 / 3, 2 / 3, 1]
/** Inputs of a step before those of the covariates. */
const OWN_INPUTS = 10 + SEEN.length

/** Names of the covariates, and the horizon of the network, the longest one of its series. */
export interface ReaderShape {
  /** Known for the steps of the horizon, too. */
  readonly known: readonly string[]
  readonly observed: readonly string[]
  readonly horizon: number
}

/** Returns the number of inputs of the network. */
export function inputCount({ known, observed, horizon }: ReaderShape): number {
  return OWN_INPUTS + 2 * observed.length + (2 + horizon) * known.length
}

/** Limits an input to 6 either way, so that an outlier does not drive the network far from its training; 0 for a missing one. */
const bounded = (value: number) => (Number.isNaN(value) ? 0 : Math.max(-6, Math.min(6, value)))

/** The value of a step, and a function that returns a covariate some steps later, 0 for this step. NaN: missing. */
export interface StepValues {
  readonly value: number
  covariate(name: string, later: number): number
}

/** The inputs of the network for one series, and its linear forecast, while values come in. */
export class SeriesReader {
  /** The inputs of the last step. */
  readonly inputs: Float32Array
  /** The linear forecasts of transformed values after the last step, [horizon]; meaningful if `ready`. */
  readonly forecast: Float64Array
  readonly #facts: SeriesFacts
  readonly #shape: ReaderShape
  readonly #mean: MeanReader
  /** The last transformed values, oldest first. */
  readonly #recent: Float64Array
  readonly #phase: number
  readonly #seasonsPerStep: number
  #count = 0

  /** `phase`: place of the first value in its season, 0 to 1; `seasonsPerStep`: share of a season that a step is, see `calendar.ts`. */
  constructor(
    facts: SeriesFacts,
    shape: ReaderShape,
    { phase, seasonsPerStep }: { phase: number; seasonsPerStep: number }
  ) {
    const { season, horizon } = facts
    this.#facts = facts
    this.#shape = shape
    this.#mean = new MeanReader(facts)
    this.#recent = new Float64Array(Math.max(LEVEL_SEASONS * season, LEVEL_LEAST, 2 * season) + 1)
    this.#phase = phase
    this.#seasonsPerStep = seasonsPerStep
    this.forecast = new Float64Array(horizon)
    this.inputs = new Float32Array(inputCount(shape))
  }

  /** Whether there were enough values for a forecast. */
  get ready(): boolean {
    return this.#mean.ready
  }

  /** Number of steps taken. */
  get count(): number {
    return this.#count
  }

  /** The numbers that, with the count, determine all later inputs and forecasts. */
  get memory(): readonly Float64Array[] {
    return [this.#recent, this.forecast, ...this.#mean.memory]
  }

  /** Sets the number of steps taken, after the memory was written. */
  set count(count: number) {
    this.#count = count
    this.#mean.count = count
  }

  /** Takes the next step. */
  push(step: StepValues): void {
    const { value } = step
    const { transform, deviations, season, seasonal, level } = this.#facts
    const { inputs, forecast } = this
    const recent = this.#recent
    const missing = Number.isNaN(value)
    const [was, expectation] = [this.ready, forecast[0]!]
    const z = missing
      ? was
        ? expectation
        : this.#count > 0
          ? recent.at(-1)!
          : 0
      : transformOf(transform).forward(value)
    const kept = Math.min(this.#count, recent.length - 1)
    let mean = 0
    for (let i = recent.length - kept; i < recent.length; i++) mean += recent[i]! / kept
    recent.copyWithin(0, 1)
    recent[recent.length - 1] = z
    this.#count++
    this.#mean.push(value, forecast)
    const before = (distance: number) =>
      distance < this.#count ? (z - recent[recent.length - 1 - distance]!) / seasonal : 0
    let at = 0
    const put = (input: number) => (inputs[at++] = bounded(input))
    put(was ? (z - expectation) / deviations[0]! : 0)
    put(before(season))
    put(before(2 * season) / Math.SQRT2)
    put(kept > 0 ? (z - mean) / level : 0)
    for (const share of SEEN) put(this.ready ? (forecast[Math.round(share * (forecast.length - 1))]! - z) / level : 0)
    put(missing ? 1 : 0)
    put(Math.log1p(this.#count / season) / 4)
    this.#calendar(put)
    this.#covariates(step, put)
  }

  /** Puts sine and cosine of the place in the season. */
  #calendar(put: (input: number) => void): void {
    const angle = 2 * Math.PI * (this.#phase + this.#seasonsPerStep * (this.#count - 1))
    const seasonal = this.#facts.season > 1 ? 1 : 0
    for (const harmonic of [1, 2]) {
      put(seasonal * Math.sin(harmonic * angle))
      put(seasonal * Math.cos(harmonic * angle))
    }
  }

  #covariates(step: StepValues, put: (input: number) => void): void {
    const { known, observed, horizon } = this.#shape
    const scaled = (name: string, later: number) => {
      const { mean, deviation } = this.#facts.covariates[name]!
      return (step.covariate(name, later) - mean) / deviation
    }
    for (const name of [...observed, ...known]) {
      const own = scaled(name, 0)
      put(own)
      put(Number.isNaN(own) ? 1 : 0)
    }
    for (const name of known) for (let h = 1; h <= horizon; h++) put(scaled(name, h))
  }
}
