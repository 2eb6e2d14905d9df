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
  svg: setting.product({ mediaType: 'image/svg+xml', help: 'the forecast of one series as a fan chart' }),
  csv: setting.product({ mediaType: 'text/csv', help: 'the quantiles as a table' }),
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
        quantiles: field.list(field.number('a quantile'), 'quantiles at the levels, ascending')
      },
      'the next values'
    )
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
  ...deviceSettings
} satisfies Group

/** Records of `anomalies`. */
export const anomalyRecords = {
  anomalies: {
    series: field.text('name of the series'),
    values: field.list(
      {
        time: field.text('time of the value'),
        value: field.number('the value'),
        expected: field.number('its median one step before'),
        score: field.number(
          'distance from the median in deviations of a normal distribution; negative below the median'
        ),
        probability: field.number('probability of a value that is at least as far away')
      },
      'the values that have a forecast, missing ones left out'
    )
  }
} satisfies Records

/** Declarations of the settings of an evaluation. */
export const forecastEvaluationSettings = { ...deviceSettings } satisfies Group

/** Settings of an evaluation. */
export type ForecastEvaluation = Values<typeof forecastEvaluationSettings>
