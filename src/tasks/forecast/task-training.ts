// A training on series as a run with its descriptions, for `gatecell train`.

import { counted } from '../../errors.js'
import { grouped, percent } from '../../format.js'
import type { RunPlace, TaskContext, TaskRun } from '../task.js'
import { prepareForecastRun, type ForecastRun } from './run.js'
import type { ForecastGiven } from './settings.js'

/** Returns a training on series that is ready to start. Throws the errors of `prepareForecastRun`. */
export async function prepareForecastTask(
  { data: files, ...place }: RunPlace,
  given: ForecastGiven,
  context: TaskContext
): Promise<TaskRun<null>> {
  const { signal, progress } = context
  const run = await prepareForecastRun({
    ...given,
    ...place,
    data: files,
    signal,
    ...(files.includes('-') && { stdin: context.stdin() }),
    onSearch: (done) => progress.show('choosing the number of epochs', done)
  })
  progress.clear()
  const { network, training, search } = run.config
  return {
    run,
    introduction: {
      data: dataText(run),
      network: `${counted(network.members, 'member')} of ${network.layers} x ${network.hidden} LSTM, which correct a linear part`,
      step: counted(training.batch, 'window')
    },
    facts: { epochs_chosen: search.epochs, error_by_linear: search.ratio, series: seriesFacts(run) },
    measured: () => ({ values: {}, facts: {} })
  }
}

function dataText({ trained, config: { search } }: ForecastRun): string {
  const values = trained.reduce((sum, { count }) => sum + count, 0)
  const missing = trained.reduce((sum, { series }) => sum + series.missing, 0)
  const gaps = missing > 0 ? `, ${grouped(missing)} missing` : ''
  const chosen = `${counted(search.epochs, 'epoch')} validated best: ${percent(search.ratio)} of the linear part's error`
  return `${grouped(trained.length)} series with ${counted(values, 'value')} to train on${gaps}; ${chosen}`
}

function seriesFacts({ trained, config }: ForecastRun) {
  return trained.map(({ series, season, horizon, count }, i) => {
    const { share, spread, parts, transform } = config.series[i]!
    const linear = parts.map(({ transform, difference, lags }) => ({ transform, difference, lags: [...lags] }))
    return {
      name: series.name,
      season,
      horizon,
      values: count,
      missing: series.missing,
      transform,
      linear,
      share,
      spread
    }
  })
}
