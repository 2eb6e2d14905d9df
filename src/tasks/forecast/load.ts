// A model of series from its file: forecasts of series, and sessions that take values as they come.

import {
  filled,
  integer,
  list,
  number,
  optional,
  options as optionsOf,
  seed as seedOf,
  signal as signalOf
} from '../../check/index.js'
import { createPace } from '../../data/files/pace.js'
import { checkSeries } from '../../data/series/check.js'
import type { TimeSeries } from '../../data/series/series.js'
import { timesAfter } from '../../data/series/times.js'
import { expected, show } from '../../errors.js'
import { readSignal, type SignalOptions } from '../../generate/session-types.js'
import type { CheckpointFile } from '../../io/checkpoint.js'
import type { Model } from '../../model.js'
import { loadModel, type LoadedModel, type LoadOptions } from '../runs/load.js'
import { scoreSeries, type Anomaly, type AnomalyOptions } from './anomaly-scores.js'
import type { ForecastConfig } from './config.js'
import { forecastShape, readForecastSeries } from './data.js'
import { drawPaths, MOST_PATHS } from './draws.js'
import { factsOf, type SeriesFacts } from './facts.js'
import { memoryOf } from './linear/part.js'
import { readerShape } from './model.js'
import { MOST_SCORE } from './normal-scores.js'
import { SeriesPredictor } from './predict.js'
import { forecastTask } from './run.js'
import { valuesAt } from './samples.js'
import { forecastOf, forecastSession, type Forecast, type ForecastSession } from './session.js'

/** The forecast after the last value of a series. */
export interface SeriesForecast extends Forecast {
  /** Times of the next values in ISO 8601, or numbers of rows, [horizon]. */
  readonly times: readonly string[]
  /** Draws of the next values together, as `ForecastSession.draw` returns them, [samples] rows of [horizon]. */
  readonly paths: readonly Float64Array[]
}

/** Options of `forecast`. */
export interface ForecastOptions extends SignalOptions {
  /** Number of paths to draw, 0 to 1,048,576; default 0. */
  samples?: number
  /** Seed of the draws, an integer from 0 to 2^53 - 1; default 0. */
  seed?: number
}

/** A forecaster: a model of time series that was loaded from a file. */
export interface LoadedForecaster extends LoadedModel<ForecastConfig> {
  /**
   * Reads the series of CSV files with the columns of the training. Throws the errors of `readSeries`, and ERR_INVALID_OPTION for two series of one
   * name.
   */
  read(files: readonly string[], options?: SignalOptions): Promise<TimeSeries[]>
  /**
   * Forecasts the values after the last one of a series. A series whose name the model does not have gets a linear part from its own values. Throws
   * ERR_CORPUS_EMPTY if the series is too short for a forecast, ERR_INVALID_OPTION if it lacks a covariate, ERR_INVALID_ARGUMENT for other
   * values, ERR_OUT_OF_RANGE for draws of more than 16,777,216 values, and ERR_ABORTED soon after `signal` aborts.
   */
  forecast(series: TimeSeries, options?: ForecastOptions): Promise<SeriesForecast>
  /**
   * Compares each value of a series with its forecast one step before, in the order of the times; missing values are left out. Throws what `forecast`
   * throws.
   */
  anomalies(series: TimeSeries, options?: AnomalyOptions): Promise<Anomaly[]>
  /** Returns a session that has read a series, on the caller's thread, and takes its next values as they come. Throws what `forecast` throws. */
  session(series: TimeSeries): ForecastSession
}

/**
 * Loads a forecaster. Throws ERR_FILE_NOT_FOUND if the file does not exist, ERR_FILE_FORMAT if it is damaged, and ERR_WRONG_TASK if it is a
 * model of another task.
 *
 * @example
 * using forecaster = await loadForecaster('passengers.safetensors')
 * const [series] = await forecaster.read(['passengers.csv'])
 * const { times, median, quantiles } = await forecaster.forecast(series) // 12 months with 9 quantiles each
 * const found = await forecaster.anomalies(series)
 * console.log(found.filter(({ score }) => Math.abs(score) > 3))
 * using session = forecaster.session(series)
 * console.log(session.score(432).probability, session.update(432).median)
 */
export async function loadForecaster(
  source: string | CheckpointFile,
  options: LoadOptions = {}
): Promise<LoadedForecaster> {
  const loaded = await loadModel(forecastTask, source, options, () => 1)
  const { model, config } = loaded
  const begin = (series: TimeSeries) => predictorOf(model, config, series, factsFor(config, series))
  return {
    ...loaded,
    async read(files, options) {
      const paths = readPaths(files, 'the files')
      return readForecastSeries(paths, config.table, readSignal(options, 'the options of read'))
    },
    async forecast(value, options) {
      const { signal, samples = 0, seed = 0 } = readForecastOptions(options, 'the options of forecast')
      const series = checkSeries(value, 'the series')
      using predictor = begin(series)
      const pace = createPace(signal)
      for (let t = 0; t < series.values.length; t++) {
        predictor.push(valuesAt(series, t))
        if (pace.due()) await pace.turn()
      }
      const times = timesOf(config, series, predictor.facts.horizon)
      return { ...forecastOf(predictor), times, paths: drawPaths(predictor, { count: samples, seed }) }
    },
    async anomalies(value, options) {
      const how = readAnomalies(options, 'the options of anomalies')
      const series = checkSeries(value, 'the series')
      using predictor = begin(series)
      return await scoreSeries(predictor, series, how)
    },
    session(value) {
      const series = checkSeries(value, 'the series')
      return forecastSession(begin(series), series)
    }
  }
}

const readPaths = list(filled, 1)
const readForecastOptions = optionsOf<ForecastOptions>({
  signal: optional(signalOf),
  samples: optional(integer(0, MOST_PATHS)),
  seed: optional(seedOf)
})
const readAnomalies = optionsOf<AnomalyOptions>({
  threshold: optional(number(0, MOST_SCORE)),
  signal: optional(signalOf)
})

/** Returns the times after the last one of a series. */
function timesOf({ table: { zone } }: ForecastConfig, series: TimeSeries, count: number): string[] {
  return timesAfter(series, count, zone === '' ? undefined : zone)
}

/** Returns the facts about a series: those of the training, or, for a series that it did not have, those of its first `count` values. */
export function factsFor(config: ForecastConfig, series: TimeSeries, count = series.values.length): SeriesFacts {
  const known = config.series.find(({ name }) => name === series.name)
  if (known) return known
  const shape = forecastShape(series, config.table)
  const longest = Math.max(...config.series.map(({ horizon }) => horizon))
  const mean = (of: (facts: SeriesFacts) => number) =>
    config.series.reduce((sum, one) => sum + of(one), 0) / config.series.length
  const own = factsOf(series, { ...shape, horizon: Math.min(shape.horizon, longest) }, count)
  return { ...own, share: mean(({ share }) => share), spread: mean(({ spread }) => spread) }
}

/** Throws ERR_INVALID_OPTION unless the series has the covariates of a model. */
function checkCovariates({ table, series: facts }: ForecastConfig, series: TimeSeries): void {
  const { known, observed } = readerShape({ table, series: facts })
  const missing = [...known, ...observed].find((name) => series.covariates[name] === undefined)
  if (missing === undefined) return
  throw expected(
    'ERR_INVALID_OPTION',
    `the covariate ${show(missing)} of ${show(series.name)}`,
    'none',
    'add this column'
  )
}

/** Returns a predictor of a series that has read nothing yet. */
export function predictorOf(
  model: Model,
  config: ForecastConfig,
  series: TimeSeries,
  facts: SeriesFacts
): SeriesPredictor {
  checkCovariates(config, series)
  const least = Math.max(...facts.parts.map(memoryOf))
  if (series.values.length >= least)
    return new SeriesPredictor(model, facts, { shape: readerShape(config), ...config.network }, series)
  throw expected(
    'ERR_CORPUS_EMPTY',
    `at least ${least} values of ${show(series.name)}`,
    String(series.values.length),
    'take a longer part of it'
  )
}
