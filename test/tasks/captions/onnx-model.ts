// Small vision models in the ONNX format.

import { onnxModel, onnxNode, onnxTensor, onnxValue } from '../../../src/io/onnx.js'

const FLOAT = 1

/** Returns the bytes of a model with a convolution over patches of 4 x 4 pixels, [1, 3, H, W] to [1, channels, H / 4, W / 4]. */
export function patchModel({ channels, outputs }: { channels: number; outputs: ('features' | 'rectified')[] }): Buffer {
  const weight = Float32Array.from({ length: channels * 3 * 16 }, (_, i) => Math.sin(i * i) / 8)
  const attributes = { kernel_shape: [4, 4], strides: [4, 4] }
  const parts = onnxModel({
    nodes: [
      onnxNode('Conv', ['image', 'weight'], ['features'], attributes),
      onnxNode('Relu', ['features'], ['rectified'])
    ],
    initializers: [onnxTensor('weight', FLOAT, [channels, 3, 4, 4], weight)],
    inputs: [onnxValue('image', FLOAT, [1, 3, 'H', 'W'])],
    outputs: outputs.map((name) => onnxValue(name, FLOAT, [1, channels, 'h', 'w']))
  })
  return Buffer.concat(parts)
}
