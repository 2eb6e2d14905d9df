// A model of ours as a graph of ONNX, for any model whose ops ONNX has: its function is recorded, and each op becomes nodes. Carried states are
// inputs and outputs, so that a sequence is continued step by step.

import { expected } from '../../../errors.js'
import type { Tensor } from '../../../graph/graph.js'
import { onnxModel, onnxTypes, onnxValue, type OnnxMessage } from '../../../io/onnx.js'
import type { ModelDefinition } from '../../../model.js'
import { writtenOps, type IsUsed } from './operators.js'
import { recordSizes, type Size, type SizedRecording } from './sizes.js'
import { writeStates } from './states.js'
import { OnnxWriter, type WeightValues } from './writer.js'

/** A model to write. */
export interface WrittenModel {
  /** The path of its file, or words for messages. */
  readonly where: string
  readonly definition: ModelDefinition
  weight(name: string): WeightValues
  readonly metadata: Readonly<Record<string, string>>
}

/** Returns the tensors that outputs, states or ops read. */
function usedTensors({ graph, outputs }: SizedRecording): ReadonlySet<Tensor> {
  const used = new Set<Tensor>([...Object.values(outputs), ...graph.carries.map(({ from }) => from)])
  for (const { inputs } of graph.ops) for (const input of inputs) if (input) used.add(input)
  return used
}

/** Throws ERR_UNSUPPORTED with all ops that ONNX lacks. */
function checkOps(recording: SizedRecording, used: ReadonlySet<Tensor>, where: string): void {
  const found = recording.graph.ops
    .filter(({ outputs }) => outputs.some((output) => used.has(output)))
    .flatMap((op) => {
      const written = writtenOps[op.name]
      if (!written) return [`the op ${op.name}`]
      return written.lacks?.(op, (i) => used.has(op.outputs[i]!), recording.otherOf(op)).map((part) => `${op.name} with ${part}`) ?? [] // prettier-ignore
    })
  if (found.length === 0) return
  const names = [...new Set(found)].join(', ')
  throw expected('ERR_UNSUPPORTED', `a network whose ops ONNX has in ${where}`, names, 'export it to pytorch or numpy')
}

/** Returns a size as a dimension of an input or output: a number, or a name for a size that may be any. */
const dimension = ({ factor, dims }: Size) =>
  dims.length === 0 ? factor : [...(factor === 1 ? [] : [factor]), ...dims].join('*')

/** Returns the type of an input: ids are int64, as in PyTorch, and numbers of steps int32, as recurrent nodes take them. */
function typeOf({ graph }: SizedRecording, input: Tensor): number {
  if (input.dtype === 'f32') return onnxTypes.float
  const isLengths = graph.ops.some(({ name, inputs }) => ['lstm', 'gru', 'rnn'].includes(name) && inputs[7] === input)
  return isLengths ? onnxTypes.int32 : onnxTypes.int64
}

/**
 * Returns the pieces of the ONNX file of a model, of operator set 17. Throws ERR_UNSUPPORTED, with the names of all ops that ONNX lacks, and for
 * sizes that are not multiples of the inputs' sizes.
 */
export function onnxOf({ where, definition, weight, metadata }: WrittenModel): OnnxMessage {
  const recording = recordSizes(definition, where)
  const used = usedTensors(recording)
  checkOps(recording, used, where)
  const writer = new OnnxWriter(recording, weight)
  const describe = (name: string, tensor: Tensor, type: number) =>
    onnxValue(name, type, recording.shapeOf(tensor).map(dimension))
  const inputs = Object.entries(recording.inputs).map(([name, tensor]) => {
    writer.call(tensor, writer.free(name))
    return describe(name, tensor, typeOf(recording, tensor))
  })
  const results = Object.entries(recording.outputs).map(([name, tensor]) => ({ name: writer.free(name), tensor }))
  const states = writeStates(writer)
  for (const op of recording.graph.ops) {
    const isUsed: IsUsed = (output) => used.has(op.outputs[output]!)
    if (op.outputs.some((_, i) => isUsed(i))) writtenOps[op.name]!.write(writer, op, isUsed)
  }
  for (const { name, tensor } of results) writer.add('Identity', [writer.nameOf(tensor)], {}, name)
  const outputs = [...results.map(({ name, tensor }) => describe(name, tensor, onnxTypes.float)), ...states.outputs()]
  const { nodes, initializers } = writer
  const graph = { nodes, initializers, inputs: [...inputs, ...states.inputs], outputs }
  return onnxModel(graph, { operators: { '': 17 }, producer: 'gatecell', metadata })
}
