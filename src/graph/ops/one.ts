// The recording of an op with one float32 output, for the other files of this folder.

import type { Tensor } from '../graph.js'
import type { OpName } from '../opcodes.js'
import type { Shape } from '../shape.js'

/** Records an op in the graph of `source` and returns its only output, a float32 tensor of `shape`. */
export function one(
  source: Tensor,
  name: OpName,
  inputs: readonly (Tensor | null)[],
  shape: Shape,
  attributes: readonly number[] = []
): Tensor {
  return source.graph.record(name, inputs, [{ dtype: 'f32', shape }], attributes)[0]!
}
