// The recording of the graph of an imported model, after a check of everything in it.

import { expected } from '../../errors.js'
import type { Tensor } from '../../graph/graph.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import { onnxOperators } from './operators.js'
import { portTypes, type OnnxPorts } from './ports.js'
import { isConstant, OnnxRecorder } from './recorder.js'
import type { OnnxFile, OnnxNode } from './read.js'

/** A model of another program, ready to be recorded: its graph, its inputs and outputs, and the inputs that continue outputs. */
export interface ImportedGraph {
  readonly file: OnnxFile
  readonly ports: OnnxPorts
  /** Names of outputs by those of the inputs that continue them. */
  readonly states: Readonly<Record<string, string>>
}

/** Throws ERR_UNSUPPORTED with everything in a file that is not supported. */
export function checkSupported({ path, nodes, inputs }: OnnxFile): void {
  const types = inputs
    .filter(({ type, shape }) => portTypes[type] === undefined || shape.length < 1 || shape.length > 4)
    .map(({ name, type, shape }) => `the input ${quoted(name)} of ONNX type ${type} with ${shape.length} dimensions`)
  const found = [...types, ...nodes.flatMap(faultsOf)]
  if (inputs.length === 0) found.push('no inputs')
  if (found.length === 0) return
  const shown = [...found.slice(0, 20), ...(found.length > 20 ? [`${found.length - 20} more`] : [])].join(', ')
  throw expected(
    'ERR_UNSUPPORTED',
    `operators, attributes and types in ${path} that docs/interop.md lists`,
    shown,
    'export the model without them'
  )
}

function faultsOf(node: OnnxNode): string[] {
  const called = `${node.type} ${quoted(node.name)}`
  const operator = onnxOperators.get(node.type)
  if (node.domain !== '') return [`${node.domain}.${called}`]
  if (!operator) return [called]
  const unknown = [...node.attributes.keys()].filter((name) => !operator.attributes.includes(name)).map((name) => `the attribute ${quoted(name)}`) // prettier-ignore
  return [...unknown, ...(operator.faults?.(node) ?? [])].map((fault) => `${called} with ${fault}`)
}

/** The tensors and the mode of a recording. */
export interface GraphInputs {
  /** Tensors by the names of inputs in the file. */
  readonly tensors: ReadonlyMap<string, Tensor>
  /** Whether layers that begin with zeros in each run carry their states from run to run. */
  readonly carries: boolean
}

/** Records the nodes in their order, and returns the recorder and the outputs by their names in our graph. */
export function recordGraph(
  { file, ports }: ImportedGraph,
  { tensors, carries }: GraphInputs
): { recorder: OnnxRecorder; outputs: Record<string, Tensor> } {
  const [any] = tensors.values()
  const recorder = new OnnxRecorder(file, any!, carries)
  for (const [name, tensor] of tensors) recorder.values.set(name, tensor)
  for (const node of file.nodes) {
    const results = onnxOperators.get(node.type)!.record(recorder, node)
    for (const [i, name] of node.outputs.entries()) {
      if (name === '') continue
      if (!results[i]) throw recorder.refuse(node, `at most ${results.length} outputs`, quoted(name))
      recorder.setOutput(node, name, results[i])
    }
  }
  const outputs = ports.outputs.map(({ name, key }): [string, Tensor] => {
    const value = recorder.values.get(name)
    if (value && !isConstant(value)) return [key, value]
    throw expected('ERR_UNSUPPORTED', `outputs that depend on inputs in ${file.path}`, quoted(name), 'export the model without it') // prettier-ignore
  })
  return { recorder, outputs: Object.fromEntries(outputs) }
}
