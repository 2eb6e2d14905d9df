// The sizes of a model's tensors as functions of its dims: the model is recorded for two sets of sizes, and each size of a tensor is a constant or a
// multiple of dims that explains both.

import { expected } from '../../../errors.js'
import type { Graph, OpRecord, Tensor } from '../../../graph/graph.js'
import { dimNamesOf, type Dims } from '../../../graph/specs.js'
import { recordOf, type ModelDefinition } from '../../../model.js'

/** A size: a constant times dims. */
export interface Size {
  readonly factor: number
  readonly dims: readonly string[]
}

/** A recording whose sizes are known for all dims. */
export interface SizedRecording {
  readonly graph: Graph
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly outputs: Readonly<Record<string, Tensor>>
  /** Returns the sizes of a tensor. */
  shapeOf(tensor: Tensor): readonly Size[]
  /** Returns an op as the second recording has it. */
  otherOf(op: OpRecord): OpRecord
}

/** Primes, so that the dims of a product are found again; the sizes of networks seldom have them as factors. */
const primes = [
  [101, 103, 107, 109, 113, 127, 131, 137],
  [139, 149, 151, 157, 163, 167, 173, 179]
] as const

/** Returns the size that is `first` and `second` with the dims of the two recordings; null if there is none. */
export function sizeOfBoth(first: number, second: number, dims: readonly [Dims, Dims]): Size | null {
  if (first === second) return { factor: first, dims: [] }
  const found: string[] = []
  let factor = first
  for (const [name, prime] of Object.entries(dims[0])) for (; factor % prime === 0; factor /= prime) found.push(name)
  const again = found.reduce((product, name) => product * dims[1][name]!, factor)
  return again === second ? { factor, dims: found } : null
}

/** Records a model without memory for its parameters. Throws ERR_UNSUPPORTED, with `where`, if a size is not a multiple of dims. */
export function recordSizes(definition: ModelDefinition, where: string): SizedRecording {
  const names = [...dimNamesOf({ inputs: definition.inputs })]
  const refuse = (found: string) =>
    expected('ERR_UNSUPPORTED', `sizes that are multiples of the inputs' sizes in ${where}`, found, 'export it to pytorch or numpy') // prettier-ignore
  if (names.length > primes[0].length) throw refuse(`${names.length} free sizes`)
  const dims = primes.map((values) => Object.fromEntries(names.map((name, i) => [name, values[i]!]))) as unknown as readonly [Dims, Dims] // prettier-ignore
  const [first, second] = [recordOf(definition, dims[0]), recordOf(definition, dims[1])]
  const ops = new Map(first.graph.ops.map((op, i) => [op, second.graph.ops[i]]))
  const otherOf = (op: OpRecord) => {
    const other = ops.get(op)
    if (other?.name === op.name && other.attributes.length === op.attributes.length) return other
    throw refuse(`${op.name} only for some sizes`)
  }
  if (first.graph.ops.length !== second.graph.ops.length) throw refuse('ops only for some sizes')
  const shapeOf = ({ id, shape }: Tensor) =>
    shape.map((size, i) => {
      const found = sizeOfBoth(size, second.graph.tensors[id]?.shape[i] ?? 0, dims)
      if (found) return found
      throw refuse(`another size, ${size} with ${names.map((name) => `${name} ${dims[0][name]}`).join(' and ')}`)
    })
  return { ...first, shapeOf, otherOf }
}
