// Forecasts of one series: its linear part, corrected by the network, value by value.

import { float64Array } from '../../check/index.js'
import { createSession } from '../../generate/session.js'
import type { Session, SessionState } from '../../generate/session-types.js'
import type { Model } from '../../model.js'
import type { SeriesFacts } from './facts.js'
import { LEVELS, MEDIAN, NORMAL_LEVELS } from './levels.js'
import { transformOf } from './linear/transform.js'
import { LEVEL_PLACES, placeOfScore, valueOfScore, type QuantilePlace } from './normal-scores.js'
import { outputOf, type ForecastOutput, type LinearForecast } from './outputs.js'
import type { ReaderShape, SeriesReader, StepValues } from './reader.js'
import type { OutputName } from './settings.js'
import { readerOf, type ForecastSeries } from './samples.js'

const COUNT = LEVELS.length

/** The inputs and outputs of a network. */
export interface Shaped {
  readonly shape: ReaderShape
  readonly output: OutputName
  readonly members: number
}

/** The value of a predictor between two steps: plain data. */
export interface PredictorState {
  /** Number of steps taken. */
  readonly count: number
  /** Numbers of the reader, then the last output of the network. */
  readonly memory: Float64Array
  readonly network: SessionState
}

/** The network on one series, from its first value on. */
export class SeriesPredictor implements Disposable {
  readonly reader: SeriesReader
  readonly facts: SeriesFacts
  /** Mean quantiles of the members before the corrections, in units of the deviations of the linear part's errors, [horizon * levels]. */
  readonly raw: Float64Array
  readonly #session: Session
  readonly #output: ForecastOutput
  /** The last output of the network, member by member. */
  readonly #numbers: Float64Array
  /** Numbers of a member: those of the longest horizon of all series. */
  readonly #width: number

  constructor(model: Model, facts: SeriesFacts, { shape, output, members }: Shaped, series: ForecastSeries) {
    this.facts = facts
    this.#output = outputOf(output)
    this.reader = readerOf(facts, shape, series)
    this.raw = new Float64Array(facts.horizon * COUNT)
    this.#session = createSession(model)
    this.#width = shape.horizon * this.#output.start.length
    this.#numbers = new Float64Array(members * this.#width)
  }

  /** Takes the values of the next step and computes the forecast after it, on the caller's thread. */
  push(values: StepValues): void {
    this.reader.push(values)
    this.#numbers.set(this.#session.stepSync({ x: this.reader.inputs })['members'] as Float32Array)
    this.#read()
  }

  /** Reads the quantiles from the numbers of the network. */
  #read(): void {
    for (let h = 0; h < this.facts.horizon; h++) {
      const of = this.#linear(h)
      for (let i = 0; i < COUNT; i++) this.raw[h * COUNT + i] = this.#mean(h, of, LEVEL_PLACES[i]!)
    }
  }

  /** Returns the mean of the members' quantiles at a place. */
  #mean(h: number, of: LinearForecast, place: QuantilePlace): number {
    const [numbers, width, output] = [this.#numbers, this.#width, this.#output]
    const at = h * output.start.length
    let sum = 0
    for (let begin = 0; begin < numbers.length; begin += width) sum += output.quantile(numbers, begin + at, of, place)
    return (sum * width) / numbers.length
  }

  #linear(h: number): LinearForecast {
    const { transform, deviations } = this.facts
    const { forward, back } = transformOf(transform)
    const forecast = this.reader.forecast[h]!
    return { mean: back(forecast), inDeviations: (value) => (forward(value) - forecast) / deviations[h]! }
  }

  /** Returns the value that is `deviations` deviations above the forecast of the linear part. */
  #value(h: number, deviations: number): number {
    return transformOf(this.facts.transform).back(this.reader.forecast[h]! + this.facts.deviations[h]! * deviations)
  }

  /** Returns the quantiles of the next values, [horizon] rows of [levels], in the unit of the series. */
  quantiles(): Float64Array[] {
    return this.facts.deviations.map((_, h) => this.quantilesOf(h))
  }

  /** Returns the quantiles of the value `h + 1` steps later, in the unit of the series. */
  quantilesOf(h: number): Float64Array {
    const out = new Float64Array(COUNT)
    correct(this.raw, h, this.facts, out)
    for (let i = 0; i < COUNT; i++) out[i] = this.#value(h, out[i]!)
    return out
  }

  /**
   * Returns the value `h + 1` steps later as a function of its score. At the levels of the forecast these are its quantiles; between and beyond them
   * they are those of the network's distribution or, if the network gives quantiles, interpolated. Counts are rounded.
   */
  curveOf(h: number): (score: number) => number {
    const { share, spread } = this.facts
    const corrected = new Float64Array(COUNT)
    correct(this.raw, h, this.facts, corrected)
    if (this.#output.start.length === COUNT) return (score) => this.#value(h, valueOfScore(corrected, 0, score))
    const [of, median] = [this.#linear(h), corrected[MEDIAN]!]
    const { counts } = this.#output
    return (score) => {
      const mixed = share * this.#mean(h, of, placeOfScore(score)) + (1 - share) * score
      const value = this.#value(h, median + spread * (mixed - median))
      return counts ? Math.max(0, Math.round(value)) : value
    }
  }

  /** Returns a copy of the predictor's value. */
  save(): PredictorState {
    const { count } = this.reader
    const all = [...this.reader.memory, this.#numbers]
    const memory = new Float64Array(all.reduce((sum, { length }) => sum + length, 0))
    all.reduce((at, one) => (memory.set(one, at), at + one.length), 0)
    return { count, memory, network: this.#session.save() }
  }

  /** Replaces the predictor's value. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE for one of another model or series. */
  restore({ count, memory, network }: PredictorState): void {
    const all = [...this.reader.memory, this.#numbers]
    float64Array(all.reduce((sum, { length }) => sum + length, 0))(memory, 'memory of the state')
    this.#session.restore(network)
    all.reduce((at, one) => (one.set(memory.subarray(at, at + one.length)), at + one.length), 0)
    this.reader.count = count
    this.#read()
  }

  dispose(): void {
    this.#session.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/**
 * Writes the corrected quantiles of horizon h to `out`, [levels], ascending, in units of the deviations of the linear part's errors. `raw` are the
 * quantiles of the network, [horizon * levels].
 */
export function correct(
  raw: Float64Array,
  h: number,
  { share, spread }: Pick<SeriesFacts, 'share' | 'spread'>,
  out: Float64Array
): void {
  for (let i = 0; i < COUNT; i++) out[i] = share * raw[h * COUNT + i]! + (1 - share) * NORMAL_LEVELS[i]!
  out.sort()
  const median = out[MEDIAN]!
  for (let i = 0; i < COUNT; i++) out[i] = median + spread * (out[i]! - median)
}
