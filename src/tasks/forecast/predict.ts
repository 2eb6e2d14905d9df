// Forecasts of one series: its linear part, corrected by the network, value by value.

import { createSession } from '../../generate/session.js'
import type { Session } from '../../generate/session-types.js'
import type { Model } from '../../model.js'
import type { SeriesFacts } from './facts.js'
import { LEVELS, MEDIAN, NORMAL_LEVELS } from './levels.js'
import { transformOf } from './linear/transform.js'
import { outputOf, type ForecastOutput, type LinearForecast } from './outputs.js'
import type { ReaderShape, SeriesReader, StepValues } from './reader.js'
import type { OutputName } from './settings.js'
import { readerOf, type ForecastSeries } from './samples.js'

const COUNT = LEVELS.length

/** Shapes of the inputs and outputs of a network. */
export interface Shaped {
  readonly shape: ReaderShape
  readonly output: OutputName
}

/** The network on one series, from its first value on. */
export class SeriesPredictor implements Disposable {
  readonly reader: SeriesReader
  readonly facts: SeriesFacts
  /** Mean quantiles of the members in deviations of the linear part's errors, before the corrections of validation, [horizon * levels]. */
  readonly raw: Float64Array
  readonly #session: Session
  readonly #output: ForecastOutput
  /** Numbers of a member: those of the longest horizon of all series. */
  readonly #width: number

  constructor(model: Model, facts: SeriesFacts, { shape, output }: Shaped, series: ForecastSeries) {
    this.facts = facts
    this.#output = outputOf(output)
    this.reader = readerOf(facts, shape, series)
    this.raw = new Float64Array(facts.horizon * COUNT)
    this.#session = createSession(model)
    this.#width = shape.horizon * this.#output.start.length
  }

  /** Takes the values of the next step. */
  push(values: StepValues): void {
    this.reader.push(values)
    const all = this.#session.stepSync({ x: this.reader.inputs })['members'] as Float32Array
    const [raw, width, output] = [this.raw, this.#width, this.#output]
    const members = all.length / width
    raw.fill(0)
    for (let h = 0; h < this.facts.horizon; h++) {
      const of = this.#linear(h)
      const sum = { out: raw, to: h * COUNT, weight: 1 / members }
      for (let m = 0; m < members; m++) output.addQuantiles(all, m * width + h * output.start.length, of, sum)
    }
  }

  #linear(h: number): LinearForecast {
    const { transform, deviations } = this.facts
    const { forward, back } = transformOf(transform)
    const forecast = this.reader.forecast[h]!
    return { mean: back(forecast), inDeviations: (value) => (forward(value) - forecast) / deviations[h]! }
  }

  /** Returns the quantiles of the next values, [horizon] rows of levels, in the unit of the series. */
  quantiles(): Float64Array[] {
    return this.facts.deviations.map((_, h) => this.quantilesOf(h))
  }

  /** Returns the quantiles of the value `h + 1` steps later, in the unit of the series. */
  quantilesOf(h: number): Float64Array {
    const { facts, reader } = this
    const { back } = transformOf(facts.transform)
    const out = new Float64Array(COUNT)
    correct(this.raw, h, facts, out)
    for (let i = 0; i < COUNT; i++) out[i] = back(reader.forecast[h]! + facts.deviations[h]! * out[i]!)
    return out
  }

  dispose(): void {
    this.#session.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** Writes the corrected quantiles of horizon h to `out`, ascending, in deviations of the linear part's errors. */
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
