// Settings and records of the uses of a model of series: forecasts, anomalies, evaluation.

import { field, setting, type Group, type Values } from '../../settings/index.js'
import { deviceSettings } from '../runs/settings.js'
import { fileFields, type Records } from '../verb.js'

const data = setting.content({
  mediaType: 'text/csv',
  flag: null,
  help: 'CSV file with the columns of the training; - for standard input'
})

/** Declarations of the settings of `forecast`. */
export const forecastSettings = {
  file: data,
  only: setting.text({ absent: true, argument: '<name>', help: 'name of the series to forecast' }),
  samples: setting.integer({
    min: 0,
    max: 100_000,
    argument: '<paths>',
    default: 0,
    help: 'paths of the next values to draw: columns of the table, and quantiles of the sum'
  }),
  seed: setting.integer({ min: 0, default: 0, help: 'seed of the draws' }),
  svg: setting.product({ mediaType: 'image/svg+xml', help: 'the forecasts as fan charts' }),
  csv: setting.product({ mediaType: 'text/csv', help: 'the quantiles as a table, then the draws' }),
  ...deviceSettings
} satisfies Group

/** Records of `forecast`. */
export const forecastRecords = {
  file: fileFields,
  forecast: {
    series: field.text('name of the series'),
    levels: field.list(field.number('level of a quantile'), 'levels of the quantiles'),
    steps: field.list(
      {
        time: field.text('time of the value'),
        median: field.number('median of the value'),
        quantiles: field.list(field.number('a quantile'), 'quantiles at the levels, ascending'),
        draws: field.optional(field.list(field.number('the value on a path'), 'the draws, path by path'))
      },
      'the next values'
    ),
    sum: field.optional(field.list(field.number('a quantile'), 'quantiles of the sum of the next values, by the draws'))
  }
} satisfies Records

/** Declarations of the settings of `anomalies`. */
export const anomalySettings = {
  file: data,
  only: setting.text({ absent: true, argument: '<name>', help: 'name of the series to score' }),
  threshold: setting.number({
    min: 0,
    max: 100,
    default: 3,
    help: 'score from which a value is printed; the network reads farther values as if they had this score'
  }),
  svg: setting.product({
    mediaType: 'image/svg+xml',
    help: 'the values, their expected ranges and those from the threshold on as a picture'
  }),
  ...deviceSettings
} satisfies Group

/** Records of `anomalies`. */
export const anomalyRecords = {
  file: fileFields,
  anomalies: {
    series: field.text('name of the series'),
    values: field.list(
      {
        time: field.text('time of the value'),
        value: field.number('the value'),
        expected: field.number('its median one step before'),
        lower: field.number('lower end of its 80 % interval one step before'),
        upper: field.number('upper end of this interval'),
        score: field.number(
          'distance from the median in standard deviations of a normal distribution; negative below the median'
        ),
        probability: field.number('probability of a value that is at least as far away')
      },
      'the values that have a forecast, missing ones left out'
    )
  }
} satisfies Records

/** Declarations of the settings of an evaluation. */
export const forecastEvaluationSettings = {
  samples: setting.integer({
    min: 0,
    max: 100_000,
    argument: '<paths>',
    default: 0,
    help: 'paths drawn from every origin, to measure the sums over the horizon, too'
  }),
  ...deviceSettings
} satisfies Group

/** Settings of an evaluation. */
export type ForecastEvaluation = Values<typeof forecastEvaluationSettings>
