// Writes test/golden/tfjs: a layers model that TensorFlow.js 4.22 saves, with inputs and its outputs, and the same with quantised weights as its
// converter writes them. Usage: in a folder with @tensorflow/tfjs installed, node make_tfjs.mjs FOLDER
import { Buffer } from 'node:buffer'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const tf = createRequire(join(process.cwd(), 'x.js'))('@tensorflow/tfjs')
const folder = process.argv[2]
mkdirSync(folder, { recursive: true })

const model = tf.sequential()
model.add(tf.layers.embedding({ inputDim: 5, outputDim: 4, inputShape: [null], name: 'table' }))
model.add(tf.layers.bidirectional({ layer: tf.layers.lstm({ units: 3, returnSequences: true, recurrentInitializer: 'glorotUniform' }), mergeMode: 'concat' }))
model.add(tf.layers.gru({ units: 4, recurrentInitializer: 'glorotUniform' }))
model.add(tf.layers.dense({ units: 2, activation: 'softmax' }))
let seed = 1
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647 - 0.4
model.setWeights(model.getWeights().map((w) => tf.tensor(Float32Array.from({ length: w.size }, random), w.shape)))

const ids = [0, 1, 2, 4, 3, 1, 0, 2]
const described = (tensor) => ({ shape: tensor.shape, data: Array.from(tensor.dataSync()) })
const outputsOf = () => described(model.predict(tf.tensor(ids, [2, 4])))
const expected = {}
const save = async (name, change) => {
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData, format, generatedBy }) => {
      const { specs, bytes } = change(weightSpecs, new Uint8Array(Array.isArray(weightData) ? weightData[0] : weightData))
      const half = Math.floor(bytes.length / 8) * 4
      writeFileSync(join(folder, `${name}.1.bin`), bytes.subarray(0, half))
      writeFileSync(join(folder, `${name}.2.bin`), bytes.subarray(half))
      const weightsManifest = [{ paths: [`${name}.1.bin`, `${name}.2.bin`], weights: specs }]
      writeFileSync(join(folder, `${name}.json`), JSON.stringify({ format, generatedBy, modelTopology, weightsManifest }))
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
    })
  )
  expected[name] = { inputs: { shape: [2, 4], data: ids }, outputs: outputsOf() }
}
await save('plain', (specs, bytes) => ({ specs, bytes }))

/** Returns weights as the converter quantises them, and gives the model the values that they have afterwards. */
const quantise = (Type, dtype) => (specs, bytes) => {
  const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  let at = 0
  const parts = []
  const after = []
  const quantised = specs.map(({ name, shape }) => {
    const size = shape.reduce((all, one) => all * one, 1)
    const values = data.slice(at, (at += size))
    const [min, max] = [Math.min(...values), Math.max(...values)]
    const scale = (max - min) / (2 ** (8 * Type.BYTES_PER_ELEMENT) - 1)
    const q = Type.from(values, (value) => Math.round((value - min) / scale))
    parts.push(Buffer.from(q.buffer))
    after.push(tf.tensor(Float32Array.from(q, (value) => value * scale + min), shape))
    return { name, shape, dtype: 'float32', quantization: { dtype, min, scale, original_dtype: 'float32' } }
  })
  model.setWeights(after)
  return { specs: quantised, bytes: Buffer.concat(parts) }
}
/** Returns the bits of a number as float16, rounded towards zero; numbers below the smallest normal one become 0. */
const halfBits = (value) => {
  const [bits] = new Uint32Array(Float32Array.of(value).buffer)
  const exponent = ((bits >>> 23) & 255) - 112
  return ((bits >>> 16) & 0x8000) | (exponent < 1 ? 0 : (exponent << 10) | ((bits >>> 13) & 0x3ff))
}
const halfValue = (bits) => (bits & 0x8000 ? -1 : 1) * ((bits & 0x7fff) === 0 ? 0 : 2 ** (((bits >>> 10) & 31) - 15) * (1 + (bits & 0x3ff) / 1024))

/** Returns weights as float16, and gives the model their values. */
const asHalf = (specs, bytes) => {
  const all = Uint16Array.from(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4), halfBits)
  let at = 0
  const sizeOf = (shape) => shape.reduce((product, one) => product * one, 1)
  model.setWeights(specs.map(({ shape }) => tf.tensor(Float32Array.from(all.subarray(at, (at += sizeOf(shape))), halfValue), shape)))
  const quantization = { dtype: 'float16', original_dtype: 'float32' }
  return { specs: specs.map(({ name, shape }) => ({ name, shape, dtype: 'float32', quantization })), bytes: Buffer.from(all.buffer) }
}
await save('uint16', quantise(Uint16Array, 'uint16'))
await save('uint8', quantise(Uint8Array, 'uint8'))
await save('float16', asHalf)
writeFileSync(join(folder, 'expected.json'), `${JSON.stringify(expected)}\n`)
