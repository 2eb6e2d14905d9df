// The choices that are made on the last part of the training data, before the network is trained again on all of it: the number of epochs, the
// share of the network's correction, and the factor of the spread.

import type { TimeSeries } from '../../data/series/series.js'
import { pinballLoss } from '../../metrics/forecast.js'
import { defineModel, type Model } from '../../model.js'
import type { Snapshot } from '../../train/progress.js'
import { createTrainer } from '../../train/trainer.js'
import { given, type Training } from '../runs/settings.js'
import type { ForecastConfig } from './config.js'
import { factsOf, type SeriesFacts } from './facts.js'
import { LEVELS, MEDIAN, NORMAL_LEVELS } from './levels.js'
import { transformOf } from './linear/transform.js'
import { forecastDefinition, readerShape } from './model.js'
import { correct, SeriesPredictor, type Shaped } from './predict.js'
import { lastBatches, stepsOf, valuesAt, windowBatches } from './samples.js'

/** Share of the training part that validates. */
const VALIDATED = 0.2
/** Number of validations without a better loss after which the search ends; there is one validation after each epoch. */
const PATIENCE = 12
/** Steps that the network reads before the first validated value. */
const READ_BEFORE = 256

/** The choices. */
export interface Selection {
  readonly epochs: number
  /** Share and spread of each series. */
  readonly corrections: readonly Pick<SeriesFacts, 'share' | 'spread'>[]
  /** Error of the median on the validation part divided by that of the linear part, as a geometric mean over the series. */
  readonly ratio: number
}

/** Series with their shapes and the lengths of their training parts. */
export interface TrainedSeries {
  readonly series: TimeSeries
  readonly season: number
  readonly horizon: number
  readonly count: number
}

/**
 * Trains on the first 80 % of each training part and chooses the number of epochs and the corrections on the rest. `onProgress` is called with the
 * finished share, 0 to 1. Throws ERR_ABORTED if the signal aborts.
 */
export async function selectForecast(
  all: readonly TrainedSeries[],
  config: Pick<ForecastConfig, 'network' | 'table'> & { training: Omit<Training, 'validEvery'> },
  {
    signal,
    threads = 1,
    onProgress
  }: { signal?: AbortSignal; threads?: number; onProgress?: (done: number) => void } = {}
): Promise<Selection> {
  const { training } = config
  const split = all.map((one) => ({ ...one, fit: one.count - Math.floor(VALIDATED * one.count) }))
  const facts = split.map(({ series, fit, season, horizon }) => factsOf(series, { season, horizon }, fit))
  const shape = readerShape({ table: config.table, series: facts })
  const { horizon } = shape
  const { output, members } = config.network
  const { batch, seed } = training
  const train = split.map(({ series, fit }, i) => stepsOf(series, facts[i]!, { from: 0, end: fit, shape, output }))
  const valid = split.map(({ series, fit, count }, i) =>
    stepsOf(series, facts[i]!, { from: fit, end: count, shape, output })
  )
  const source = windowBatches(train, { batch, seed, horizon })
  const reach = READ_BEFORE + Math.max(...split.map(({ fit, count }) => count - fit))
  const model = defineModel(forecastDefinition({ ...config, series: facts }), { seed, threads })
  let best: Snapshot['weights'] = []
  try {
    const { optimizer: kind, learningRate, clip, average, weightDecay, epochs = 60 } = training
    const trainer = createTrainer(model, source, {
      optimizer: { kind, learningRate, ...given({ weightDecay }) },
      clip,
      seed,
      epochs,
      patience: PATIENCE,
      validation: lastBatches(valid, { reach, horizon }),
      validateEvery: source.stepsPerEpoch,
      ...given({ average }),
      checkpoint: (snapshot, kind) => {
        if (kind !== 'best') return
        best = (snapshot.average ?? snapshot.weights).map((one) => ({ ...one, data: one.data.slice() }))
      }
    })
    trainer.on('report', ({ fraction }) => onProgress?.(fraction ?? 0))
    const summary = await trainer.fit(signal ? { signal } : {})
    for (const { name, data } of best) model.parameters.get(name).data.set(data)
    model.parameters.touch()
    const judged = split.map((one, i) => judge(model, one, facts[i]!, { shape, output, members }))
    const ratio = Math.exp(judged.reduce((sum, one) => sum + Math.log(one.ratio), 0) / judged.length)
    return {
      epochs: Math.max(1, Math.round((summary.best?.step ?? source.stepsPerEpoch) / source.stepsPerEpoch)),
      corrections: judged.map(({ share, spread }) => ({ share, spread })),
      ratio
    }
  } finally {
    model.dispose()
  }
}

interface Judged {
  readonly share: number
  readonly spread: number
  readonly ratio: number
}

/** The network's quantiles and the error of the linear part at one step and horizon. */
interface Outcome {
  readonly raw: Float64Array
  readonly error: number
  readonly weight: number
}

/** Chooses share and spread of one series. */
function judge(
  model: Model,
  { series, fit, count }: TrainedSeries & { fit: number },
  facts: SeriesFacts,
  shaped: Shaped
): Judged {
  using predictor = new SeriesPredictor(model, facts, shaped, series)
  const { forward } = transformOf(facts.transform)
  const outcomes: Outcome[] = []
  for (let t = 0; t < count; t++) {
    predictor.push(valuesAt(series, t))
    if (t < fit - 1 || !predictor.reader.ready) continue
    for (let h = 0; h < facts.horizon && t + 1 + h < count; h++) {
      const value = series.values[t + 1 + h]!
      if (Number.isNaN(value)) continue
      const error = (forward(value) - predictor.reader.forecast[h]!) / facts.deviations[h]!
      const raw = predictor.raw.slice(h * LEVELS.length, (h + 1) * LEVELS.length)
      outcomes.push({ raw, error, weight: facts.deviations[h]! })
    }
  }
  return shrunk(chooseCorrection(outcomes), (count - fit) / facts.horizon)
}

/** Number of blocks of validation with which a correction counts half. */
const PRIOR_BLOCKS = 2

/**
 * Shrinks the choices towards a share of 0 and a spread of 1, by more if the validation part has fewer blocks of a horizon's length: outcomes of
 * neighbouring steps are nearly the same outcome, so a short series has few that are independent.
 */
function shrunk({ share, spread, ratio }: Judged, blocks: number): Judged {
  const trust = blocks / (blocks + PRIOR_BLOCKS)
  return { share: trust * share, spread: Math.exp(trust * Math.log(Math.max(spread, 1e-3))), ratio }
}

const SHARES = [0, 0.25, 0.5, 0.75, 1]

function chooseCorrection(outcomes: readonly Outcome[]): Judged {
  if (outcomes.length === 0) return { share: 1, spread: 1, ratio: 1 }
  const out = new Float64Array(LEVELS.length)
  const lossOf = (share: number) =>
    outcomes.reduce((sum, { raw, error, weight }) => {
      correct(raw, 0, { share, spread: 1 }, out)
      return sum + weight * out.reduce((own, quantile, i) => own + pinballLoss(quantile, LEVELS[i]!, error), 0)
    }, 0)
  const losses = SHARES.map(lossOf)
  const share = SHARES[losses.indexOf(Math.min(...losses))]!
  const needed = outcomes.map(({ raw, error }) => {
    correct(raw, 0, { share, spread: 1 }, out)
    const median = out[MEDIAN]!
    const side = error > median ? out.at(-1)! - median : median - out[0]!
    return Math.abs(error - median) / Math.max(side, 1e-9)
  })
  needed.sort((a, b) => a - b)
  const spread = needed[Math.min(needed.length - 1, Math.floor(0.8 * needed.length))]!
  const miss = (share: number) =>
    outcomes.reduce(
      (sum, { raw, error, weight }) =>
        sum + weight * Math.abs(error - share * raw[MEDIAN]! - (1 - share) * NORMAL_LEVELS[MEDIAN]!),
      0
    )
  return { share, spread, ratio: miss(share) / Math.max(miss(0), 1e-300) }
}
