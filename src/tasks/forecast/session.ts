// A live session on one series: values come in one by one, and each gives a new forecast.

import { crc32 } from 'node:zlib'
import {
  anything,
  float64Array,
  integer,
  number,
  open,
  optional,
  options as optionsOf,
  record,
  seed,
  string
} from '../../check/index.js'
import { MOST_VALUE } from '../../data/series/numbers.js'
import type { TimeSeries } from '../../data/series/series.js'
import { expected, show } from '../../errors.js'
import type { SessionState } from '../../generate/session-types.js'
import { scoreNext, type ScoredValue } from './anomaly-scores.js'
import { drawPaths, MOST_PATHS } from './draws.js'
import { MEDIAN } from './levels.js'
import type { SeriesPredictor } from './predict.js'
import { valuesAt } from './samples.js'

/** Quantiles of the values of a horizon. */
export interface Forecast {
  /** Medians of the next values, [horizon], in the unit of the values. */
  readonly median: readonly number[]
  /** Quantiles at 0.1, 0.2 ... 0.9 of each of the next values, [horizon] rows, ascending. */
  readonly quantiles: readonly Float64Array[]
}

/** The value of a session between two updates. It is plain data, so that structured cloning can copy it to another thread. */
export interface ForecastSessionState {
  readonly version: 1
  /** Name of the series and time of its first value. */
  readonly series: string
  readonly first: string
  /** Checksum of the facts about the series, on which the memory depends. */
  readonly facts: number
  /** Number of values read. */
  readonly count: number
  /** The memory of the linear part and of the inputs, then the last output of the network. */
  readonly memory: Float64Array
  /** The state of the network. */
  readonly network: SessionState
}

/** Options of `ForecastSession.draw`. */
export interface DrawOptions {
  /** Number of paths, 1 to 1,048,576; default 100. */
  count?: number
  /** Seed of the draws, an integer from 0 to 2^53 - 1; default 0. */
  seed?: number
}

/** A series that is continued value by value, on the caller's thread, with a forecast after each. */
export interface ForecastSession extends Disposable {
  /** Number of values read. */
  readonly count: number
  /** The forecast after the last value. */
  readonly forecast: Forecast
  /**
   * Takes the next value, NaN if it is missing, and returns the forecast of those after it. `covariates` has the values of the covariates at this
   * step; those that are known ahead are read from the series that began the session. Takes microseconds. Throws ERR_INVALID_ARGUMENT for
   * values outside -1e150 to 1e150, ERR_DISPOSED after `dispose`, and ERR_BUSY while a step of a fit of the model is under way.
   */
  update(value: number, covariates?: Readonly<Record<string, number>>): Forecast
  /**
   * Compares a value with the forecast of the next one, and does not take it. Throws ERR_INVALID_ARGUMENT for a value outside -1e150 to 1e150,
   * and ERR_DISPOSED after `dispose`.
   */
  score(value: number): ScoredValue
  /**
   * Returns draws of the next values together, [count] rows of [horizon] values. Each horizon has the distribution of its forecast; the horizons
   * depend on each other as the errors of the linear part did on the training part (a Gaussian copula). Throws ERR_INVALID_ARGUMENT
   * for invalid options, ERR_OUT_OF_RANGE for more than 16,777,216 values, and ERR_DISPOSED after `dispose`.
   */
  draw(options?: DrawOptions): Float64Array[]
  /** Returns a copy of the session's value. Throws ERR_DISPOSED after `dispose`. */
  save(): ForecastSessionState
  /**
   * Replaces the session's value by a copy of `state`. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE unless the state is that of a session of the
   * same model on a series of the same name and beginning, and ERR_DISPOSED after `dispose`.
   */
  restore(state: ForecastSessionState): void
  /** Ends the session. Later calls throw ERR_DISPOSED; the last forecast can still be read. */
  dispose(): void
}

const readValue = number(-MOST_VALUE, MOST_VALUE)
const readCovariates = optional(record(readValue))
const readDraws = optionsOf<DrawOptions>({ count: optional(integer(1, MOST_PATHS)), seed: optional(seed) })
const readState = open<ForecastSessionState>({
  version: integer(1, 1),
  series: string,
  first: string,
  facts: integer(0),
  count: integer(0),
  memory: float64Array(),
  network: anything
})

/** Returns the forecast of a predictor after the last value that it has read. */
export function forecastOf(predictor: SeriesPredictor): Forecast {
  const quantiles = predictor.quantiles()
  return { quantiles, median: quantiles.map((row) => row[MEDIAN]!) }
}

/** Returns a session of a predictor that has read nothing yet; it first reads the series. */
export function forecastSession(predictor: SeriesPredictor, series: TimeSeries): ForecastSession {
  for (let t = 0; t < series.values.length; t++) predictor.push(valuesAt(series, t))
  const facts = crc32(JSON.stringify(predictor.facts))
  let forecast = forecastOf(predictor)
  let disposed = false
  const checkUse = () => {
    if (disposed) throw expected('ERR_DISPOSED', 'a session in use', 'one that was disposed of', 'create another one')
  }
  const dispose = () => {
    disposed = true
    predictor.dispose()
  }
  return {
    get count() {
      return predictor.reader.count
    },
    get forecast() {
      return forecast
    },
    update(value, covariates) {
      const own = Number.isNaN(value) ? NaN : readValue(value, 'the value')
      const given = readCovariates(covariates, 'the covariates') ?? {}
      const known = valuesAt(series, predictor.reader.count)
      predictor.push({
        value: own,
        covariate: (name, later) => (later === 0 ? given[name] : undefined) ?? known.covariate(name, later)
      })
      return (forecast = forecastOf(predictor))
    },
    score(value) {
      checkUse()
      return scoreNext(predictor, readValue(value, 'the value'))
    },
    draw(options) {
      checkUse()
      const { count = 100, seed = 0 } = readDraws(options, 'the options of draw')
      return drawPaths(predictor, { count, seed })
    },
    save: () => ({ version: 1, series: series.name, first: series.times[0]!, facts, ...predictor.save() }),
    restore(state) {
      const read = readState(state, 'the state of the session')
      const same = read.series === series.name && read.first === series.times[0] && read.facts === facts
      if (!same) {
        const what = `a state of ${show(series.name)} from ${series.times[0]!} on, by the same model`
        throw expected(
          'ERR_INVALID_ARGUMENT',
          what,
          `one of ${show(read.series)} from ${read.first} on`,
          'begin the session as the saved one'
        )
      }
      predictor.restore(read)
      forecast = forecastOf(predictor)
    },
    dispose,
    [Symbol.dispose]: dispose
  }
}
