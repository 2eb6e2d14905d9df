// The ONNX models that ONNX Runtime is measured with. Weights are small random numbers.

import { onnxModel, onnxNode, onnxTensor, onnxTypes, onnxValue, type OnnxMessage } from '../../io/onnx.js'
import { VOCABULARY } from '../workloads/amounts.js'

const { float: FLOAT, int8: INT8, int64: INT64 } = onnxTypes

let tensors = 0

/** Other numbers at each call: ONNX Runtime keeps equal weights once, and would then stream less than a real model. */
function randomFloats(count: number, bound: number): Float32Array {
  const values = new Float32Array(count)
  let state = (count + 0x9e3779b9 * ++tensors) >>> 0
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    values[i] = ((state >>> 8) / 0x800000 - 1) * bound
  }
  return values
}

function randomBytes(count: number): Int8Array {
  const values = new Int8Array(count)
  const shift = ++tensors
  for (let i = 0; i < count; i++) values[i] = (((i + shift) * 2654435761) >>> 24) % 127
  return values
}

/** The model that is written. */
export interface OnnxOptions {
  layers: number
  hidden: number
  /** Embedding before, linear to the vocabulary after, one token: the model of the sampling loop. */
  character: boolean
  /** int8 weights, by com.microsoft's DynamicQuantizeLSTM. */
  quantized: boolean
}

/**
 * Builds the bytes of an ONNX model of stacked LSTM layers. Inputs are X [T, B, H] (or tok [1, 1]) and the states h0_i, c0_i [1, B, H];
 * outputs are Y [T, B, H] (or logits [V]) and the states hN_i, cN_i.
 */
export function lstmModel({ layers, hidden: H, character, quantized }: OnnxOptions): Uint8Array {
  const bound = 1 / Math.sqrt(H)
  const parts: { nodes: OnnxMessage[]; initializers: OnnxMessage[]; inputs: OnnxMessage[]; outputs: OnnxMessage[] } = {
    nodes: [],
    initializers: [],
    inputs: [],
    outputs: []
  }
  const weight = (name: string, dims: readonly number[], data: ArrayBufferView, type: number = FLOAT) => {
    parts.initializers.push(onnxTensor(name, type, dims, data))
    return name
  }
  let x = 'X'
  if (character) {
    parts.inputs.push(onnxValue('tok', INT64, [1, 1]))
    weight('table', [VOCABULARY, H], randomFloats(VOCABULARY * H, 1))
    parts.nodes.push(onnxNode('Gather', ['table', 'tok'], ['x'], { axis: 0 }))
    x = 'x'
  } else {
    parts.inputs.push(onnxValue('X', FLOAT, ['T', 'B', H]))
  }
  weight('axis', [1], BigInt64Array.of(1n), INT64)
  for (let i = 0; i < layers; i++) {
    for (const state of ['h', 'c']) {
      parts.inputs.push(onnxValue(`${state}0_${i}`, FLOAT, [1, 'B', H]))
      parts.outputs.push(onnxValue(`${state}N_${i}`, FLOAT, [1, 'B', H]))
    }
    const bias = weight(`B${i}`, [1, 8 * H], randomFloats(8 * H, bound))
    const states = ['', `h0_${i}`, `c0_${i}`]
    const outputs = [`Y${i}`, `hN_${i}`, `cN_${i}`]
    if (quantized) {
      const scales: string[] = []
      const matrices = ['W', 'R'].map((kind) => {
        scales.push(weight(`${kind}s${i}`, [1], Float32Array.of(bound / 127)))
        scales.push(weight(`${kind}z${i}`, [1], Int8Array.of(0), INT8))
        return weight(`${kind}${i}`, [1, H, 4 * H], randomBytes(4 * H * H), INT8)
      })
      const inputs = [x, ...matrices, bias, ...states, '', ...scales]
      const attributes = { hidden_size: H, direction: 'forward' }
      parts.nodes.push(onnxNode('DynamicQuantizeLSTM', inputs, outputs, attributes, 'com.microsoft'))
    } else {
      const matrices = ['W', 'R'].map((kind) => weight(`${kind}${i}`, [1, 4 * H, H], randomFloats(4 * H * H, bound)))
      parts.nodes.push(onnxNode('LSTM', [x, ...matrices, bias, ...states], outputs, { hidden_size: H }))
    }
    parts.nodes.push(onnxNode('Squeeze', [`Y${i}`, 'axis'], [`y${i}`]))
    x = `y${i}`
  }
  if (character) {
    weight('head', [H, VOCABULARY], randomFloats(H * VOCABULARY, bound))
    weight('head_bias', [VOCABULARY], randomFloats(VOCABULARY, bound))
    weight('shape', [1], BigInt64Array.of(BigInt(VOCABULARY)), INT64)
    parts.nodes.push(onnxNode('MatMul', [x, 'head'], ['product']), onnxNode('Add', ['product', 'head_bias'], ['sum']))
    parts.nodes.push(onnxNode('Reshape', ['sum', 'shape'], ['logits']))
    parts.outputs.push(onnxValue('logits', FLOAT, [VOCABULARY]))
  } else {
    parts.nodes.push(onnxNode('Identity', [x], ['Y']))
    parts.outputs.push(onnxValue('Y', FLOAT, ['T', 'B', H]))
  }
  return Buffer.concat(onnxModel(parts))
}
