// What a training will take at most, told before it starts.

import type { Model } from '../model.js'
import type { BatchSource } from '../train/data.js'
import type { Trainer } from '../train/trainer.js'

/** Bytes. `process`: with the data, and what V8's heap grows by; `measurement`: of the best weights, at the end. */
export interface RunMemory {
  readonly process: number
  /** Weights, gradients and moments. */
  readonly parameters: number
  readonly step: number
  /** With the copy of the best weights. */
  readonly validation: number
  readonly measurement: number
  readonly total: number
}

/** V8's young generation grows to this while a run allocates reports. */
const YOUNG_GENERATION = 16 * 2 ** 20

/** `before`: bytes of the process before the model was made. `validation`: the source it validates on. */
export function tellMemory(before: number, model: Model, trainer: Trainer, validation: BatchSource | null): RunMemory {
  const { bytes: parameters } = model.parameters
  const { bytes: step } = trainer.plan
  const { packedBytes } = trainer.plan.explain()
  // Both plans count the packed weights, which they share.
  const own = validation ? evaluationBytes(model, validation) - packedBytes : 0
  // The best weights are read from their file into a model of their own: the file, its weights, their packed copy.
  const measurement = validation ? 12 * model.parameterCount : 0
  // A copy of the best weights goes into each checkpoint of where the run stands.
  const kept = validation ? 4 * model.parameterCount : 0
  const parts = { process: before + YOUNG_GENERATION, parameters, step, validation: own + kept, measurement }
  return { ...parts, total: Object.values(parts).reduce((sum, part) => sum + part) }
}

/** Bytes of the plan that validations will use. */
function evaluationBytes(model: Model, validation: BatchSource): number {
  using lease = model.lease(validation.dims, { purpose: 'evaluate' })
  return lease.plan.bytes
}
