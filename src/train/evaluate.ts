// The validation measure: the mean loss over a whole source, states carried from batch to batch, dropout off.

import { optional, options as optionsOf, signal as signalOf } from '../check/index.js'
import { GatecellError } from '../errors.js'
import { throwIfAborted } from '../graph/abort.js'
import { checkModel, type Dims, type Model } from '../model.js'
import { findNotFinite } from './not-finite.js'
import { readSource, readBatches, writeBatch, type BatchSource } from '../data/batching/source.js'

export interface Evaluation {
  /** Mean over everything the loss counted; nats for cross-entropy. */
  loss: number
  /** The number of targets that the loss counted; with class weights the sum of their weights. */
  count: number
  seconds: number
}

export interface EvaluateOptions {
  signal?: AbortSignal | undefined
}

const readOptions = optionsOf<EvaluateOptions>({ signal: optional(signalOf) })

/**
 * Reads `source` to its end, or to the end of its first epoch. Does not change the model. The whole pass sees the same
 * weights: a fit of the model that is under way waits with its next step, and any number of evaluations may run at the same
 * time. Throws ERR_ABORTED, and ERR_CORPUS_EMPTY if nothing was counted.
 */
export async function evaluate(model: Model, data: BatchSource, options?: EvaluateOptions): Promise<Evaluation> {
  checkModel(model, 'the model')
  const source = readSource(data, 'the data')
  const { signal } = readOptions(options, 'the options of evaluate')
  const begin = performance.now()
  await model.ready({ signal })
  const { sum, count } = await model.parameters.operations.reading(signal, () => sumLosses(model, source, signal))
  if (count === 0)
    throw new GatecellError(
      'ERR_CORPUS_EMPTY',
      'Expected at least one target to evaluate but the data has none: add data whose targets are not all ignored.'
    )
  return { loss: sum / count, count, seconds: (performance.now() - begin) / 1000 }
}

/** Returns the sum of the losses of everything counted, and how much was counted. */
async function sumLosses(model: Model, source: BatchSource, signal: AbortSignal | undefined) {
  const leaseOf = (dims: Dims) => model.lease(dims, { purpose: 'evaluate' })
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
      if (counted === 0) continue
      sum += mean! * counted
      count += counted
    }
  } finally {
    lease.release()
    await reader.close(true)
  }
  return { sum, count }
}
