// Models in the ONNX format, written: onnx.proto of ONNX 1.x, as few fields as models of recurrent layers need.

import { fixedField, integerField, messageField, textField, type Message } from './protobuf.js'

/** A message of ONNX in pieces. */
export type OnnxMessage = Message

const join = (...messages: OnnxMessage[]): OnnxMessage => messages.flat()

/** Numbers of types of elements. */
export const onnxTypes = { float: 1, int8: 3, int32: 6, int64: 7 } as const

/** Returns a tensor of a model. `type` is a number of its elements' type in ONNX: 1 for float32. */
export function onnxTensor(name: string, type: number, dims: readonly number[], data: ArrayBufferView): OnnxMessage {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return join(
    ...dims.map((dim) => integerField(1, dim)),
    integerField(2, type),
    textField(8, name),
    messageField(9, [raw])
  )
}

type Dim = number | string

/** Returns the description of an input or output; a dimension that is a name may have any size. */
export function onnxValue(name: string, type: number, dims: readonly Dim[]): OnnxMessage {
  const shape = dims.flatMap((dim) =>
    messageField(1, typeof dim === 'number' ? integerField(1, dim) : textField(2, dim))
  )
  return join(textField(1, name), messageField(2, messageField(1, join(integerField(1, type), messageField(2, shape)))))
}

/** The value of an attribute: an integer, a text, integers, or a value of another type by its name. */
export type OnnxAttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }

function attribute(name: string, value: OnnxAttributeValue): OnnxMessage {
  const typed = (type: number, ...fields: OnnxMessage[]) => join(textField(1, name), ...fields, integerField(20, type))
  if (typeof value === 'number') return typed(2, integerField(3, value))
  if (typeof value === 'string') return typed(3, textField(4, value))
  if ('float' in value) return typed(1, fixedField(2, value.float, 4))
  if ('floats' in value) return typed(6, ...value.floats.map((item) => fixedField(7, item, 4)))
  if ('strings' in value) return typed(8, ...value.strings.map((item) => textField(9, item)))
  return typed(7, ...value.map((item) => integerField(8, item)))
}

/** Returns a node of a graph. */
export function onnxNode(
  type: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, OnnxAttributeValue>> = {},
  domain = ''
): OnnxMessage {
  return join(
    ...inputs.map((name) => textField(1, name)),
    ...outputs.map((name) => textField(2, name)),
    textField(4, type),
    ...Object.entries(attributes).map(([name, value]) => messageField(5, attribute(name, value))),
    domain ? textField(7, domain) : []
  )
}

/** The parts of a graph. */
export interface OnnxGraph {
  readonly nodes: readonly OnnxMessage[]
  readonly initializers: readonly OnnxMessage[]
  readonly inputs: readonly OnnxMessage[]
  readonly outputs: readonly OnnxMessage[]
}

/** How a model is written: the versions of the sets of operators by domain, texts about the model, and the name of its producer. */
export interface OnnxModelOptions {
  readonly operators?: Readonly<Record<string, number>>
  readonly metadata?: Readonly<Record<string, string>>
  readonly producer?: string
}

/** Returns the parts of a model's file, of version 8 of the format. */
export function onnxModel(
  { nodes, initializers, inputs, outputs }: OnnxGraph,
  { operators = { '': 14, 'com.microsoft': 1 }, metadata = {}, producer }: OnnxModelOptions = {}
): OnnxMessage {
  const graph = join(
    ...nodes.map((message) => messageField(1, message)),
    textField(2, 'lstm'),
    ...initializers.map((message) => messageField(5, message)),
    ...inputs.map((message) => messageField(11, message)),
    ...outputs.map((message) => messageField(12, message))
  )
  return join(
    integerField(1, 8),
    producer ? textField(2, producer) : [],
    messageField(7, graph),
    ...Object.entries(operators).map(([name, version]) =>
      messageField(8, join(textField(1, name), integerField(2, version)))
    ),
    ...Object.entries(metadata).map(([key, value]) => messageField(14, join(textField(1, key), textField(2, value))))
  )
}
