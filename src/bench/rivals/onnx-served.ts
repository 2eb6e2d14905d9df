// Writes the model of a server for ONNX Runtime, with the same weights: an embedding, LSTM layers over rows of different lengths, the scores of
// the last symbol of each row.

import { onnxModel, onnxNode, onnxTensor, onnxTypes, onnxValue, type OnnxMessage } from '../../io/onnx.js'
import type { Stack } from '../workloads/networks.js'

const { float: FLOAT, int32: INT32, int64: INT64 } = onnxTypes

/** Weights by their names, as `model.parameters.get` returns them. */
export type WeightsByName = (name: string) => { readonly shape: readonly number[]; readonly data: Float32Array }

/** Returns rows of the gates i, f, g, o in the order of ONNX: i, o, f, g. */
function gatesOf(data: Float32Array): Float32Array {
  const size = data.length / 4
  const out = new Float32Array(data.length)
  for (const [to, from] of [0, 3, 1, 2].entries()) out.set(data.subarray(from * size, (from + 1) * size), to * size)
  return out
}

function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!)
}

/**
 * Returns the bytes of the ONNX model. Inputs are tok [T, B], lengths [B] and the states h0_i, c0_i [1, B, H]; outputs are the logits [1, B, V]
 * of the last symbol of each row and the states hN_i, cN_i.
 */
export function servedOnnx({ H, layers }: Stack, weights: WeightsByName): Uint8Array {
  const states = Array.from({ length: layers }, (_, i) => [`h0_${i}`, `c0_${i}`]).flat()
  const { shape: table, data } = weights('embedding.weight')
  const [V = 0] = table
  const nodes: OnnxMessage[] = [onnxNode('Gather', ['table', 'tok'], ['y'], { axis: 0 })]
  const initializers = [
    onnxTensor('table', FLOAT, table, data),
    onnxTensor('axis', INT64, [1], BigInt64Array.of(1n)),
    onnxTensor('head', FLOAT, [H, V], transposed(weights('head.weight').data, V, H)),
    onnxTensor('head_bias', FLOAT, [V], weights('head.bias').data)
  ]
  for (let i = 0; i < layers; i++) {
    const of = (kind: string) => weights(`lstm.${kind}_l${i}`)
    const biases = [of('bias_ih'), of('bias_hh')].map((one) => gatesOf(one.data))
    const joined = Float32Array.from([...biases[0]!, ...biases[1]!])
    for (const [name, kind] of [
      [`W${i}`, 'weight_ih'],
      [`R${i}`, 'weight_hh']
    ] as const)
      // prettier-ignore
      initializers.push(onnxTensor(name, FLOAT, [1, ...of(kind).shape], gatesOf(of(kind).data)))
    initializers.push(onnxTensor(`B${i}`, FLOAT, [1, 8 * H], joined))
    const inputs = [i === 0 ? 'y' : `y${i - 1}`, `W${i}`, `R${i}`, `B${i}`, 'lengths', `h0_${i}`, `c0_${i}`]
    nodes.push(onnxNode('LSTM', inputs, [`Y${i}`, `hN_${i}`, `cN_${i}`], { hidden_size: H }))
    if (i < layers - 1) nodes.push(onnxNode('Squeeze', [`Y${i}`, 'axis'], [`y${i}`]))
  }
  nodes.push(onnxNode('MatMul', [`hN_${layers - 1}`, 'head'], ['product']))
  nodes.push(onnxNode('Add', ['product', 'head_bias'], ['logits']))
  const state = (name: string) => onnxValue(name, FLOAT, [1, 'B', H])
  return Buffer.concat(
    onnxModel({
      nodes,
      initializers,
      inputs: [onnxValue('tok', INT64, ['T', 'B']), onnxValue('lengths', INT32, ['B']), ...states.map(state)],
      outputs: [onnxValue('logits', FLOAT, [1, 'B', V]), ...states.map((name) => state(name.replace('0', 'N')))]
    })
  )
}
