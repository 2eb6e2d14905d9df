// The validation measure: the mean loss over a whole source, states carried from batch to batch, dropout off.

import { choice, list, number, open, optional, options as optionsOf } from '../check/index.js'
import { record, signal as signalOf, string, syncFunction, type Check } from '../check/index.js'
import { GatecellError } from '../errors.js'
import { throwIfAborted } from '../graph/abort.js'
import { operationsOf } from '../graph/parameters.js'
import type { Measurement, Metric } from '../metrics/metric.js'
import { checkModel, type Dims, type Model } from '../model.js'
import { findNotFinite } from './not-finite.js'
import { readSource, readBatches, writeBatch, type BatchSource } from '../data/batching/source.js'

export interface Evaluation {
  /** Mean over everything the loss counted; nats for cross-entropy. */
  loss: number
  /** The number of targets that the loss counted; with class weights the sum of their weights. */
  count: number
  seconds: number
  /** The value of each metric; absent without metrics. */
  metrics?: Readonly<Record<string, number>>
}

/** Metrics by the name under which results have their values. */
export type Metrics = Readonly<Record<string, Metric>>

export interface EvaluateOptions {
  /** Metrics to measure next to the loss, by name: `{ accuracy: accuracy() }`. Default none. */
  metrics?: Metrics | undefined
  signal?: AbortSignal | undefined
}

const readMetric = open<Metric>({ outputs: list(string), better: choice('higher', 'lower'), begin: syncFunction() })

const readMeasurement = open<Measurement>({ add: syncFunction(), value: syncFunction() })

/** Metrics by name, read once; `begin` keeps its `this`. Throws ERR_INVALID_ARGUMENT for other values. */
export const readMetrics: Check<Metrics> = record<Metric>((value, name) => {
  const { begin, ...rest } = readMetric(value, name)
  return { ...rest, begin: () => begin.call(value) }
})

const readOptions = optionsOf<EvaluateOptions>({ signal: optional(signalOf), metrics: optional(readMetrics) })

/**
 * Reads `source` to its end, or to the end of its first epoch. Does not change the model. The whole pass sees the same
 * weights: a fit of the model that is under way waits with its next step, and any number of evaluations may run at the same
 * time. Throws ERR_ABORTED, ERR_CORPUS_EMPTY if nothing was counted, and ERR_INVALID_ARGUMENT if a metric asks for an output that the model
 * does not have.
 * @example
 * const { loss, metrics } = await evaluate(model, data, { metrics: { accuracy: accuracy() } })
 */
export async function evaluate(model: Model, data: BatchSource, options?: EvaluateOptions): Promise<Evaluation> {
  checkModel(model, 'the model')
  const source = readSource(data, 'the data')
  const { signal, metrics } = readOptions(options, 'the options of evaluate')
  const begin = performance.now()
  await model.ready({ signal })
  const { sum, count, values } = await operationsOf(model.parameters).reading(signal, () =>
    sumLosses(model, source, metrics ?? {}, signal)
  )
  if (count === 0)
    throw new GatecellError(
      'ERR_CORPUS_EMPTY',
      'Expected at least one target to evaluate but the data has none: add data whose targets are not all ignored.'
    )
  const seconds = (performance.now() - begin) / 1000
  return { loss: sum / count, count, seconds, ...(metrics && { metrics: values }) }
}

/** Returns the sum of the losses of everything counted, how much was counted, and the values of the metrics. */
async function sumLosses(model: Model, source: BatchSource, metrics: Metrics, signal: AbortSignal | undefined) {
  const measurements = Object.entries(metrics).map(([name, metric]) => [name, beginMeasurement(name, metric)] as const)
  const outputs = [...new Set(Object.values(metrics).flatMap((metric) => metric.outputs))]
  const leaseOf = (dims: Dims) => model.lease(dims, { purpose: 'evaluate', outputs })
  let [lease, dims] = [leaseOf(source.dims), source.dims]
  const reader = readBatches(source)
  let [sum, count] = [0, 0]
  try {
    for (let batch = await reader.next(); batch !== null && batch.epoch === 0; batch = await reader.next()) {
      throwIfAborted(signal)
      if (batch.dims || dims !== source.dims) {
        lease.release()
        dims = batch.dims ?? source.dims
        lease = leaseOf(dims)
      }
      const { plan } = lease
      writeBatch(plan.inputs, batch)
      if (batch.reset) plan.resetStates()
      await plan.run('forward')
      const [mean, counted = 1] = plan.outputs['loss']!
      const data = Number.isFinite(mean) ? null : findNotFinite(plan.inputs, plan.shapes.inputs)
      if (data) {
        throw new GatecellError(
          'ERR_NOT_FINITE',
          `Expected finite data to evaluate but a batch has ${data}: remove or replace such values in the data.`
        )
      }
      const { inputs, outputs, shapes } = plan
      const measured = { inputs, outputs, shapes, loss: mean!, count: counted }
      for (const [, measurement] of measurements) measurement.add(measured)
      if (counted === 0) continue
      sum += mean! * counted
      count += counted
    }
  } finally {
    lease.release()
    await reader.close(true)
  }
  const values = Object.fromEntries(measurements.map(([name, measurement]) => [name, measurement.value()]))
  return { sum, count, values }
}

/** Begins a measurement; its results are checked, because callers make metrics of their own. */
function beginMeasurement(name: string, metric: Metric): Measurement {
  const begun = metric.begin()
  const { add, value } = readMeasurement(begun, `what begin() of the metric "${name}" returns`)
  const checkValue = (figure: unknown) => {
    if (typeof figure === 'number') return figure
    return number()(figure, `the value of the metric "${name}"`)
  }
  return { add: (batch) => add.call(begun, batch), value: () => checkValue(value.call(begun)) }
}
