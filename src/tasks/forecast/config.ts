// Configuration of a model of series, as a checkpoint stores it: settings, and the facts about each series that were computed before the training.

import { invalid, list, number, object, open, type Check } from '../../check/index.js'
import type { JsonObject } from '../../io/json.js'
import { readStored, valuesCheck } from '../../settings/index.js'
import { checkDataFingerprint, type DataFingerprint } from '../runs/fingerprint.js'
import type { Training } from '../runs/settings.js'
import { checkSeriesFacts, type SeriesFacts } from './facts.js'
import {
  forecastTableSettings,
  forecastNetworkSettings,
  forecastTrainingSettings,
  type ForecastTable,
  type ForecastNetwork
} from './settings.js'

/** The result of the search before a training. */
export interface ForecastSearch {
  /** Number of epochs that validated best. */
  readonly epochs: number
  /** Error of the median on the validation part divided by that of the linear part, as a geometric mean over the series. */
  readonly ratio: number
}

/** Configuration of a model of series, which its file stores. */
export interface ForecastConfig {
  readonly table: ForecastTable
  readonly network: ForecastNetwork
  readonly training: Training
  readonly series: readonly SeriesFacts[]
  readonly search: ForecastSearch
  readonly data: DataFingerprint
}

const checkFields = open<ForecastConfig>({
  table: valuesCheck(forecastTableSettings),
  network: valuesCheck(forecastNetworkSettings),
  training: valuesCheck(forecastTrainingSettings),
  series: list(checkSeriesFacts, 1),
  search: object<ForecastSearch>({ epochs: number(1), ratio: number(0) }),
  data: checkDataFingerprint
})

const checkForecastConfig: Check<ForecastConfig> = (value, name) => {
  const config = checkFields(value, name)
  for (const { horizon, deviations, loadings, parts } of config.series) {
    const odd = loadings.find(({ length }) => length !== horizon)
    if (odd) throw invalid(`loadings of ${horizon} horizons`, `series in ${name}`, odd)
    if (deviations.length !== horizon) throw invalid(`${horizon} deviations`, `series in ${name}`, deviations)
    for (const { lags, coefficients } of parts) {
      const fits = lags.length === coefficients.length && lags.every((lag, i) => i === 0 || lag > lags[i - 1]!)
      if (!fits) throw invalid('ascending lags with a coefficient each', `series in ${name}`, lags)
    }
  }
  return config
}

/** Reads the configuration of the model file `path`. Throws ERR_FILE_FORMAT with the name of the first invalid part. */
export function forecastConfigFromJson(json: JsonObject, path: string): ForecastConfig {
  return readStored(checkForecastConfig, json, path)
}

/** Returns the names in a list with commas. */
export function namesIn(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}
