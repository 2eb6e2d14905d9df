// The validation measure: the mean loss over a whole source, states carried from batch to batch, dropout off.

import { GatecellError } from '../errors.js'
import { throwIfAborted } from '../graph/plan.js'
import type { Model } from '../model.js'
import { readBatches, writeBatch, type BatchSource } from './data.js'

export interface Evaluation {
  /** Mean over everything the loss counted; nats for cross-entropy. */
  loss: number
  /** How much it counted: targets other than -1. */
  count: number
  seconds: number
}

export interface EvaluateOptions {
  signal?: AbortSignal | undefined
}

/**
 * Reads `source` to its end, or to the end of its first epoch. Does not change the model. Throws ERR_ABORTED, and
 * ERR_CORPUS_EMPTY if nothing was counted.
 */
export async function evaluate(
  model: Model,
  source: BatchSource,
  { signal }: EvaluateOptions = {}
): Promise<Evaluation> {
  const begin = performance.now()
  const reader = readBatches(source)
  let plan = model.plan(source.dims, { purpose: 'evaluate' })
  plan.resetStates()
  let sum = 0
  let count = 0
  try {
    for (let batch = await reader.next(); batch !== null && batch.epoch === 0; batch = await reader.next()) {
      throwIfAborted(signal)
      if (batch.dims) plan = model.plan(batch.dims, { purpose: 'evaluate' })
      writeBatch(plan.inputs, batch)
      if (batch.reset || batch.dims) plan.resetStates()
      await plan.run('forward')
      const [mean, counted = 1] = plan.outputs['loss']!
      if (counted === 0) continue
      sum += mean! * counted
      count += counted
    }
  } finally {
    await reader.close(true)
  }
  if (count === 0)
    throw new GatecellError('ERR_CORPUS_EMPTY', 'Expected at least one target to evaluate but the data has none.')
  return { loss: sum / count, count, seconds: (performance.now() - begin) / 1000 }
}
