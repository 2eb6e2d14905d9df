// A text model as an ONNX graph: Gather, an LSTM node for each layer, MatMul and Add. Inputs are tokens [length, batch] and the states h0 and c0
// [layers, batch, hidden], outputs the logits [length, batch, symbols] and the states after the last token, so that a text can be continued step
// by step.

import { vocabularySizeOf } from '../../data/text/vocabulary.js'
import {
  onnxModel,
  onnxNode,
  onnxTensor,
  onnxTypes,
  onnxValue,
  type OnnxGraph,
  type OnnxMessage
} from '../../io/onnx.js'
import { blocksInOrder, transposedMatrix } from '../tensors/strided.js'
import { textContents, type ModelContents } from '../text-contents.js'

/** Returns the pieces of the ONNX file of a text model. Throws ERR_UNSUPPORTED for other models and for zoneout, which ONNX lacks. */
export function onnxText(contents: ModelContents): OnnxMessage {
  const { network, vocabulary, weight: tensorOf } = textContents(contents, 'ONNX')
  const weight = (name: string) => tensorOf(name).data
  const { hidden, layers, embedding } = network
  const graph = textGraph({ hidden, layers, embedding, symbols: vocabularySizeOf(vocabulary), weight })
  return onnxModel(graph, {
    operators: { '': 17 },
    producer: 'gatecell',
    metadata: { 'gatecell.vocabulary': JSON.stringify(vocabulary) }
  })
}

/** Our gates i, f, g, o in the order of ONNX: i, o, f, c. */
const gates = [0, 3, 1, 2] as const

/** Sizes and weights of a text model. */
interface TextWeights {
  readonly hidden: number
  readonly layers: number
  readonly embedding: number
  readonly symbols: number
  /** Returns the values of a parameter. */
  weight(name: string): Float32Array
}

const { float: FLOAT, int64: INT64 } = onnxTypes

/** Returns the graph of a text model. */
function textGraph(model: TextWeights): OnnxGraph {
  const { hidden, layers, embedding, symbols, weight } = model
  const nodes = [onnxNode('Gather', ['embedding.weight', 'tokens'], ['x0'])]
  const initializers = [
    onnxTensor('embedding.weight', FLOAT, [symbols, embedding], weight('embedding.weight')),
    onnxTensor('direction', INT64, [1], BigInt64Array.of(1n)),
    onnxTensor('head.weight', FLOAT, [hidden, symbols], transposedMatrix(weight('head.weight'), symbols, hidden)),
    onnxTensor('head.bias', FLOAT, [symbols], weight('head.bias'))
  ]
  const each = (name: string) =>
    Array.from({ length: layers }, (_, layer) => (layers === 1 ? name : `${name}_l${layer}`))
  const states = { h0: each('h0'), c0: each('c0'), h: each('h'), c: each('c') }
  if (layers > 1)
    for (const name of ['h0', 'c0'] as const) nodes.push(onnxNode('Split', [name], states[name], { axis: 0 }))
  for (let layer = 0; layer < layers; layer++) {
    const added = layerWeights(model, layer)
    initializers.push(...Object.values(added))
    const inputs = [`x${layer}`, ...Object.keys(added), '', states.h0[layer]!, states.c0[layer]!]
    const outputs = [`y${layer}`, states.h[layer]!, states.c[layer]!]
    nodes.push(onnxNode('LSTM', inputs, outputs, { hidden_size: hidden, direction: 'forward' }))
    nodes.push(onnxNode('Squeeze', [`y${layer}`, 'direction'], [`x${layer + 1}`]))
  }
  if (layers > 1)
    for (const name of ['h', 'c'] as const) nodes.push(onnxNode('Concat', states[name], [name], { axis: 0 }))
  nodes.push(onnxNode('MatMul', [`x${layers}`, 'head.weight'], ['products']))
  nodes.push(onnxNode('Add', ['products', 'head.bias'], ['logits']))
  const state = (name: string) => onnxValue(name, FLOAT, [layers, 'batch', hidden])
  return {
    nodes,
    initializers,
    inputs: [onnxValue('tokens', INT64, ['length', 'batch']), state('h0'), state('c0')],
    outputs: [onnxValue('logits', FLOAT, ['length', 'batch', symbols]), state('h'), state('c')]
  }
}

/** Returns the weights of a layer by name, in the order in which an LSTM node takes them. */
function layerWeights({ hidden, embedding, weight }: TextWeights, layer: number): Record<string, OnnxMessage> {
  const [input, recurrent, bias] = ['weight_ih', 'weight_hh', 'bias'].map((name) => `lstm.${name}_l${layer}`) as [
    string,
    string,
    string
  ]
  const biases = new Float32Array(8 * hidden)
  biases.set(blocksInOrder(weight(`lstm.bias_ih_l${layer}`), gates))
  biases.set(blocksInOrder(weight(`lstm.bias_hh_l${layer}`), gates), 4 * hidden)
  return {
    [input]: onnxTensor(
      input,
      FLOAT,
      [1, 4 * hidden, layer === 0 ? embedding : hidden],
      blocksInOrder(weight(input), gates)
    ),
    [recurrent]: onnxTensor(recurrent, FLOAT, [1, 4 * hidden, hidden], blocksInOrder(weight(recurrent), gates)),
    [bias]: onnxTensor(bias, FLOAT, [1, 8 * hidden], biases)
  }
}
