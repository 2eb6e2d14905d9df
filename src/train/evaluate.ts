// The evaluation of a model: the mean loss and metrics over a whole source, with states carried from batch to batch and without dropout.

import { choice, list, number, open, optional, options as optionsOf } from '../check/index.js'
import { record, signal as signalOf, string, syncFunction, type Check } from '../check/index.js'
import { expected } from '../errors.js'
import { throwIfAborted } from '../graph/abort.js'
import { operationsOf } from '../graph/parameters.js'
import type { Measurement, Metric } from '../metrics/metric.js'
import { checkModel, type Dims, type Model } from '../model.js'
import { findNotFinite } from './not-finite.js'
import { readSource, readBatches, writeBatch, type BatchSource } from '../data/batching/source.js'

/** The result of `evaluate`. */
export interface Evaluation {
  /** Mean loss over all counted targets; nats for cross-entropy. */
  loss: number
  /** Number of counted targets; with class weights, the sum of their weights. */
  count: number
  /** Seconds of the evaluation. */
  seconds: number
  /** The value of each metric; absent without metrics. */
  metrics?: Readonly<Record<string, number>>
}

/** Metrics by the name under which results have their values. */
export type Metrics = Readonly<Record<string, Metric>>

/** Options of `evaluate`. */
export interface EvaluateOptions {
  /** Metrics to measure next to the loss, by name: `{ accuracy: accuracy() }`. Default none. */
  metrics?: Metrics | undefined
  /** Aborts the evaluation before its next batch. */
  signal?: AbortSignal | undefined
}

const readMetric = open<Metric>({ outputs: list(string), better: choice('higher', 'lower'), begin: syncFunction() })

const readMeasurement = open<Measurement>({ add: syncFunction(), value: syncFunction() })

/** Checks that a value is an object of metrics by name, and copies it; `begin` keeps its `this`. */
export const readMetrics: Check<Metrics> = record<Metric>((value, name) => {
  const { begin, ...rest } = readMetric(value, name)
  return { ...rest, begin: () => begin.call(value) }
})

const readOptions = optionsOf<EvaluateOptions>({ signal: optional(signalOf), metrics: optional(readMetrics) })

/**
 * Evaluates `model` on `data`, which is read to its end or to the end of its first epoch. Does not change the model. The whole evaluation uses
 * the same weights: a fit of the model that is under way waits before its next step, and any number of evaluations may run at the same time.
 * Throws ERR_ABORTED if `signal` is aborted, ERR_CORPUS_EMPTY if no target was counted, ERR_NOT_FINITE if the data has a value that is not
 * finite and makes the loss so, and ERR_INVALID_ARGUMENT if an argument is not valid or a metric reads an output that the model does not
 * have.
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
    throw expected(
      'ERR_CORPUS_EMPTY',
      'at least one target to evaluate',
      'data without one',
      'add data whose targets are not all ignored'
    )
  const seconds = (performance.now() - begin) / 1000
  return { loss: sum / count, count, seconds, ...(metrics && { metrics: values }) }
}

/** Returns the sum of the losses of all counted targets, their number, and the values of the metrics. */
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
        const remedy = 'remove or replace such values in the data'
        throw expected('ERR_NOT_FINITE', 'finite data to evaluate', `a batch with ${data}`, remedy)
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

/** Begins a measurement. Its results are checked, because callers may implement metrics. */
function beginMeasurement(name: string, metric: Metric): Measurement {
  const begun = metric.begin()
  const { add, value } = readMeasurement(begun, `the result of begin() of the metric "${name}"`)
  const checkValue = (figure: unknown) => {
    if (typeof figure === 'number') return figure
    return number()(figure, `the value of the metric "${name}"`)
  }
  return { add: (batch) => add.call(begun, batch), value: () => checkValue(value.call(begun)) }
}
