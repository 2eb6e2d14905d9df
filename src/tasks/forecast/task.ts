// The task `forecast`: a model that forecasts the values of time series, with quantiles.

import type { TaskEntry } from '../task.js'
import { defineVerb } from '../verb.js'
import { FORECAST_TASK, forecastRunSettings } from './settings.js'
import {
  anomalyRecords,
  anomalySettings,
  forecastEvaluationSettings,
  forecastRecords,
  forecastSettings
} from './use-settings.js'

const TRAINING_NOTES = `
Examples:
  gatecell train forecast passengers.csv --time Month --target Passengers --out passengers.safetensors
  gatecell train forecast sales.csv --time date --target sales --series store,item --known price --out sales.safetensors
  gatecell train forecast elnino.csv --wide --season 12 --horizon 12 --out elnino.safetensors --holdout 0

Each series gets linear autoregressions, chosen and fitted on its training part; the LSTM networks learn to correct their forecasts. A first
training on the beginning of the training part chooses the number of epochs, then the networks are trained on all of it. The last 20 % of each
series are left for gatecell evaluate; --holdout 0 trains on everything.`

const FORECAST_NOTES = `
Examples:
  gatecell forecast passengers.safetensors passengers.csv --svg fan.svg
  gatecell forecast sales.safetensors sales.csv --only 'berlin, tea: sales' --csv next.csv --json
  gatecell forecast sales.safetensors sales.csv --samples 1000 --csv paths.csv

The file has the columns of the training and ends where the forecast begins. With columns that are known ahead, the rows after the last value
of the target hold their values. With --samples whole paths of the next values are drawn, whose sums have quantiles of their own.`

const ANOMALY_NOTES = `
Examples:
  gatecell anomalies passengers.safetensors passengers.csv --svg anomalies.svg
  gatecell anomalies sales.safetensors sales.csv --threshold 4 --json

Each value is compared with the forecast one step before it. A score of 3 is as rare as three standard deviations of a normal distribution: once
in 370 values.`

const EVALUATION_NOTES = `
Examples:
  gatecell evaluate passengers.safetensors passengers.csv

A model of series is measured on the values after its training part: the forecasts after every step, of all horizons, next to those of four
baselines that are fitted on the training part. MASE is the mean absolute error divided by the mean change over a season in the training part.`

const forecast = defineVerb({
  name: 'forecast',
  description: 'Forecasts the next values of time series with a trained model.',
  words: ['file'],
  settings: forecastSettings,
  records: forecastRecords,
  notes: FORECAST_NOTES,
  code: async () => (await import('./forecast.js')).forecastCode
})

const anomalies = defineVerb({
  name: 'anomalies',
  description: 'Finds the values of time series that a trained model did not expect.',
  words: ['file'],
  settings: anomalySettings,
  records: anomalyRecords,
  notes: ANOMALY_NOTES,
  code: async () => (await import('./anomalies.js')).anomalyCode
})

/** The task of models of time series. */
export const forecastEntry: TaskEntry = {
  id: FORECAST_TASK,
  summary: 'learn to forecast time series',
  description: 'Trains LSTM networks to forecast time series from CSV files, with quantiles for all horizons.',
  data: ['<csv...>', 'CSV files with a header; gzip is unpacked, - is standard input'],
  settings: forecastRunSettings,
  notes: TRAINING_NOTES,
  unit: 'steps',
  counted: 'value',
  lossUnit: 'deviations',
  measures: [
    { name: 'mase', unit: 'mean changes over a season', better: 'lower' },
    { name: 'smape', unit: 'percent', better: 'lower' },
    { name: 'crps', unit: 'mean changes over a season', better: 'lower' },
    { name: 'coverage', unit: 'share', better: 'higher' }
  ],
  verbs: [forecast, anomalies],
  next: 'forecast MODEL data.csv',
  evaluation: {
    settings: forecastEvaluationSettings,
    notes: EVALUATION_NOTES,
    words: [['<csv...>', 'CSV files with the columns of the training']]
  },
  model: async () => (await import('./run.js')).forecastTask,
  prepare: async (place, given, context) =>
    await (await import('./task-training.js')).prepareForecastTask(place, given, context),
  evaluate: async (input, context) => await (await import('./evaluate.js')).evaluateForecast(input as never, context)
}
