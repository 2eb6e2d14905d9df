// Steps of series as inputs and targets of the network, and batches of windows of them.

import { integer, open } from '../../check/index.js'
import type { Batch, BatchSource, EpochSource } from '../../data/batching/source.js'
import { createRandom } from '../../random.js'
import { seasonsPerStep, phaseOf, type CalendarSeries } from './calendar.js'
import type { KnownSeries, SeriesFacts } from './facts.js'
import { LEVELS } from './levels.js'
import { transformOf } from './linear/transform.js'
import type { OutputName } from './settings.js'
import { SeriesReader, type ReaderShape, type StepValues } from './reader.js'

/** A series with its values, covariates and times. */
export type ForecastSeries = KnownSeries & CalendarSeries

/** Inputs and targets of all steps of a series. */
export interface SeriesSteps {
  readonly length: number
  /** Inputs of the network, [length * inputs]. */
  readonly x: Float32Array
  readonly inputs: number
  /** Errors of the linear part in its deviations, or the values themselves for an output of counts, [length * horizon]. */
  readonly values: Float32Array
  /** Forecasts of the linear part, [length * horizon]. */
  readonly means: Float32Array
  /** Weights of the errors, [length * horizon]: 0 where a value is missing or belongs to no target, else in proportion to the deviation. */
  readonly weights: Float32Array
  readonly horizon: number
}

type Targets = [values: Float32Array, means: Float32Array, weights: Float32Array]

/** Largest error that the network learns from, in deviations. */
const FARTHEST = 20

/** Returns a reader that begins with the first value of a series. */
export function readerOf(facts: SeriesFacts, shape: ReaderShape, series: ForecastSeries): SeriesReader {
  const { season } = facts
  return new SeriesReader(facts, shape, {
    phase: phaseOf(series, season),
    seasonsPerStep: seasonsPerStep(series, season)
  })
}

/** Returns the values of step t for a reader. */
export function valuesAt({ values, covariates }: KnownSeries, t: number): StepValues {
  return { value: values[t] ?? NaN, covariate: (name, later) => covariates[name]?.[t + later] ?? NaN }
}

/** Returns the inputs and targets of the steps of a series up to `end`. Targets are the values from `from` on; a step before `from - 1` has none. */
export function stepsOf(
  series: ForecastSeries,
  facts: SeriesFacts,
  { from, end, shape, output }: { from: number; end: number; shape: ReaderShape; output: OutputName }
): SeriesSteps {
  const { horizon, deviations, transform } = facts
  const { forward, back } = transformOf(transform)
  const counts = output === 'negative-binomial'
  const reader = readerOf(facts, shape, series)
  const inputs = reader.inputs.length
  const x = new Float32Array(end * inputs)
  const [values, means, weights] = [0, 0, 0].map(() => new Float32Array(end * horizon)) as Targets
  const mean = deviations.reduce((sum, one) => sum + one, 0) / horizon
  for (let t = 0; t < end; t++) {
    reader.push(valuesAt(series, t))
    x.set(reader.inputs, t * inputs)
    if (!reader.ready || t < from - 1) continue
    for (let h = 0; h < horizon && t + 1 + h < end; h++) {
      const value = series.values[t + 1 + h]!
      if (Number.isNaN(value)) continue
      const error = (forward(value) - reader.forecast[h]!) / deviations[h]!
      const at = t * horizon + h
      values[at] = counts ? value : Math.max(-FARTHEST, Math.min(FARTHEST, error))
      means[at] = back(reader.forecast[h]!)
      weights[at] = counts ? 1 : deviations[h]! / mean
    }
  }
  return { length: end, x, inputs, values, means, weights, horizon }
}

const levels = Float32Array.from(LEVELS)
/** Longest window of a training, in steps. */
const WINDOW = 128
/** Steps at the beginning of a window that have no part in the loss, because the network has read too little. */
const WARM_UP = 8
/** Fewest steps of an epoch. */
const FEWEST = 8

const readCursor = open<{ step: number }>({ step: integer(0) })

/** Returns the batches of a training: windows at random places, from each series in proportion to its length. */
export function windowBatches(
  all: readonly SeriesSteps[],
  { batch, seed, horizon }: { batch: number; seed: number; horizon: number }
): EpochSource {
  const length = Math.min(WINDOW, Math.max(2, ...all.map((one) => Math.ceil(0.75 * one.length))))
  const total = all.reduce((sum, one) => sum + one.length, 0)
  const stepsPerEpoch = Math.max(FEWEST, Math.ceil((2 * total) / (length * batch)))
  return {
    dims: { length, batch },
    stepsPerEpoch,
    *batches(cursor) {
      for (let { step } = readCursor(cursor ?? { step: 0 }, 'the cursor'); ;) {
        const random = createRandom(seed, `forecast ${step}`)
        const rows = Array.from({ length: batch }, () => {
          let place = random.below(total)
          const own = all.find((one) => (place -= one.length) < 0)!
          return { own, begin: random.below(Math.max(1, own.length - length + 1)) }
        })
        step++
        yield { ...packed(rows, length, horizon), epoch: Math.floor((step - 1) / stepsPerEpoch), cursor: { step } }
      }
    }
  }
}

/** Returns a pass for a validation: one batch for each series, with its last `reach` steps. */
export function lastBatches(
  all: readonly SeriesSteps[],
  { reach, horizon }: { reach: number; horizon: number }
): BatchSource {
  const length = Math.max(...all.map((one) => Math.min(one.length, reach)))
  return {
    dims: { length, batch: 1 },
    stepsPerEpoch: all.length,
    *batches() {
      for (const [i, own] of all.entries()) {
        const begin = Math.max(0, own.length - reach)
        yield { ...packed([{ own, begin }], own.length - begin, horizon), epoch: 0, cursor: { step: i + 1 } }
      }
    }
  }
}

function packed(
  rows: readonly { own: SeriesSteps; begin: number }[],
  length: number,
  horizon: number
): Omit<Batch, 'epoch' | 'cursor'> {
  const [batch, inputs] = [rows.length, rows[0]!.own.inputs]
  const x = new Float32Array(length * batch * inputs)
  const [values, means, weights] = [0, 0, 0].map(() => new Float32Array(length * batch * horizon)) as Targets
  rows.forEach(({ own, begin }, b) => {
    for (let t = 0; t < length && begin + t < own.length; t++) {
      const from = begin + t
      const to = t * batch + b
      x.set(own.x.subarray(from * inputs, (from + 1) * inputs), to * inputs)
      if (t < WARM_UP && begin > 0) continue
      const copy = (source: Float32Array, target: Float32Array) =>
        target.set(source.subarray(from * own.horizon, (from + 1) * own.horizon), to * horizon)
      copy(own.values, values)
      copy(own.means, means)
      copy(own.weights, weights)
    }
  })
  return { inputs: { x, values, means, weights, levels }, dims: { length, batch }, count: length * batch, reset: true }
}
