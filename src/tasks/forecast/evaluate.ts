// The measure of a model of series: forecasts of all horizons after every step of the values after its training part, next to baselines.

import type { TimeSeries } from '../../data/series/series.js'
import { createPace } from '../../data/files/pace.js'
import { counted, expected, show } from '../../errors.js'
import { duration, grouped, percent } from '../../format.js'
import type { JsonObject } from '../../io/json.js'
import { engineOptions } from '../runs/settings.js'
import type { ModelInput, TaskContext, TaskMeasurement } from '../task.js'
import { lastOrigin } from './baselines/baseline.js'
import { baselines } from './baselines/index.js'
import { readForecastSeries } from './data.js'
import type { SeriesFacts } from './facts.js'
import { factsFor, loadForecaster, predictorOf, type LoadedForecaster } from './load.js'
import { transformOf } from './linear/transform.js'
import { valuesAt } from './samples.js'
import { geometricMean, scoresJson, ScoredForecasts, type Scores } from './scores.js'
import { ScoredTotals, totalsJson, type TotalScores } from './totals.js'
import type { ForecastEvaluation } from './use-settings.js'

/** Share of a series that is measured if the training did not have the series. */
const UNSEEN_SHARE = 0.2

/** The baseline that has no part in `ratio`, but in `ratio_all`. */
const AUTOREGRESSION = 'linear autoregression'

/** The measure of one series. */
interface Measured {
  readonly name: string
  readonly facts: SeriesFacts
  readonly own: Scores
  /** Those of the linear part without the network. */
  readonly linear: Scores
  readonly count: number
  readonly others: ReadonlyMap<string, Scores>
  /** Scores of sums over the horizon; null if no paths were drawn, or no sum is known. */
  readonly totals: ReturnType<ScoredTotals['scores']>
}

/**
 * Measures a forecaster on the values of each series after its training part. Throws the errors of `loadForecaster` and `readForecastSeries`,
 * ERR_INVALID_OPTION for a series without such values, and ERR_ABORTED.
 */
export async function evaluateForecast(
  { model: file, words, options }: ModelInput<ForecastEvaluation>,
  { signal, stdin, progress }: TaskContext
): Promise<TaskMeasurement> {
  const begin = performance.now()
  using loaded = await loadForecaster(file, engineOptions(options))
  const all = await readForecastSeries(words, loaded.config.table, {
    signal,
    ...(words.includes('-') && { stdin: stdin() })
  })
  const measured: Measured[] = []
  for (const [i, series] of all.entries()) {
    progress.show(`measuring ${series.name}`, i / all.length)
    measured.push(await measureSeries(loaded, series, { signal, samples: options.samples }))
  }
  progress.clear()
  return summary(measured, (performance.now() - begin) / 1000)
}

/** Returns the number of values that were trained on. Throws ERR_INVALID_OPTION for a file that ends before or there. */
function trainedCount({ config }: LoadedForecaster, series: TimeSeries): number {
  const known = config.series.find(({ name }) => name === series.name)
  const count = known ? series.times.indexOf(known.last) + 1 : Math.floor((1 - UNSEEN_SHARE) * series.values.length)
  if (count > 0 && count < series.values.length) return count
  const after = known ? `the time ${known.last}, with which the training ended` : 'four fifths of it'
  throw expected(
    'ERR_INVALID_OPTION',
    `values of ${show(series.name)} after ${after}`,
    `values from ${series.times[0]!} to ${series.times.at(-1)!}`,
    'evaluate on newer data, or train with a holdout'
  )
}

async function measureSeries(
  loaded: LoadedForecaster,
  series: TimeSeries,
  { signal, samples }: { signal: AbortSignal; samples: number }
): Promise<Measured> {
  const count = trainedCount(loaded, series)
  const facts = factsFor(loaded.config, series, count)
  const { horizon, scale } = facts
  const { values } = series
  // The last step whose whole horizon is known, so that all horizons have the same weight.
  const last = lastOrigin(values.length, { begin: count, horizon }) - 1
  const pace = createPace(signal)
  const { back } = transformOf(facts.transform)
  const [own, linear] = [new ScoredForecasts(), new ScoredForecasts()]
  const totals = new ScoredTotals(samples)
  using predictor = predictorOf(loaded.model, loaded.config, series, facts)
  for (let t = 0; t <= last; t++) {
    predictor.push(valuesAt(series, t))
    if (pace.due()) await pace.turn()
    if (t < count - 1) continue
    totals.add(predictor, values.subarray(t + 1, t + 1 + horizon))
    for (let h = 0; h < horizon && t + 1 + h < values.length; h++) {
      const value = values[t + 1 + h]!
      own.add(value, predictor.quantilesOf(h))
      linear.add(value, back(predictor.reader.forecast[h]!))
    }
  }
  const others = new Map<string, Scores>()
  for (const baseline of baselines) {
    const forecasts = baseline.forecasts(values, count, facts)
    const sum = new ScoredForecasts()
    for (let t = count - 1; t <= last; t++) {
      if (pace.due()) await pace.turn()
      const forecast = forecasts(t)
      for (let h = 0; h < horizon && t + 1 + h < values.length; h++) sum.add(values[t + 1 + h]!, forecast?.[h] ?? NaN)
    }
    others.set(baseline.name, sum.scores(scale))
  }
  const scores = { own: own.scores(scale), linear: linear.scores(scale), totals: totals.scores(scale * horizon) }
  return { name: series.name, facts, ...scores, count: own.count, others }
}

const mean = (values: readonly (number | null)[]) => {
  const known = values.filter((value) => value !== null)
  return known.length > 0 ? known.reduce((sum, one) => sum + one, 0) / known.length : null
}

/** Returns the smallest MASE of some baselines of a series. */
function bestOf({ others }: Measured, names: readonly string[]): number | null {
  const found = names.map((name) => others.get(name)?.mase ?? null).filter((one) => one !== null)
  return found.length > 0 ? Math.min(...found) : null
}

function ratio(measured: Measured, names: readonly string[]): number | null {
  const best = bestOf(measured, names)
  return measured.own.mase === null || !best ? null : measured.own.mase / best
}

const present = (values: Readonly<Record<string, number | null>>) =>
  Object.fromEntries(Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== null))

function summary(measured: readonly Measured[], seconds: number): TaskMeasurement {
  const all = baselines.map(({ name }) => name)
  const simple = all.filter((name) => name !== AUTOREGRESSION)
  const total = measured.reduce((sum, { count }) => sum + count, 0)
  const coverage = measured.reduce((sum, { own, count }) => sum + (own.coverage! * count) / total, 0)
  const ratios = measured.map((one) => ratio(one, simple)).filter((one) => one !== null)
  const overAll = measured.map((one) => ratio(one, all)).filter((one) => one !== null)
  const values = present({
    mase: mean(measured.map(({ own }) => own.mase)),
    smape: mean(measured.map(({ own }) => own.smape)),
    crps: mean(measured.map(({ own }) => own.crps)),
    coverage
  })
  const facts = {
    series: measured.map((one) => ({
      name: one.name,
      values: one.count,
      ...scoresJson(one.own),
      linear_part: scoresJson(one.linear),
      ...(one.totals && { totals: totalsJson(one.totals) }),
      baselines: othersJson(one)
    })),
    ...present({ ratio: geometricMean(ratios), ratio_all: geometricMean(overAll) }),
    best_of_simple: ratios.filter((one) => one <= 1).length,
    best_of_all: overAll.filter((one) => one <= 1).length,
    values: total,
    seconds
  }
  return {
    values,
    facts,
    lines: [...measured.flatMap(linesOf), ...closing(measured, { ratios, coverage, seconds })]
  }
}

function othersJson({ others }: Measured): JsonObject {
  return Object.fromEntries([...others].map(([name, scores]) => [name, scoresJson(scores)]))
}

function totalsLine(title: string, { crps, coverage }: TotalScores): string {
  return `  ${title.padEnd(44)} ${crps.toFixed(3).padStart(9)}${percent(coverage).padStart(10)}`
}

function linesOf({ name, facts: { season, horizon }, own, linear, others, count, totals }: Measured): string[] {
  const digits = (value: number | null, places: number) =>
    ` ${(value === null ? '-' : value.toFixed(places)).padStart(9)}`
  const row = (title: string, { mase, smape, crps, coverage }: Scores) =>
    `  ${title.padEnd(24)}${digits(mase, 3)}${digits(smape, 2)}${digits(crps, 3)}${(coverage === null ? '-' : percent(coverage)).padStart(10)}`
  return [
    `${name}: ${counted(count, 'forecast value')}, season ${season}, horizon ${horizon}`,
    `  ${''.padEnd(24)}${['MASE', 'sMAPE', 'CRPS', 'in 80 %'].map((title) => title.padStart(10)).join('')}`,
    row('this model', own),
    row('its linear part only', linear),
    ...[...others].map(([title, scores]) => row(title, scores)),
    ...(totals
      ? [totalsLine('sums over the horizon', totals.together), totalsLine('of independent draws', totals.apart)]
      : []),
    ''
  ]
}

function closing(
  measured: readonly Measured[],
  { ratios, coverage, seconds }: { ratios: readonly number[]; coverage: number; seconds: number }
): string[] {
  const together = geometricMean(ratios)
  const compared =
    together === null
      ? 'no baseline to compare with'
      : `MASE ${percent(together)} of that of the best of naive, seasonal naive and exponential smoothing`
  const of = measured.length > 1 ? ` (geometric mean over ${grouped(measured.length)} series)` : ''
  return [`${compared}${of}; ${percent(coverage)} of the values in the 80 % intervals; ${duration(seconds)}`]
}
