// A model of series from its file: forecasts of series, and sessions that take values as they come.

import { filled, number, object, optional, record } from '../../check/index.js'
import type { TimeSeries } from '../../data/series/series.js'
import { expected, show } from '../../errors.js'
import type { CheckpointFile } from '../../io/checkpoint.js'
import type { Model } from '../../model.js'
import { loadModel, type LoadedModel, type LoadOptions } from '../runs/load.js'
import type { ForecastConfig } from './config.js'
import { forecastShape } from './data.js'
import { factsOf, type SeriesFacts } from './facts.js'
import { memoryOf } from './linear/part.js'
import { readerShape } from './model.js'
import { SeriesPredictor } from './predict.js'
import { forecastTask } from './run.js'
import { valuesAt } from './samples.js'

/** A model of series that was loaded from a file. */
export interface LoadedForecaster extends LoadedModel<ForecastConfig> {
  /**
   * Returns a session that has read a series and takes its next values as they come. A series whose name the model does not know gets a linear part
   * from its own values. Throws ERR_CORPUS_EMPTY if the series is too short for a forecast, ERR_INVALID_OPTION if it lacks a covariate.
   */
  session(series: TimeSeries): ForecastSession
}

/** Quantiles of the values of a horizon. */
export interface Forecast {
  /** Medians of the next values, [horizon]. */
  readonly median: readonly number[]
  /** Quantiles at 0.1, 0.2 ... 0.9 of each of the next values, [horizon] rows, ascending. */
  readonly quantiles: readonly Float64Array[]
}

/** A series that is continued value by value, on the caller's thread, with a forecast after each. */
export interface ForecastSession extends Disposable {
  /** Number of values read. */
  readonly count: number
  /** The forecast after the last value. */
  readonly forecast: Forecast
  /**
   * Takes the next value, NaN if it is missing, and returns the forecast of those after it. `covariates` has the values of the covariates at this
   * step; those that are known ahead are read from the series that began the session. Throws ERR_INVALID_ARGUMENT for other values, ERR_DISPOSED
   * after `dispose`.
   */
  update(value: number, covariates?: Readonly<Record<string, number>>): Forecast
  dispose(): void
}

/**
 * Loads a model of series. Throws ERR_FILE_NOT_FOUND if the file does not exist, ERR_FILE_FORMAT if it is damaged, and ERR_WRONG_TASK if it is a
 * model of another task.
 */
export async function loadForecaster(
  source: string | CheckpointFile,
  options: LoadOptions = {}
): Promise<LoadedForecaster> {
  const loaded = await loadModel(forecastTask, source, options, () => 1)
  const { model, config } = loaded
  return { ...loaded, session: (series) => sessionOf(model, config, series) }
}

/** Returns the knowledge about a series: that of the training, or, for a series that it did not have, that of its first `count` values. */
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
    return new SeriesPredictor(model, facts, { shape: readerShape(config), output: config.network.output }, series)
  throw expected(
    'ERR_CORPUS_EMPTY',
    `at least ${least} values of ${show(series.name)}`,
    String(series.values.length),
    'take a longer part of it'
  )
}

const readCovariates = optional(record(number()))
const checkSeries = object<Pick<TimeSeries, 'name'>>({ name: filled })

function sessionOf(model: Model, config: ForecastConfig, series: TimeSeries): ForecastSession {
  checkSeries({ name: series.name }, 'the series')
  const predictor = predictorOf(model, config, series, factsFor(config, series))
  let count = 0
  for (; count < series.values.length; count++) predictor.push(valuesAt(series, count))
  const next = (): Forecast => {
    const quantiles = predictor.quantiles()
    return { quantiles, median: quantiles.map((row) => row[(row.length - 1) / 2]!) }
  }
  let forecast = next()
  const dispose = () => predictor.dispose()
  return {
    get count() {
      return count
    },
    get forecast() {
      return forecast
    },
    update(value, covariates) {
      const own = Number.isNaN(value) ? NaN : number()(value, 'the value')
      const given = readCovariates(covariates, 'the covariates') ?? {}
      const known = valuesAt(series, count)
      predictor.push({
        value: own,
        covariate: (name, later) => (later === 0 ? given[name] : undefined) ?? known.covariate(name, later)
      })
      count++
      return (forecast = next())
    },
    dispose,
    [Symbol.dispose]: dispose
  }
}
