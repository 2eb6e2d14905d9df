// The estimate of the peak memory of a training before it starts.

import type { Model } from '../../model.js'
import type { BatchSource } from '../../data/batching/source.js'
import { updateOf, type Optimizer } from '../../train/optimizers.js'

/** The parts of the memory of a training, in bytes. */
export interface RunMemory {
  /** The process with the data, and the growth of V8's heap. */
  readonly process: number
  /** Weights, gradients with their sums over shards, moments and averaged weights. */
  readonly parameters: number
  /** The plan of a training step. */
  readonly step: number
  /** The plan of a validation, with the copy of the best weights. */
  readonly validation: number
  /** The measurement of the best weights at the end. */
  readonly measurement: number
  /** The sum of all parts. */
  readonly total: number
  /** The device of the steps. With 'cuda' most of their memory is on the GPU. */
  readonly device: 'cpu' | 'cuda'
}

/** Size in bytes to which V8's young generation grows while a run allocates reports. */
const YOUNG_GENERATION = 16 * 2 ** 20

/** Estimates the memory of a training. `before` is the memory of the process in bytes before the model was made. */
export function estimateMemory(
  before: number,
  model: Model,
  run: {
    source: BatchSource
    validation: BatchSource | null
    optimizer: Optimizer
    average?: number
    shards?: number
  }
): RunMemory {
  const { source, validation, optimizer, average, shards } = run
  // The sums of gradients over shards, one for each level of their tree.
  const sums = shards === undefined ? 0 : 4 * model.parameterCount * (1 + Math.log2(shards))
  const parameters = model.parameters.bytes + sums
  const { batch = 1, ...dims } = source.dims
  // The plan that the trainer will take; in shards those of the others use the same memory in turn.
  using lease = model.lease(shards === undefined ? source.dims : { ...dims, batch: Math.ceil(batch / shards) }, {
    purpose: 'train',
    optimizer: updateOf(optimizer)
  })
  const { bytes: step } = lease.plan
  const { packedBytes, device } = lease.plan.explain()
  // Both plans count the packed weights, which they share.
  const own = validation ? evaluationBytes(model, validation) - packedBytes : 0
  // Averaged weights are validated in another model.
  const averaged = validation && average !== undefined ? 4 * model.parameterCount + packedBytes : 0
  // The best weights are read from their file into a model of their own: the file, its weights, their packed copy.
  const measurement = validation ? 12 * model.parameterCount : 0
  // Each checkpoint of the state of the run contains a copy of the best weights.
  const kept = validation ? 4 * model.parameterCount : 0
  const parts = { process: before + YOUNG_GENERATION, parameters, step, validation: own + averaged + kept, measurement }
  return { ...parts, total: Object.values(parts).reduce((sum, part) => sum + part), device }
}

/** Bytes of the plan that validations will use. */
function evaluationBytes(model: Model, validation: BatchSource): number {
  using lease = model.lease(validation.dims, { purpose: 'evaluate' })
  return lease.plan.bytes
}
