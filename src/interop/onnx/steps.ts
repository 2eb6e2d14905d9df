// An imported model step by step: its graph with states in place of the inputs that continue outputs, and of the zeros with which layers begin.

import { expected, GatecellError } from '../../errors.js'
import type { SessionModel } from '../../generate/session-kind.js'
import { Graph, type Tensor } from '../../graph/graph.js'
import { nameOutputs } from '../../graph/tensor-names.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import type { Model } from '../../model.js'
import type { OnnxPort } from './ports.js'
import { recordGraph, type ImportedGraph } from './record.js'
import { freeSizes } from './state-pairs.js'

type Sizes = Readonly<Record<string, number>>

/** Returns the model of the steps of one sequence. Throws ERR_UNSUPPORTED if the layers cannot be stepped, and by name for sizes that are not 1. */
export function sessionModel(graph: ImportedGraph, model: Model): SessionModel {
  const ones = Object.fromEntries(freeSizes(graph.file).map((name) => [name, 1]))
  const single = recordSteps(graph, model, ones)
  const first = single.sequences[0]
  const long = single.sequences.find(({ steps }) => steps !== 1)
  if (long)
    throw expected('ERR_UNSUPPORTED', `a free number of steps in ${graph.file.path}`, `${long.steps} steps`, 'export it with dynamic axes') // prettier-ignore
  /** Returns the kind of a size, from a recording with 2 in its place. */
  const kindOf = (name: string): 'length' | 'batch' | null => {
    try {
      const [found] = recordSteps(graph, model, { ...ones, [name]: 2 }).sequences
      return found?.steps !== first?.steps ? 'length' : found?.batch !== first?.batch ? 'batch' : null
    } catch (error) {
      if (error instanceof GatecellError) return null // a size that other sizes have to follow stays 1
      throw error
    }
  }
  const kinds = Object.keys(ones).map((name) => [name, kindOf(name)] as const)
  const names = (['length', 'batch'] as const).filter((wanted) => kinds.some(([, kind]) => kind === wanted))
  const sizesOf = (dims: Sizes): Sizes =>
    Object.fromEntries(kinds.map(([name, kind]) => [name, kind === null ? 1 : (dims[kind] ?? 1)]))
  const inputs = stepInputs(graph).map(({ key, dtype, shape }) => [key, { dtype, shape }] as const)
  return {
    name: model.name,
    parameters: model.parameters,
    inputDimNames: names,
    threads: model.threads,
    device: model.device,
    definition: { inputs: Object.fromEntries(inputs) },
    record: (dims) => recordSteps(graph, model, sizesOf(dims)),
    compile: (recorded, options) => model.compile(recorded, options)
  }
}

const stepInputs = ({ ports, states }: ImportedGraph): OnnxPort[] =>
  ports.inputs.filter(({ name }) => !Object.hasOwn(states, name))

function recordSteps(graph: ImportedGraph, model: Model, sizes: Sizes) {
  const recorded = new Graph({ training: false, parameters: model.parameters.specs })
  const { ports, states } = graph
  const shapeOf = ({ shape }: OnnxPort) => shape.map((size) => (typeof size === 'number' ? size : sizes[size]!))
  const tensors = new Map<string, Tensor>()
  const inputs: Record<string, Tensor> = {}
  for (const port of ports.inputs) {
    const isState = Object.hasOwn(states, port.name)
    const tensor = isState
      ? recorded.state(port.key, shapeOf(port))
      : recorded.input(port.key, shapeOf(port), port.dtype)
    tensors.set(port.name, tensor)
    if (!isState) inputs[port.key] = tensor
  }
  if (Object.keys(inputs).length === 0)
    throw expected(
      'ERR_UNSUPPORTED',
      `an input of ${graph.file.path} next to its states`,
      'only states',
      'leave one out'
    )
  const { recorder, outputs } = recordGraph(graph, { tensors, carries: true })
  for (const [input, output] of Object.entries(states)) {
    const next = outputs[ports.outputs.find(({ name }) => name === output)!.key]!
    const state = tensors.get(input)!
    if (next.shape.join() !== state.shape.join())
      throw expected('ERR_UNSUPPORTED', `an output ${quoted(output)} of the shape [${state.shape.join(', ')}] of ${quoted(input)}`, `[${next.shape.join(', ')}]`, 'name other states') // prettier-ignore
    recorded.carry(next, state)
  }
  nameOutputs(recorded, outputs)
  return { graph: recorded, inputs, outputs, sequences: recorder.sequences }
}
