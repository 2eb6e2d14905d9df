// Estimates the peak memory of a training before it starts.

import type { Model } from '../../model.js'
import type { BatchSource } from '../../data/batching/source.js'
import { updateOf, type Optimizer } from '../../train/optimizers.js'

/** Bytes. `process`: with the data, and what V8's heap grows by; `measurement`: of the best weights, at the end. */
export interface RunMemory {
  readonly process: number
  /** Weights, gradients, moments and averaged weights. */
  readonly parameters: number
  readonly step: number
  /** With the copy of the best weights. */
  readonly validation: number
  readonly measurement: number
  readonly total: number
  /** The device of the steps; with 'cuda' most of their memory is on the GPU. */
  readonly device: 'cpu' | 'cuda'
}

/** V8's young generation grows to this while a run allocates reports. */
const YOUNG_GENERATION = 16 * 2 ** 20

/** Estimates the memory of a training on `source`. `before`: bytes of the process before the model was made. */
export function tellMemory(
  before: number,
  model: Model,
  run: { source: BatchSource; validation: BatchSource | null; optimizer: Optimizer; average: number | undefined }
): RunMemory {
  const { source, validation, optimizer, average } = run
  const { bytes: parameters } = model.parameters
  // The plan that the trainer will take.
  using lease = model.lease(source.dims, { purpose: 'train', optimizer: updateOf(optimizer) })
  const { bytes: step } = lease.plan
  const { packedBytes, device } = lease.plan.explain()
  // Both plans count the packed weights, which they share.
  const own = validation ? evaluationBytes(model, validation) - packedBytes : 0
  // Averaged weights are validated in another model.
  const averaged = validation && average !== undefined ? 4 * model.parameterCount + packedBytes : 0
  // The best weights are read from their file into a model of their own: the file, its weights, their packed copy.
  const measurement = validation ? 12 * model.parameterCount : 0
  // A copy of the best weights goes into each checkpoint of where the run stands.
  const kept = validation ? 4 * model.parameterCount : 0
  const parts = { process: before + YOUNG_GENERATION, parameters, step, validation: own + averaged + kept, measurement }
  return { ...parts, total: Object.values(parts).reduce((sum, part) => sum + part), device }
}

/** Bytes of the plan that validations will use. */
function evaluationBytes(model: Model, validation: BatchSource): number {
  using lease = model.lease(validation.dims, { purpose: 'evaluate' })
  return lease.plan.bytes
}
