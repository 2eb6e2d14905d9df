// A part of a model: another function of the same parameters, such as an encoder or one step of a decoder, that sessions can step.

import { Graph } from '../graph/graph.js'
import { checkDims, dimNamesOf, type Dims, type Specs, type Symbols } from '../graph/specs.js'
import { nameOutputs } from '../graph/tensor-names.js'
import type { Tensor } from '../graph/graph.js'
import type { SessionModel } from './session-kind.js'

/** The definition of a part. Its `forward` may use only parameters of the model, by the names and shapes that they have there. */
export interface ModelPart<I extends Specs = Specs> {
  readonly name: string
  /** Inputs by name. Sessions need the dim `batch` for rows, and the dim `length` for steps if the function has steps. */
  readonly inputs: I
  /** Records the function and returns its outputs by name. */
  forward(inputs: Symbols<I>, dims: Dims): Record<string, Tensor>
}

/**
 * Returns a part of `model` for `createSession`. Its plans have the weights of the model, and are disposed of with it. Recording throws
 * ERR_INVALID_ARGUMENT for a parameter that the model does not have.
 */
export function partOfModel<I extends Specs>(
  model: Pick<SessionModel, 'parameters' | 'threads' | 'device' | 'compile'>,
  { name, inputs: specs, forward }: ModelPart<I>
): SessionModel {
  const { parameters, threads, device } = model
  const dimNames = dimNamesOf({ inputs: specs })
  return {
    name,
    parameters,
    threads,
    device,
    inputDimNames: [...dimNames],
    definition: { inputs: specs },
    record(someDims) {
      const dims = checkDims(someDims, dimNames)
      const graph = new Graph({ training: false, parameters: parameters.specs })
      const sizeOf = (dim: number | string) => (typeof dim === 'number' ? dim : dims[dim]!)
      const inputs = Object.fromEntries(
        Object.entries(specs).map(([name, { dtype, shape }]) => [name, graph.input(name, shape.map(sizeOf), dtype)])
      )
      const outputs = forward(inputs as Symbols<I>, dims)
      nameOutputs(graph, outputs)
      return { graph, inputs, outputs }
    },
    compile: (graph, options) => model.compile(graph, options)
  }
}
