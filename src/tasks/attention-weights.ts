// The weights of the attention of a network while it reads a text that is known.

import type { Dims } from '../graph/specs.js'
import type { Model } from '../model.js'

/** The tensor of the weights, see `decodeSequence`. */
export const ATTENTION_WEIGHTS = 'attention.weights'

/**
 * Returns the weights of the attention [T, B, S] of a batch, in which T is its number of symbols, B of rows and S of steps of the source. The model
 * must have attention. Throws ERR_ABORTED if the signal aborts.
 */
export async function weightsOfBatch(
  model: Model,
  { inputs, dims }: { readonly inputs: Readonly<Record<string, ArrayLike<number>>>; readonly dims: Dims },
  signal?: AbortSignal
): Promise<Float32Array> {
  using lease = model.lease(dims, { purpose: 'predict', outputs: [ATTENTION_WEIGHTS] })
  const views = lease.plan.inputs as Readonly<Record<string, Float32Array | Int32Array>>
  for (const [name, view] of Object.entries(views)) view.set(inputs[name]!)
  await lease.plan.run('forward', { signal })
  return (lease.plan.outputs as unknown as Readonly<Record<string, Float32Array>>)[ATTENTION_WEIGHTS]!.slice()
}
