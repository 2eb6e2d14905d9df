// Settings of the data, the network and the training of the task.

import { MAX_SIZE, setting, type Given, type Group, type Values } from '../../settings/index.js'
import { processSettings, trainingSettings } from '../runs/settings.js'

/** Name of the task in model files and on the command line. */
export const FORECAST_TASK = 'forecast'

/** Names of the outputs of the network. */
export const outputNames = ['quantiles', 'gaussian', 'student', 'negative-binomial'] as const
/** The name of an output. */
export type OutputName = (typeof outputNames)[number]

const columns = '<columns>'

/** Declarations of the settings of the table: the columns of the CSV file and the shapes of its series. */
export const forecastTableSettings = {
  target: setting.text({
    argument: columns,
    default: '',
    defaultText: 'the values of a matrix',
    help: 'columns to forecast, with commas between them'
  }),
  time: setting.text({
    argument: '<column>',
    default: '',
    defaultText: 'the rows are equal steps',
    help: 'column with dates or times'
  }),
  series: setting.text({
    argument: columns,
    default: '',
    defaultText: 'one series',
    help: 'columns whose values name the series of a row'
  }),
  known: setting.text({
    argument: columns,
    default: '',
    defaultText: 'none',
    help: 'columns of numbers that are known ahead, such as prices or holidays'
  }),
  observed: setting.text({
    argument: columns,
    default: '',
    defaultText: 'none',
    help: 'columns of numbers that are known up to the time of the forecast'
  }),
  season: setting.text({
    argument: '<steps>',
    default: '',
    defaultText: 'by the step: 12 months, 52 weeks, 7 days, 24 hours, else 1',
    help: 'steps of a season; 1: none; for several series name=steps,name=steps'
  }),
  horizon: setting.text({
    argument: '<steps>',
    default: '',
    defaultText: 'a season, without one 5',
    help: 'steps to forecast, or name=steps,name=steps'
  }),
  holdout: setting.number({
    min: 0,
    max: 0.9,
    argument: '<share>',
    default: 0.2,
    help: 'last part of each series that is not trained on, for evaluate; 0: train on everything'
  }),
  wide: setting.flag({
    default: false,
    help: 'the file is a matrix: a row for each year, a column for each month or quarter'
  }),
  dateFormat: setting.text({
    argument: '<format>',
    default: '',
    defaultText: 'forms with one meaning',
    help: 'format of the dates, such as dd/MM/yyyy'
  }),
  zone: setting.text({
    default: '',
    argument: '<zone>',
    defaultText: 'the offset in the file, or none',
    help: 'time zone of the times, such as Europe/Berlin'
  }),
  decimal: setting.choice(['point', 'comma'], { default: 'point', help: 'decimal sign' })
} satisfies Group

/** Declarations of the settings of the network. */
export const forecastNetworkSettings = {
  output: setting.choice(outputNames, {
    default: 'quantiles',
    help: 'outputs of the network for each of the next values: quantiles, or the parameters of a distribution (negative-binomial: of counts)'
  }),
  hidden: setting.integer({ min: 1, max: MAX_SIZE, default: 32, help: 'units of a layer' }),
  layers: setting.integer({ min: 1, max: 8, default: 1, help: 'LSTM layers' }),
  members: setting.integer({
    min: 1,
    max: 32,
    default: 3,
    help: 'networks with different initial weights, whose quantiles are averaged'
  }),
  dropout: setting.number({
    min: 0,
    below: 1,
    default: 0.2,
    help: 'dropout between the layers and before the last one; half of it on the inputs'
  })
} satisfies Group

/** Declarations of the settings of the training. */
export const forecastTrainingSettings = {
  ...trainingSettings({
    batch: 16,
    epochs: 60,
    clip: 1,
    learningRate: 0.002,
    data: 'series at most; the number that validates best is taken',
    seeded: 'weights, windows and dropout'
  }),
  schedule: setting.choice(['constant', 'cosine', 'plateau'], {
    default: 'constant',
    help: 'schedule of the learning rate; the search for the number of epochs has a constant rate'
  }),
  average: setting.number({
    min: 1e-6,
    max: 0.9999999,
    argument: '<decay>',
    default: 0.98,
    help: 'save an exponential average of the weights with this decay per step'
  })
}

/** Declarations of all settings of a training. */
export const forecastRunSettings = {
  table: forecastTableSettings,
  network: forecastNetworkSettings,
  training: forecastTrainingSettings,
  ...processSettings
} satisfies Group

/** Settings of the table. */
export type ForecastTable = Values<typeof forecastTableSettings>
/** Settings of the network. */
export type ForecastNetwork = Values<typeof forecastNetworkSettings>
/** Options of a training on series. */
export type ForecastGiven = Given<typeof forecastRunSettings>
