// A training on series from files to files: the data, the facts about each series, the choices on the last part of the training data, and the
// training on all of it.

import { crc32 } from 'node:zlib'
import type { TimeSeries } from '../../data/series/series.js'
import { asyncIterable, callback, filled, list, object, optional, signal as signalOf } from '../../check/index.js'
import { expected, show } from '../../errors.js'
import { defaultsOf, givenFields, withDefaults } from '../../settings/index.js'
import { checkSameData, type DataFingerprint } from '../runs/fingerprint.js'
import { loadModel } from '../runs/load.js'
import { prepareRun } from '../runs/run.js'
import { runFields } from '../runs/run-types.js'
import type { Opened, RunData, RunOf, TrainableTask, TrainingRunOptions } from '../runs/run-types.js'
import { checkResumed, chooseTraining, given, settleTraining, type Training } from '../runs/settings.js'
import type { TaskModel } from '../runs/model-file.js'
import { forecastConfigFromJson, namesIn, type ForecastConfig } from './config.js'
import { readForecastSeries, forecastShape, type SeriesReading } from './data.js'
import { factsOf } from './facts.js'
import { forecastDefinition, readerShape } from './model.js'
import { stepsOf, windowBatches } from './samples.js'
import { selectForecast, type TrainedSeries } from './select.js'
import {
  FORECAST_TASK,
  forecastTableSettings,
  forecastNetworkSettings,
  forecastRunSettings,
  forecastTrainingSettings,
  type ForecastTable,
  type ForecastGiven
} from './settings.js'

/** Options of a training on series: files, settings, and functions that report and end the search before the training. */
export interface ForecastRunOptions extends TrainingRunOptions, ForecastGivenParts, SeriesReading {
  /** CSV files, at least one. */
  data: readonly string[]
  /** Called in the search with the finished share, 0 to 1. */
  onSearch?: (done: number) => void
}

const readRunOptions = object<ForecastRunOptions>({
  ...runFields,
  ...givenFields(forecastRunSettings),
  data: list(filled, 1),
  signal: optional(signalOf),
  stdin: optional(asyncIterable()),
  onSearch: optional(callback())
})

type ForecastGivenParts = Pick<ForecastGiven, 'table' | 'network' | 'training'>

/** A training on series that is ready to start. */
export type ForecastRun = RunOf<ForecastConfig, ForecastRunData, null>

/** The series of a training. */
export interface ForecastRunData extends RunData {
  /** The series, and the lengths of their parts to train on. */
  readonly trained: readonly TrainedSeries[]
}

/** The model of the task, as its files store it. */
export const forecastTask: TaskModel<ForecastConfig> = {
  task: FORECAST_TASK,
  configFromJson: forecastConfigFromJson,
  definition: forecastDefinition
}

/** Fewest values of the training part of a series. */
const FEWEST = 16

/** Returns the training parts. Throws ERR_CORPUS_EMPTY for a series that is too short, ERR_INVALID_OPTION for shapes that are too long for it. */
function trainedSeries(all: readonly TimeSeries[], table: ForecastTable): TrainedSeries[] {
  return all.map((series) => {
    const shape = forecastShape(series, table)
    const count = Math.floor((1 - table.holdout) * series.values.length)
    const least = Math.max(FEWEST, 2 * Math.max(shape.season, shape.horizon))
    if (count >= least) return { series, ...shape, count }
    throw expected(
      'ERR_CORPUS_EMPTY',
      `at least ${least} values of ${show(series.name)} to train on, two seasons and two horizons`,
      `${count} of ${series.values.length}`,
      'take more data, a shorter season or horizon, or a smaller holdout'
    )
  })
}

function fingerprintOf(trained: readonly TrainedSeries[]): DataFingerprint {
  let fingerprint = 0
  for (const { series, count } of trained) {
    const columns = [series.values, ...Object.values(series.covariates)]
    fingerprint = crc32(`${series.name} ${series.times[0]}`, fingerprint)
    for (const column of columns) fingerprint = crc32(new Uint8Array(column.slice(0, count).buffer), fingerprint)
  }
  return { train: trained.reduce((sum, { count }) => sum + count, 0), valid: 0, fingerprint }
}

type Options = ForecastRunOptions

async function open(options: Options, old: ForecastConfig | null): Promise<Opened<ForecastConfig, ForecastRunData>> {
  const named = { table: given(options.table), network: given(options.network), training: given(options.training) }
  if (old) checkResumed(named, old)
  const table = withDefaults(forecastTableSettings, { ...old?.table, ...named.table })
  const network = withDefaults(forecastNetworkSettings, { ...old?.network, ...named.network })
  const chosen = chooseTraining<Training>(named.training, old?.training, defaultsOf(forecastTrainingSettings))
  if (chosen.patience !== undefined) {
    const what = 'no patience for a training of forecasts, whose epochs a search chooses before it,'
    throw expected('ERR_INVALID_OPTION', what, `${chosen.patience}`, 'leave it out, or give the number of epochs')
  }
  const trained = trainedSeries(
    await readForecastSeries(options.data, table, given({ signal: options.signal, stdin: options.stdin })),
    table
  )
  const fingerprint = fingerprintOf(trained)
  checkSameData(old?.data, fingerprint, {
    data: 'the series',
    counted: 'values',
    found: `${fingerprint.train} other values`,
    cut: 'holdout'
  })
  const parts = old ?? (await learn(trained, { table, network, training: chosen }, options))
  // The search decides the number of epochs unless the caller limits the training in another way.
  const limited = old !== null || chosen.steps !== undefined || chosen.timeLimit !== undefined
  const training = limited ? chosen : { ...chosen, epochs: parts.search.epochs }
  const shape = readerShape({ table, series: parts.series })
  const steps = trained.map(({ series, count }, i) =>
    stepsOf(series, parts.series[i]!, { from: 0, end: count, shape, output: network.output })
  )
  const source = windowBatches(steps, { batch: training.batch, seed: training.seed, horizon: shape.horizon })
  const config = {
    table,
    network,
    training: settleTraining<Training>(training, source.stepsPerEpoch),
    series: parts.series,
    search: parts.search,
    data: fingerprint
  }
  const counts = { series: trained.length, values: fingerprint.train }
  return { config, data: { vocabulary: null, trained }, source, validation: null, counts, measured: 0 }
}

async function learn(
  trained: readonly TrainedSeries[],
  config: Pick<ForecastConfig, 'table' | 'network'> & { training: Omit<Training, 'validEvery'> },
  { signal, onSearch, threads }: Options
): Promise<Pick<ForecastConfig, 'series' | 'search'>> {
  const { corrections, ...search } = await selectForecast(trained, config, {
    ...given({ signal, threads, onProgress: onSearch })
  })
  const { known, observed } = config.table
  const names = [...namesIn(observed), ...namesIn(known)]
  const series = trained.map(({ series, season, horizon, count }, i) => {
    const own = { ...series, covariates: Object.fromEntries(names.map((name) => [name, series.covariates[name]!])) }
    return { ...factsOf(own, { season, horizon }, count), ...corrections[i]! }
  })
  return { series, search }
}

const trainable: TrainableTask<Options, ForecastConfig, ForecastRunData, null> = {
  ...forecastTask,
  open,
  load: async (source) => await loadModel(forecastTask, source, {}, () => 1),
  // The data to validate are part of the training: the search has measured already.
  measure: async () => await Promise.resolve(null)
}

/**
 * Prepares a training on series: reads the files, chooses the linear parts and, in a first training on the beginning of the training data, the
 * number of epochs and the corrections; `fit` of the result trains on all of the training data. Throws the errors of `readSeries`,
 * ERR_INVALID_OPTION for settings that contradict each other or a run that is resumed, ERR_CORPUS_EMPTY for a series that is too short, and,
 * for files, ERR_FILE_EXISTS, ERR_FILE_WRITE, ERR_FILE_FORMAT and ERR_BUSY.
 *
 * @example
 * const run = await prepareForecastRun({
 *   data: ['passengers.csv'],
 *   out: 'forecaster.safetensors',
 *   table: { time: 'Month', target: 'Passengers' },
 *   training: { epochs: 30 }
 * })
 * await run.fit({ onReport: ({ step, loss }) => console.log(step, loss) })
 * run.dispose()
 */
export async function prepareForecastRun(options: ForecastRunOptions): Promise<ForecastRun> {
  return prepareRun(trainable, readRunOptions(options, 'the options of the run'))
}
