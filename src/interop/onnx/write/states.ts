// Carried states as inputs and outputs of a model of ONNX: those of the layers of a stack are one tensor [layers, batch, hidden].

import type { Tensor } from '../../../graph/graph.js'
import { onnxTypes, onnxValue, type OnnxMessage } from '../../../io/onnx.js'
import type { OnnxWriter } from './writer.js'

/** The states of a stack of layers, h or c, in the order of the layers. */
interface Stack {
  readonly input: string
  readonly output: string
  readonly states: readonly { readonly from: Tensor; readonly to: Tensor }[]
}

/**
 * Returns the carried states by stacks: `h0` and `h`, `c0` and `c` if the model has one stack of layers, else with its name, as `encoder.h0`. A state
 * that is not one of a stack of layers has its own name, and `<name>.next` as output.
 */
function stacksOf({ recording: { graph } }: OnnxWriter): Stack[] {
  const stacks = new Map<string, { layer: string; kind: string; states: Stack['states'][number][] }>()
  const names = new Map([...graph.states].map(([name, tensor]) => [tensor, name]))
  for (const carry of graph.carries) {
    const name = names.get(carry.to)!
    const [, layer = name, kind = ''] = /^(.*)\.([hc])_l\d+$/.exec(name) ?? []
    const known = stacks.get(`${layer} ${kind}`) ?? { layer, kind, states: [] }
    stacks.set(`${layer} ${kind}`, { ...known, states: [...known.states, carry] })
  }
  const layers = new Set([...stacks.values()].map(({ layer }) => layer))
  return [...stacks.values()].map(({ layer, kind, states }) => {
    if (kind === '') return { input: layer, output: `${layer}.next`, states }
    const prefix = layers.size === 1 ? '' : `${layer}.`
    return { input: `${prefix}${kind}0`, output: `${prefix}${kind}`, states }
  })
}

/** The states of a model of ONNX. */
export interface WrittenStates {
  readonly inputs: readonly OnnxMessage[]
  /** Writes the nodes of the outputs, after those of the model, and returns their descriptions. */
  outputs(): OnnxMessage[]
}

/** Writes the nodes that take the states of layers from the inputs. */
export function writeStates(writer: OnnxWriter): WrittenStates {
  const stacks = stacksOf(writer).map((stack) => ({ ...stack, input: writer.free(stack.input), output: writer.free(stack.output) })) // prettier-ignore
  const describe = (name: string, { states }: Stack) => {
    const sizes = writer.recording.shapeOf(states[0]!.to).map(({ factor, dims: [dim] }) => dim ?? factor)
    return onnxValue(name, onnxTypes.float, [states.length, ...sizes])
  }
  for (const { input, states } of stacks) {
    const [first, ...others] = states
    const parts = others.length === 0 ? [input] : states.map((_, layer) => writer.free(`${input}_l${layer}`))
    if (others.length > 0) writer.addNode('Split', [input], parts, { axis: 0 })
    for (const [i, { to }] of [first!, ...others].entries()) writer.setRows(to, parts[i]!)
  }
  return {
    inputs: stacks.map((stack) => describe(stack.input, stack)),
    outputs: () =>
      stacks.map((stack) => {
        const parts = stack.states.map(({ from }) => writer.rowsOf(from))
        if (parts.length > 1) writer.add('Concat', parts, { axis: 0 }, stack.output)
        else writer.add('Identity', parts, {}, stack.output)
        return describe(stack.output, stack)
      })
  }
}
